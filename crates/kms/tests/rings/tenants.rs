//! Tenants see nothing of each other, and nothing that one does changes what the other gets.

use std::sync::Arc;

use proptest::prelude::*;
use strongroom_core::{Algorithm, Name, Tenant};
use strongroom_kms::{Kms, KmsError, Rings, Signature};
use strongroom_store_postgres::testing::Engine;

use crate::support::{DELETABLE, Disk, OTHER_TENANT, TENANT, base_over, minimums, name, verdict};

fn two() -> (Rings, Rings) {
    let kms = Kms::new(base_over(Arc::new(Engine::new())));
    (kms.without_caller(TENANT), kms.without_caller(OTHER_TENANT))
}

#[test]
fn a_name_in_two_tenants_is_two_rings() {
    let (ours, theirs) = two();
    for (text, algorithm) in [("aes", Algorithm::Aes256Gcm), ("ed", Algorithm::Ed25519)] {
        ours.create(&name(text), algorithm).unwrap();
        assert_eq!(verdict(theirs.read(&name(text))), "not found");
        theirs.create(&name(text), algorithm).unwrap();
        assert_ne!(ours.read(&name(text)).unwrap().id, theirs.read(&name(text)).unwrap().id);
    }
    let sealed = ours.encrypt(&name("aes"), b"text", b"").unwrap();
    assert_eq!(verdict(theirs.decrypt(&name("aes"), &sealed, b"")), "does not open");
    assert_eq!(verdict(theirs.rewrap(&name("aes"), &sealed, b"")), "does not open");
    let signature = ours.sign(&name("ed"), None, b"text").unwrap();
    assert!(!theirs.verify(&name("ed"), b"text", &signature).unwrap());
    theirs.disable(&name("aes")).unwrap();
    assert_eq!(*ours.decrypt(&name("aes"), &sealed, b"").unwrap(), b"text");
    ours.configure(&name("aes"), &DELETABLE).unwrap();
    assert_eq!(verdict(theirs.delete(&name("aes"))), "not deletable");
}

#[test]
fn a_ring_in_the_memory_of_one_tenant_is_not_there_for_another() {
    let (ours, theirs) = two();
    ours.create(&name("ring"), Algorithm::Aes256Gcm).unwrap();
    let sealed = ours.encrypt(&name("ring"), b"text", b"").unwrap();
    assert!(ours.cached(&name("ring")) && !theirs.cached(&name("ring")));
    assert_eq!(verdict(theirs.decrypt(&name("ring"), &sealed, b"")), "not found");
    assert_eq!(verdict(theirs.encrypt(&name("ring"), b"text", b"")), "not found");
    assert_eq!(verdict(theirs.ring(&name("ring"))), "not found");
    assert_eq!(verdict(theirs.rotate(&name("ring"))), "not found");
}

#[test]
fn a_listing_with_the_cursor_of_another_tenant_shows_ones_own_rings() {
    let (ours, theirs) = two();
    for text in ["a", "c", "e"] {
        ours.create(&name(text), Algorithm::Aes256Gcm).unwrap();
    }
    for text in ["b", "d"] {
        theirs.create(&name(text), Algorithm::Aes256Gcm).unwrap();
    }
    let cursor = ours.list(None, 1).unwrap().pop().unwrap();
    assert_eq!(theirs.list(Some(&cursor), 10).unwrap(), [name("b"), name("d")]);
    let cursor = theirs.list(None, 1).unwrap().pop().unwrap();
    assert_eq!(ours.list(Some(&cursor), 10).unwrap(), [name("c"), name("e")]);
    assert_eq!(ours.list(None, 10).unwrap().len(), 3);
}

#[test]
fn a_tenant_that_was_not_created_has_no_rings_and_gets_none() {
    let unsealed = Disk::new().start();
    let nobody = Kms::new(unsealed.base()).without_caller(Tenant::from_bytes([9; 16]));
    assert_eq!(verdict(nobody.create(&name("ring"), Algorithm::Aes256Gcm)), "store");
    assert_eq!(verdict(nobody.read(&name("ring"))), "not found");
    assert_eq!(nobody.list(None, 10).unwrap(), []);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Create(Algorithm),
    Rotate,
    Raise(u32),
    Disable,
    Enable,
    Delete,
    Encrypt,
    Decrypt,
    Sign,
    Verify,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop_oneof![Just(Algorithm::Aes256Gcm), Just(Algorithm::Ed25519)].prop_map(Step::Create),
        Just(Step::Rotate),
        (1..4u32).prop_map(Step::Raise),
        Just(Step::Disable),
        Just(Step::Enable),
        Just(Step::Delete),
        Just(Step::Encrypt),
        Just(Step::Decrypt),
        Just(Step::Sign),
        Just(Step::Verify),
    ]
}

/// One tenant, and the last thing that its rings made.
struct Actor {
    rings: Rings,
    sealed: Vec<u8>,
    signed: Signature,
}

impl Actor {
    fn new(rings: Rings) -> Self {
        Self { rings, sealed: Vec::new(), signed: Signature { version: 1, bytes: Vec::new() } }
    }

    /// Does a step; what came of it, with all that is not random.
    fn run(&mut self, ring: &Name, step: Step) -> String {
        let done = self.step(ring, step);
        let shown = self.rings.read(ring).map(|ring| (ring.state, ring.versions.len())).ok();
        format!(
            "{} {shown:?} {:?}",
            done.unwrap_or_else(|error| verdict::<()>(Err(error)).into()),
            self.rings.list(None, 9).unwrap()
        )
    }

    fn step(&mut self, ring: &Name, step: Step) -> Result<String, KmsError> {
        let rings = &self.rings;
        match step {
            Step::Create(algorithm) => drop(rings.create(ring, algorithm)?),
            Step::Rotate => return Ok(rings.rotate(ring)?.to_string()),
            Step::Raise(version) => drop(rings.configure(ring, &minimums(version, 0))?),
            Step::Disable => rings.disable(ring)?,
            Step::Enable => rings.enable(ring)?,
            Step::Delete => {
                rings.configure(ring, &DELETABLE)?;
                rings.delete(ring)?;
            }
            Step::Encrypt => self.sealed = rings.encrypt(ring, b"text", b"")?,
            Step::Decrypt => return Ok(format!("{:?}", *rings.decrypt(ring, &self.sealed, b"")?)),
            Step::Sign => self.signed = rings.sign(ring, None, b"text")?,
            Step::Verify => return Ok(rings.verify(ring, b"text", &self.signed)?.to_string()),
        }
        Ok("ok".to_owned())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The same life, once alone and once beside a tenant that does whatever it likes with rings of these names.
    #[test]
    fn what_another_tenant_does_makes_no_difference(
        steps in prop::collection::vec((0..2usize, step(), prop::option::of((0..2usize, step()))), 1..40),
    ) {
        let names = [name("one"), name("two")];
        let mut alone = Actor::new(two().0);
        let (ours, theirs) = two();
        let (mut ours, mut theirs) = (Actor::new(ours), Actor::new(theirs));
        for (ring, step, beside) in steps {
            if let Some((ring, step)) = beside {
                theirs.run(&names[ring], step);
            }
            let expected = alone.run(&names[ring], step);
            prop_assert_eq!(ours.run(&names[ring], step), expected);
        }
    }
}
