//! Keys from elsewhere: the ring does what they do, and what is no key of its type changes nothing.

use strongroom_core::{Action, Algorithm};
use strongroom_keys::{KeyFormat, Transport};
use strongroom_kms::{Import, NewRing, Origin, RingState, Settings, Source, Versions};

use super::material::{Foreign, KWP, OAEP, RING, agree, open, quick, rings, rings_over, wrap};
use crate::support::{drained, name, verdict};

#[test]
fn a_key_of_every_type_does_in_a_ring_what_it_does_outside_and_comes_out_as_it_was() {
    for algorithm in quick() {
        let foreign = Foreign::new(algorithm);
        let rings = rings();
        let ring = rings.import(&name(RING), &open(algorithm), &foreign.secret()).unwrap();
        assert_eq!((ring.state, ring.imported, ring.latest_version), (RingState::Active, true, 1));
        assert_eq!((ring.versions[0].origin, ring.versions[0].has_secret), (Origin::Imported, true));
        agree(&rings, &foreign);
        let out = rings.export(&name(RING), Versions::Newest, foreign.format).unwrap();
        use secrecy::ExposeSecret as _;
        assert_eq!(out[0].secret.expose_secret(), foreign.written, "{algorithm:?}");
    }
}

#[test]
fn a_key_that_was_wrapped_for_the_tenant_comes_in_as_its_first_version_and_as_the_next() {
    for algorithm in quick() {
        let rings = rings();
        let (first, second) = (Foreign::new(algorithm), Foreign::new(algorithm));
        let wrapped = first.wrapped(&rings, KWP);
        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped };
        rings.import(&name(RING), &open(algorithm), &import).unwrap();
        agree(&rings, &first);
        let wrapped = second.wrapped(&rings, KWP);
        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped };
        let ring = rings.import_version(&name(RING), None, &import).unwrap();
        assert_eq!(ring.latest_version, 2);
        agree(&rings, &second);
    }
}

/// AWS's other way: the key itself under OAEP, which only short ones fit.
#[test]
fn a_short_key_comes_in_by_oaep_alone() {
    for algorithm in
        [Algorithm::RawAes256Gcm, Algorithm::HmacSha256, Algorithm::EcdsaP256, Algorithm::Ed25519]
    {
        let (rings, foreign) = (rings(), Foreign::new(algorithm));
        let wrapped = foreign.wrapped(&rings, OAEP);
        let import = Import::Wrapped { transport: OAEP, wrapped: &wrapped };
        rings.import(&name(RING), &open(algorithm), &import).unwrap();
        agree(&rings, &foreign);
    }
}

#[test]
fn a_wrapped_key_with_any_change_is_one_error_and_leaves_nothing_behind() {
    let (rings, foreign) = (rings(), Foreign::new(Algorithm::EcdsaP256));
    let mut errors = Vec::new();
    for way in [KWP, OAEP] {
        let good = foreign.wrapped(&rings, way);
        let changed = (0..good.len()).step_by(37).map(|place| {
            let mut changed = good.clone();
            changed[place] ^= 1 << (place % 8);
            changed
        });
        let cut =
            [0, 1, 511, 512, 513, good.len() - 1].map(|length| good[..length.min(good.len() - 1)].to_vec());
        let other = if way == KWP { OAEP } else { KWP };
        for (transport, wrapped) in changed
            .chain(cut)
            .map(|wrapped| (way, wrapped))
            .chain([(other, good.clone()), (way, [&good[..], &[0; 8]].concat())])
        {
            let import = Import::Wrapped { transport, wrapped: &wrapped };
            let refused = rings.import(&name(RING), &open(Algorithm::EcdsaP256), &import).unwrap_err();
            errors.push(format!("{refused:?} {refused}"));
        }
    }
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(verdict(rings.read(&name(RING))), "not found");
}

/// The wrapping was right: so what is wrong with the bytes can be said.
#[test]
fn what_holds_no_key_behind_its_wrapping_is_refused_by_name() {
    let rings = rings();
    for bytes in [&b"no key"[..], &[0x30; 64]] {
        let wrapped = wrap(&rings, KWP, bytes);
        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped };
        for algorithm in quick() {
            assert_eq!(
                verdict(rings.import(&name(RING), &open(algorithm), &import)),
                expected(algorithm, bytes)
            );
        }
    }
}

fn expected(algorithm: Algorithm, bytes: &[u8]) -> &'static str {
    let fits = algorithm.secret_lengths().is_some_and(|lengths| lengths.contains(&bytes.len()));
    // Any bytes of the right length are a symmetric key; there is one ring already then.
    match (fits, algorithm) {
        (true, Algorithm::Aes256Siv) => "ok",
        (true, _) => "exists",
        _ => "invalid",
    }
}

#[test]
fn every_type_with_every_other_ones_key_and_format_is_a_clear_error() {
    let foreign: Vec<_> = quick().map(Foreign::new).collect();
    for algorithm in quick() {
        let rings = rings();
        for other in &foreign {
            for format in KeyFormat::ALL {
                let secret = Import::Secret { format, written: &other.written };
                let public = Import::Public { format, written: other.public.as_deref().unwrap_or(b"") };
                for import in [secret, public] {
                    let found = rings.import(&name(RING), &open(algorithm), &import);
                    match found {
                        Ok(_) => rings.delete(&name(RING)).unwrap(),
                        Err(error) => {
                            let found = verdict::<()>(Err(error));
                            assert_eq!(found, "invalid", "{algorithm:?} {:?} {format:?}", other.algorithm);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_ring_that_waits_for_its_key_does_nothing_until_it_has_one_of_its_type() {
    let (rings, foreign) = (rings(), Foreign::new(Algorithm::EcdsaP256));
    let new = NewRing { source: Source::Imported, ..open(Algorithm::EcdsaP256) };
    assert_eq!(rings.create_with(&name(RING), &new).unwrap().state, RingState::PendingImport);
    assert_eq!(verdict(rings.sign(&name(RING), None, b"text")), "pending import");
    assert_eq!(verdict(rings.export(&name(RING), Versions::All, KeyFormat::Der)), "pending import");
    let other = Foreign::new(Algorithm::EcdsaP384);
    assert_eq!(verdict(rings.import_version(&name(RING), None, &other.secret())), "invalid");
    assert_eq!(rings.read(&name(RING)).unwrap().state, RingState::PendingImport);
    let ring = rings.import_version(&name(RING), None, &foreign.secret()).unwrap();
    assert_eq!((ring.state, ring.latest_version, ring.imported), (RingState::Active, 1, true));
    agree(&rings, &foreign);
    assert_eq!(verdict(rings.import(&name(RING), &new, &foreign.secret())), "exists");
}

#[test]
fn no_key_is_brought_into_a_ring_whose_keys_are_made_here_nor_into_one_that_is_disabled() {
    let (rings, foreign) = (rings(), Foreign::new(Algorithm::Ed25519));
    rings.create(&name("made"), Algorithm::Ed25519).unwrap();
    assert_eq!(verdict(rings.import_version(&name("made"), None, &foreign.secret())), "policy");
    rings.import(&name(RING), &open(Algorithm::Ed25519), &foreign.secret()).unwrap();
    rings.disable(&name(RING)).unwrap();
    assert_eq!(verdict(rings.import_version(&name(RING), None, &foreign.secret())), "disabled");
    assert_eq!(verdict(rings.import_version(&name("none"), None, &foreign.secret())), "not found");
}

#[test]
fn an_imported_ring_gets_no_version_that_is_made_here_unless_that_is_allowed() {
    let (rings, foreign) = (rings(), Foreign::new(Algorithm::Ed25519));
    rings.import(&name(RING), &NewRing::of(Algorithm::Ed25519), &foreign.secret()).unwrap();
    assert_eq!(verdict(rings.rotate(&name(RING))), "policy");
    let allow = Settings { allow_rotation: Some(true), ..Settings::NONE };
    rings.configure(&name(RING), &allow).unwrap();
    assert_eq!(rings.rotate(&name(RING)).unwrap(), 2);
}

#[test]
fn every_key_that_came_in_has_its_event() {
    let store = std::sync::Arc::new(strongroom_store_postgres::testing::Engine::new());
    let (rings, foreign) = (rings_over(store.clone()), Foreign::new(Algorithm::Ed25519));
    rings.import(&name(RING), &open(Algorithm::Ed25519), &foreign.secret()).unwrap();
    rings.import_version(&name(RING), None, &Foreign::new(Algorithm::Ed25519).secret()).unwrap();
    let events: Vec<_> = drained(&*store).into_iter().map(|event| (event.action, event.resource)).collect();
    assert_eq!(events, vec![(Action::Import, Some(name(RING))); 2]);
}

#[test]
fn sha_1_unwraps_only_for_who_names_it() {
    let rings = rings();
    let legacy = Transport::AesKwp(strongroom_core::OaepHash::LegacySha1);
    let wrapped = Foreign::new(Algorithm::Ed25519).wrapped(&rings, KWP);
    let import = Import::Wrapped { transport: legacy, wrapped: &wrapped };
    let refused = rings.import(&name(RING), &open(Algorithm::Ed25519), &import);
    assert_eq!(verdict(refused), "does not open");
}
