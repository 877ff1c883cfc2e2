//! Every state of a version and of a ring, with every operation: on the node that changed it, after reopening, and on a
//! node that had the ring in memory before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use strongroom_core::{Algorithm, Lease, SealOptions, deferring};
use strongroom_keys::KeyFormat;
use strongroom_kms::{
    Code, DataKeySize, KeyUse, KmsError, NewRing, RingState, RingUse, Rings, Sealed, Settings, Signature,
    Source, VersionState, Versions,
};

use crate::{
    support::{DELETABLE, minimums, name, rings, verdict},
    world::World,
};

/// What version 2 of a ring made, or, where it makes nothing, what is asked of it.
type Made = Vec<u8>;
type Run = fn(&Rings, &Made, Option<u32>) -> Result<(), KmsError>;

const HPKE: SealOptions<'static> = SealOptions::Hpke { info: b"", aad: b"" };
const KINDS: [Algorithm; 10] = [
    Algorithm::Aes256Gcm,
    Algorithm::RawAes256Gcm,
    Algorithm::Aes256Siv,
    Algorithm::HmacSha256,
    Algorithm::KbkdfHmacSha256,
    Algorithm::Ed25519,
    Algorithm::EcdsaP256,
    Algorithm::HpkeX25519,
    Algorithm::X25519,
    Algorithm::MlKem768,
];

/// What rings of this kind do, with the use that it makes of a key: with the version that is asked for, or with the one of
/// what was made.
fn acts(algorithm: Algorithm) -> &'static [(KeyUse, Run)] {
    use KeyUse::{MoveAway, Process, Protect, Verify};
    match algorithm {
        Algorithm::Aes256Gcm | Algorithm::RawAes256Gcm | Algorithm::Aes256Siv => &[
            (Protect, |rings, _, version| rings.encrypt_with(&name("r"), version, b"text", b"").map(drop)),
            (Protect, |rings, _, version| {
                rings.data_key(&name("r"), version, DataKeySize::Bits256, b"").map(drop)
            }),
            (Process, |rings, made, _| rings.decrypt(&name("r"), made, b"").map(drop)),
            (MoveAway, |rings, made, _| rings.rewrap_with(&name("r"), Some(1), made, b"").map(drop)),
        ],
        Algorithm::HmacSha256 => &[
            (Protect, |rings, _, version| rings.mac(&name("r"), version, b"text").map(drop)),
            (Process, |rings, made, _| {
                let code = Code { version: 2, bytes: made.clone() };
                rings.verify_mac(&name("r"), b"text", &code).map(drop)
            }),
        ],
        Algorithm::KbkdfHmacSha256 => {
            &[(Process, |rings, _, _| rings.derive(&name("r"), Some(2), b"label", b"", 16).map(drop))]
        }
        Algorithm::Ed25519 | Algorithm::EcdsaP256 => &[
            (Protect, |rings, _, version| rings.sign(&name("r"), version, b"text").map(drop)),
            (Verify, |rings, made, _| {
                let signature = Signature { version: 2, bytes: made.clone() };
                rings.verify(&name("r"), b"text", &signature).map(drop)
            }),
        ],
        Algorithm::HpkeX25519 => &[
            (MoveAway, |rings, made, _| {
                let sealed = Sealed { version: 2, bytes: made.clone() };
                rings.reseal(&name("r"), Some(1), &sealed, &HPKE).map(drop)
            }),
            (Protect, |rings, _, version| rings.seal(&name("r"), version, b"text", &HPKE).map(drop)),
            (Process, |rings, made, _| {
                rings.open(&name("r"), &Sealed { version: 2, bytes: made.clone() }, &HPKE).map(drop)
            }),
        ],
        Algorithm::X25519 => &[(Process, |rings, made, _| rings.agree(&name("r"), Some(2), made).map(drop))],
        _ => &[
            (Protect, |rings, _, version| rings.encapsulate(&name("r"), version).map(drop)),
            (Process, |rings, made, _| rings.decapsulate(&name("r"), 2, made).map(drop)),
        ],
    }
}

/// What rings of every kind do, where they may.
const EXPORT: (KeyUse, Run) = (KeyUse::Export, |rings, _, version| {
    let format = KeyFormat::of(rings.algorithm(&name("r"))?);
    let versions = version.map_or(Versions::Newest, Versions::One);
    rings.export(&name("r"), versions, format).map(drop)
});

/// What a version makes that can be looked at again by it.
fn made_by(rings: &Rings, algorithm: Algorithm, version: u32) -> Made {
    let (ring, asked) = (&name("r"), Some(version));
    match algorithm {
        Algorithm::Aes256Gcm | Algorithm::RawAes256Gcm | Algorithm::Aes256Siv => {
            rings.encrypt_with(ring, asked, b"text", b"").unwrap()
        }
        Algorithm::HmacSha256 => rings.mac(ring, asked, b"text").unwrap().bytes,
        Algorithm::Ed25519 | Algorithm::EcdsaP256 => rings.sign(ring, asked, b"text").unwrap().bytes,
        Algorithm::HpkeX25519 => rings.seal(ring, asked, b"text", &HPKE).unwrap().bytes,
        Algorithm::X25519 => rings.read(ring).unwrap().versions[0].public.clone().unwrap().bytes,
        Algorithm::MlKem768 => rings.encapsulate(ring, asked).unwrap().ciphertext,
        _ => Vec::new(),
    }
}

/// What a version made, as if another one had: ciphertexts have the version in their head.
fn by_version_2(algorithm: Algorithm, mut made: Made) -> Made {
    match algorithm {
        Algorithm::Aes256Gcm => made[20..24].copy_from_slice(&2u32.to_be_bytes()),
        Algorithm::RawAes256Gcm | Algorithm::Aes256Siv => {
            made[4..8].copy_from_slice(&2u32.to_be_bytes());
        }
        _ => {}
    }
    made
}

/// SP 800-57 part 1 revision 5, section 7, and what this project chose where it leaves a choice.
fn expected(state: VersionState, what: KeyUse) -> &'static str {
    let refused = match state {
        VersionState::PreActive => "not active yet",
        VersionState::Active => return "ok",
        VersionState::Suspended => "suspended",
        VersionState::Deactivated => "deactivated",
        VersionState::Compromised => "compromised",
        VersionState::Destroyed => "destroyed",
    };
    let allowed: &[KeyUse] = match state {
        VersionState::Suspended => &[KeyUse::Verify],
        VersionState::Deactivated => &[KeyUse::Process, KeyUse::Verify, KeyUse::MoveAway, KeyUse::Export],
        VersionState::Compromised => &[KeyUse::MoveAway],
        _ => &[],
    };
    if allowed.contains(&what) { "ok" } else { refused }
}

/// A ring of two versions on two nodes that both have it in memory, whose version 2 is then brought into a state.
fn walk(algorithm: Algorithm, state: VersionState) {
    let world = World::new();
    let (one, two) = (world.rings(), world.rings());
    let exportable = Settings { exportable: Some(true), ..Settings::NONE };
    one.create_with(&name("r"), &NewRing { settings: exportable, ..NewRing::of(algorithm) }).unwrap();
    let first = made_by(&one, algorithm, 1);
    let made = if state == VersionState::PreActive {
        let delay = Some(Duration::from_secs(3_600));
        let settings = Settings { publish_delay: delay, ..Settings::NONE };
        deferring(|| one.configure(&name("r"), &settings)).0.unwrap();
        one.rotate(&name("r")).unwrap();
        by_version_2(algorithm, first)
    } else {
        one.rotate(&name("r")).unwrap();
        made_by(&one, algorithm, 2)
    };
    world.clock.advance(Lease::AWAITED);
    for (_, act) in acts(algorithm) {
        let _ = act(&two, &made, Some(2));
    }
    if !matches!(state, VersionState::PreActive | VersionState::Active) {
        deferring(|| one.set_version_state(&name("r"), 2, state)).0.unwrap();
        world.clock.advance(Lease::AWAITED);
    }
    for (node, rings) in [("its own", &one), ("another", &two), ("a new", &world.rings())] {
        assert_eq!(rings.read(&name("r")).unwrap().versions[1].state, state);
        for (place, (what, act)) in acts(algorithm).iter().chain([&EXPORT]).enumerate() {
            let of = format!("{algorithm:?}, act {place}, {state:?}, {node} node");
            assert_eq!(verdict(act(rings, &made, Some(2))), expected(state, *what), "{of}");
            if *what == KeyUse::Protect {
                // Without asking, a version that is not used yet is passed by, and no other one.
                let newest = if state == VersionState::PreActive { "ok" } else { expected(state, *what) };
                assert_eq!(verdict(act(rings, &made, None)), newest, "{of}, the newest");
            }
        }
    }
}

#[test]
fn each_state_of_a_version_allows_what_the_standard_says_and_nothing_else_on_every_node() {
    for algorithm in KINDS {
        VersionState::ALL.into_iter().for_each(|state| walk(algorithm, state));
    }
}

#[test]
fn what_derives_and_agrees_anew_takes_only_an_active_version() {
    type New = fn(&Rings) -> Result<(), KmsError>;
    let news: [(Algorithm, New); 2] = [
        (Algorithm::KbkdfHmacSha256, |rings| rings.derive(&name("r"), None, b"l", b"", 16).map(drop)),
        (Algorithm::X25519, |rings| {
            let peer = rings.read(&name("r")).unwrap().versions[0].public.clone().unwrap();
            rings.agree(&name("r"), None, &peer.bytes).map(drop)
        }),
    ];
    for (algorithm, act) in news {
        let rings = rings();
        rings.create(&name("r"), algorithm).unwrap();
        rings.rotate(&name("r")).unwrap();
        assert_eq!(verdict(act(&rings)), "ok");
        for (state, refused) in
            [(VersionState::Suspended, "suspended"), (VersionState::Deactivated, "deactivated")]
        {
            rings.set_version_state(&name("r"), 2, state).unwrap();
            assert_eq!(verdict(act(&rings)), refused);
        }
    }
}

#[test]
fn a_version_goes_only_where_the_standard_lets_it() {
    use VersionState::{Active, Compromised, Deactivated, Destroyed, Suspended};
    let paths: [(VersionState, &[VersionState]); 5] = [
        (Active, &[Suspended, Deactivated, Compromised, Destroyed]),
        (Suspended, &[Active, Deactivated, Compromised, Destroyed]),
        (Deactivated, &[Compromised, Destroyed]),
        (Compromised, &[Destroyed]),
        (Destroyed, &[]),
    ];
    for (from, allowed) in paths {
        for to in VersionState::ALL {
            let rings = rings();
            rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
            if from != Active {
                rings.set_version_state(&name("r"), 1, from).unwrap();
            }
            let went = rings.set_version_state(&name("r"), 1, to);
            assert_eq!(went.is_ok(), allowed.contains(&to), "{from:?} to {to:?}: {went:?}");
            let shown = rings.read(&name("r")).unwrap().versions.remove(0);
            assert_eq!(shown.state, if went.is_ok() { to } else { from });
            assert_eq!(shown.has_secret, shown.state != Destroyed);
        }
    }
    let rings = rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    assert_eq!(verdict(rings.suspend(&name("r"), 2)), "no version");
    assert_eq!(verdict(rings.suspend(&name("r"), 0)), "no version");
}

#[test]
fn what_is_suspended_comes_back_and_what_is_destroyed_does_not() {
    let rings = rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&name("r"), b"text", b"").unwrap();
    rings.suspend(&name("r"), 1).unwrap();
    assert_eq!(verdict(rings.decrypt(&name("r"), &sealed, b"")), "suspended");
    rings.resume(&name("r"), 1).unwrap();
    assert_eq!(*rings.decrypt(&name("r"), &sealed, b"").unwrap(), b"text");
    // Of a leaked key: a new one is made, what it encrypted is moved, and it is destroyed.
    rings.compromise(&name("r"), 1).unwrap();
    assert_eq!(verdict(rings.rewrap(&name("r"), &sealed, b"")), "compromised", "to itself");
    rings.rotate(&name("r")).unwrap();
    let moved = rings.rewrap(&name("r"), &sealed, b"").unwrap();
    rings.destroy_version(&name("r"), 1).unwrap();
    assert_eq!(verdict(rings.rewrap(&name("r"), &sealed, b"")), "destroyed");
    assert_eq!(*rings.decrypt(&name("r"), &moved, b"").unwrap(), b"text");
    rings.deactivate(&name("r"), 2).unwrap();
    assert_eq!(verdict(rings.encrypt(&name("r"), b"text", b"")), "deactivated", "nor with an older one");
}

type Change = (RingUse, fn(&Rings) -> Result<(), KmsError>);

const CHANGES: &[Change] = &[
    (RingUse::UseKeys, |rings| rings.encrypt(&name("r"), b"text", b"").map(drop)),
    (RingUse::UseKeys, |rings| rings.ring(&name("r")).map(drop)),
    (RingUse::Rotate, |rings| rings.rotate(&name("r")).map(drop)),
    (RingUse::Configure, |rings| rings.configure(&name("r"), &minimums(1, 0)).map(drop)),
    (RingUse::Configure, |rings| rings.trim(&name("r"), 1).map(drop)),
    (RingUse::Switch, |rings| rings.disable(&name("r"))),
    (RingUse::Switch, |rings| rings.enable(&name("r"))),
    (RingUse::ChangeVersion, |rings| rings.deactivate(&name("r"), 1)),
    (RingUse::ScheduleDeletion, |rings| rings.schedule_deletion(&name("r"), None).map(drop)),
    (RingUse::CancelDeletion, |rings| rings.cancel_deletion(&name("r"))),
    (RingUse::Delete, |rings| rings.delete(&name("r"))),
];

/// A ring in this state, which may be deleted.
fn in_state(state: RingState) -> Rings {
    let rings = rings();
    let source = match state {
        RingState::Creating => Source::GeneratedLater,
        RingState::PendingImport => Source::Imported,
        _ => Source::Generated,
    };
    let new = NewRing { source, settings: DELETABLE, ..NewRing::of(Algorithm::Aes256Gcm) };
    rings.create_with(&name("r"), &new).unwrap();
    match state {
        RingState::Disabled => rings.disable(&name("r")).unwrap(),
        RingState::PendingDeletion => drop(rings.schedule_deletion(&name("r"), None).unwrap()),
        RingState::Destroyed => rings.delete(&name("r")).unwrap(),
        RingState::Creating | RingState::PendingImport | RingState::Active => {}
    }
    rings
}

fn allowed(state: RingState) -> &'static [RingUse] {
    use RingUse::{
        CancelDeletion, ChangeVersion, Configure, Delete, Rotate, ScheduleDeletion, Switch, UseKeys,
    };
    match state {
        RingState::Creating | RingState::PendingImport => &[Configure, ScheduleDeletion, Delete],
        RingState::Active => &[UseKeys, Rotate, Configure, Switch, ChangeVersion, ScheduleDeletion, Delete],
        RingState::Disabled => &[Configure, Switch, ChangeVersion, ScheduleDeletion, Delete],
        RingState::PendingDeletion => &[ChangeVersion, CancelDeletion, Delete],
        RingState::Destroyed => &[],
    }
}

#[test]
fn each_state_of_a_ring_allows_its_changes_and_no_other() {
    for state in RingState::ALL {
        let refused = match state {
            RingState::Creating => "creating",
            RingState::PendingImport => "pending import",
            RingState::Active => "other state",
            RingState::Disabled => "disabled",
            RingState::PendingDeletion => "pending deletion",
            RingState::Destroyed => "not found",
        };
        for (what, act) in CHANGES {
            let rings = in_state(state);
            let expected = if allowed(state).contains(what) { "ok" } else { refused };
            assert_eq!(verdict(act(&rings)), expected, "{what:?} in {state:?}");
        }
    }
}

/// What takes something away, and what fails once it has returned.
type Revocation = (fn(&Rings) -> Result<(), KmsError>, fn(&Rings, &[u8]) -> Result<(), KmsError>);

const REVOCATIONS: &[Revocation] = &[
    (|rings| rings.suspend(&name("r"), 1), |rings, made| rings.decrypt(&name("r"), made, b"").map(drop)),
    (|rings| rings.compromise(&name("r"), 1), |rings, made| rings.decrypt(&name("r"), made, b"").map(drop)),
    (
        |rings| rings.destroy_version(&name("r"), 1),
        |rings, made| rings.rewrap_with(&name("r"), Some(1), made, b"").map(drop),
    ),
    (|rings| rings.deactivate(&name("r"), 1), |rings, _| rings.encrypt(&name("r"), b"text", b"").map(drop)),
    (
        |rings| rings.schedule_deletion(&name("r"), None).map(drop),
        |rings, made| rings.decrypt(&name("r"), made, b"").map(drop),
    ),
];

#[test]
fn no_operation_that_begins_after_a_revocation_returned_succeeds() {
    for (revoke, act) in REVOCATIONS {
        for _ in 0..20 {
            let rings = rings();
            rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
            let made = rings.encrypt(&name("r"), b"text", b"").unwrap();
            let revoked = Arc::new(AtomicBool::new(false));
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        loop {
                            let late = revoked.load(Ordering::SeqCst);
                            let done = act(&rings, &made);
                            assert!(!(late && done.is_ok()));
                            if late {
                                break;
                            }
                        }
                    });
                }
                revoke(&rings).unwrap();
                revoked.store(true, Ordering::SeqCst);
            });
        }
    }
}
