//! Keys lie in the store sealed, in memory while the barrier is open, and nowhere else.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Algorithm, Caller, HashAlgorithm, Name, Reader, SealedStore, Sealer, Signer, StoreError, Tenant, UseError,
};
use strongroom_kms::{Code, DataKeySize, Filter, Kms, KmsError, Rings, Signature};
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{DELETABLE, Disk, TENANT, base_with, name, verdict},
};

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::Aes256Gcm,
    Algorithm::Ed25519,
    Algorithm::EcdsaP256,
    Algorithm::RawAes256Gcm,
    Algorithm::Aes256Siv,
    Algorithm::HmacSha512,
    Algorithm::KbkdfHmacSha256,
];

/// Does whatever the keys of a ring can do.
fn used(rings: &Rings, ring: &Name) -> String {
    let (encrypted, signed) = (rings.encrypt(ring, b"text", b""), rings.sign(ring, None, b"text"));
    let (code, derived) = (rings.mac(ring, None, b"text"), rings.derive(ring, None, b"label", b"", 64));
    format!("{encrypted:?} {signed:?} {code:?} {derived:?}")
}

fn holds(rows: &[(Vec<u8>, Vec<u8>)], secret: &[u8]) -> bool {
    rows.iter().any(|(key, value)| {
        [key, value].into_iter().any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
    })
}

#[test]
fn no_key_reaches_the_engine_in_the_clear_by_any_operation() {
    let spy = Arc::new(Spy::default());
    let disk = Disk::with(spy.clone());
    let unsealed = disk.start();
    let rings = Kms::new(unsealed.base()).without_caller(unsealed.first_tenant());
    let search = |what: &str| {
        let rows = disk.engine.dump();
        spy.made().iter().for_each(|secret| assert!(!holds(&rows, secret), "after {what}"));
    };
    for algorithm in ALGORITHMS {
        let ring = name(&format!("{algorithm:?}"));
        rings.create(&ring, algorithm).unwrap();
        search("create");
        rings.rotate(&ring).unwrap();
        search("rotate");
        used(&rings, &ring);
        search("the use of the keys");
        rings.configure(&ring, &DELETABLE).unwrap();
        rings.disable(&ring).unwrap();
        search("disable");
        unsealed.rotate_tenant(&Caller::system(), unsealed.first_tenant()).unwrap();
        rings.enable(&ring).unwrap();
        search("enable, under a new key of the tenant");
    }
    assert_eq!(spy.made().len(), 2 * ALGORITHMS.len());
    unsealed.rotate_root(&Caller::system()).unwrap();
    search("the rotation of the root");
    ALGORITHMS.iter().for_each(|algorithm| rings.delete(&name(&format!("{algorithm:?}"))).unwrap());
    search("delete");
    // Without a barrier the same search does find them.
    let store = Arc::new(Engine::new());
    let rings = Kms::new(base_with(store.clone(), spy.clone())).without_caller(TENANT);
    rings.create(&name("ring"), Algorithm::Ed25519).unwrap();
    assert!(holds(&store.dump(), spy.made().last().unwrap()));
}

type Answered = (&'static str, Result<(), KmsError>);

/// Everything that can be done with a ring, in an order in which it can be done.
fn life(rings: &Rings, ring: &str, algorithm: Algorithm) -> Vec<Answered> {
    let ring = &name(ring);
    let none = || Signature { version: 1, bytes: vec![0; 64] };
    let mut answers = vec![
        ("create", rings.create(ring, algorithm).map(drop)),
        ("list", rings.list(None, 10).map(drop)),
        ("find", rings.find(&Filter::default(), None, 10).map(drop)),
        ("read", rings.read(ring).map(drop)),
        ("algorithm", rings.algorithm(ring).map(drop)),
        ("handle", rings.ring(ring).map(drop)),
        ("rotate", rings.rotate(ring).map(drop)),
    ];
    let sealed = rings.encrypt(ring, b"text", b"");
    let envelope = sealed.as_ref().map_or_else(|_| vec![0; 120], Clone::clone);
    let signature = rings.sign(ring, None, b"text");
    let signed = signature.as_ref().map_or_else(|_| none(), Clone::clone);
    answers.extend([
        ("encrypt", sealed.map(drop)),
        ("decrypt", rings.decrypt(ring, &envelope, b"").map(drop)),
        ("rewrap", rings.rewrap(ring, &envelope, b"").map(drop)),
        ("sign", signature.map(drop)),
        ("sign a digest", rings.sign_digest(ring, None, HashAlgorithm::Sha256, &[1; 32]).map(drop)),
        ("verify", rings.verify(ring, b"text", &signed).map(drop)),
        ("verify a digest", rings.verify_digest(ring, HashAlgorithm::Sha256, &[1; 32], &signed).map(drop)),
        ("data key", rings.data_key(ring, None, DataKeySize::Bits256, b"").map(drop)),
        ("mac", rings.mac(ring, None, b"text").map(drop)),
        ("verify a mac", rings.verify_mac(ring, b"text", &Code { version: 1, bytes: vec![0; 32] }).map(drop)),
        ("derive", rings.derive(ring, None, b"label", b"", 32).map(drop)),
        ("usage", rings.usage(ring).map(drop)),
        ("disable", rings.disable(ring)),
        ("enable", rings.enable(ring)),
        ("configure", rings.configure(ring, &DELETABLE).map(drop)),
        ("delete", rings.delete(ring)),
    ]);
    answers
}

#[test]
fn after_seal_every_operation_answers_sealed_and_no_key_is_left() {
    let spy = Arc::new(Spy::default());
    let unsealed = Disk::with(spy.clone()).start();
    let kms = Kms::new(unsealed.base());
    let rings = kms.without_caller(unsealed.first_tenant());
    let mut handles = Vec::new();
    for algorithm in ALGORITHMS {
        let ring = name(&format!("{algorithm:?}"));
        rings.create(&ring, algorithm).unwrap();
        used(&rings, &ring);
        handles.push((ring.clone(), rings.ring(&ring).unwrap()));
        assert_eq!(rings.cached(&ring), algorithm.use_limit().is_none());
    }
    assert_eq!(spy.alive(), ALGORITHMS.len() as i64);
    unsealed.seal(Duration::from_secs(9)).unwrap();
    assert_eq!(spy.alive(), 0, "the cache is wiped, although kms and handles still live");
    for algorithm in ALGORITHMS {
        for (what, answer) in life(&rings, &format!("{algorithm:?}"), algorithm) {
            assert_eq!(verdict(answer), "sealed", "{what} of {algorithm:?}");
        }
    }
    for (ring, handle) in &handles {
        assert!(!rings.cached(ring));
        let sealed =
            |answer: Result<(), UseError>| matches!(answer, Err(UseError::Store(StoreError::Sealed)));
        assert!(sealed(handle.sign(b"text").map(drop)) && sealed(handle.public().map(drop)));
        assert!(sealed(handle.seal(b"text", b"").map(drop)) && sealed(handle.open(b"text", b"").map(drop)));
    }
    assert!(plan_is_sealed(&rings, &unsealed, unsealed.first_tenant()));
    drop(kms);
}

fn plan_is_sealed(rings: &Rings, store: &dyn SealedStore, tenant: Tenant) -> bool {
    let reader = || Reader::new(store, tenant);
    verdict(rings.plan_rotate(reader(), &name("Ed25519"))) == "sealed"
        && verdict(rings.plan_create(reader(), &name("new"), Algorithm::Ed25519)) == "sealed"
        && verdict(rings.plan_delete(reader(), &name("Ed25519"))) == "sealed"
}

#[test]
fn while_a_running_operation_delays_the_wipe_nothing_new_begins() {
    let spy = Arc::new(Spy::default());
    let unsealed = Disk::with(spy.clone()).start();
    let base = unsealed.base();
    let rings = Kms::new(base.clone()).without_caller(unsealed.first_tenant());
    for algorithm in ALGORITHMS {
        let ring = name(&format!("{algorithm:?}"));
        rings.create(&ring, algorithm).unwrap();
        used(&rings, &ring);
    }
    let handle = rings.ring(&name("Ed25519")).unwrap();
    let running = base.enter().unwrap();
    unsealed.seal(Duration::ZERO).unwrap_err();
    assert_eq!(spy.alive(), ALGORITHMS.len() as i64, "what runs still has its keys");
    for algorithm in ALGORITHMS {
        for (what, answer) in life(&rings, &format!("{algorithm:?}"), algorithm) {
            assert_eq!(verdict(answer), "sealed", "{what} of {algorithm:?}");
        }
    }
    assert!(!rings.cached(&name("Ed25519")));
    assert!(matches!(handle.sign(b"text"), Err(UseError::Store(StoreError::Sealed))));
    assert!(matches!(handle.public(), Err(UseError::Store(StoreError::Sealed))));
    drop(running);
    assert_eq!(spy.alive(), 0);
}

#[test]
fn keys_that_the_state_forbids_are_not_in_memory() {
    let spy = Arc::new(Spy::default());
    let base = base_with(Arc::new(Engine::new()), spy.clone());
    let (rings, ring) = (Kms::new(base).without_caller(TENANT), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    rings.encrypt(&ring, b"text", b"").unwrap();
    assert_eq!(spy.alive(), 1);
    rings.disable(&ring).unwrap();
    assert_eq!(spy.alive(), 0);
    assert_eq!(verdict(rings.encrypt(&ring, b"text", b"")), "disabled");
    assert_eq!((spy.alive(), rings.cached(&ring)), (0, true), "that it is disabled is known, and no key");
}

#[test]
fn nothing_that_prints_shows_a_key() {
    let spy = Arc::new(Spy::default());
    let store = Arc::new(Engine::new());
    let kms = Kms::new(base_with(store.clone(), spy.clone()));
    let rings = kms.without_caller(TENANT);
    let mut printed = vec![format!("{kms:?} {rings:?}")];
    for algorithm in ALGORITHMS {
        let ring = name(&format!("{algorithm:?}"));
        printed.push(format!("{:?}", rings.create(&ring, algorithm).unwrap()));
        printed.push(format!("{:?} {:#?}", rings.read(&ring), rings.ring(&ring).unwrap()));
        printed.push(used(&rings, &ring));
        let plan = rings.plan_rotate(Reader::new(&*store, TENANT), &ring).unwrap();
        printed.push(format!("{plan:?}"));
        let (lowered, pending) = plan.lower(&*store).unwrap();
        printed.push(format!("{lowered:?} {pending:?}"));
        printed.push(format!("{:?}", rings.create(&ring, algorithm).unwrap_err()));
    }
    let secrets = spy.made();
    assert_eq!(secrets.len(), 2 * ALGORITHMS.len());
    for secret in secrets {
        for text in spellings(&secret) {
            assert!(printed.iter().all(|printed| !printed.contains(&text)));
        }
    }
}

/// How bytes are usually printed.
fn spellings(secret: &[u8]) -> [String; 4] {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}");
    let lines: Vec<_> = secret.iter().map(u8::to_string).collect();
    [hex.to_uppercase(), hex, list.trim_matches(['[', ']']).to_owned(), lines.join(",\n")]
}
