//! RSA keys that were made ahead: rings get them, each its own, and sealing wipes them.

use std::{sync::Arc, time::Duration};

use strongroom_core::{Algorithm, Name};
use strongroom_kms::{Kms, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{TENANT, base_with, name, verdict},
};

const LONG: Duration = Duration::from_secs(60);

fn public(rings: &Rings, ring: &Name) -> Vec<u8> {
    rings.read(ring).unwrap().versions[0].public.clone().unwrap().bytes
}

#[test]
fn rings_get_keys_that_were_made_ahead_of_them_and_each_its_own() {
    let spy = Arc::new(Spy::default());
    let base = base_with(Arc::new(Engine::new()), spy.clone());
    let kms = Kms::new(base.clone());
    let rings = kms.without_caller(TENANT);
    assert_eq!(kms.make_ahead(LONG).unwrap(), 0, "nobody asked for one");
    rings.create(&name("first"), Algorithm::Rsa2048).unwrap();
    rings.create(&name("aes"), Algorithm::Aes256Gcm).unwrap();
    rings.rotate(&name("first")).unwrap();
    assert_eq!((kms.make_ahead(LONG).unwrap(), spy.made().len()), (2, 5));
    for ring in ["second", "third"] {
        rings.create(&name(ring), Algorithm::Rsa2048).unwrap();
    }
    assert_eq!(spy.made().len(), 5, "they were there");
    assert_ne!(public(&rings, &name("second")), public(&rings, &name("third")));
    let signature = rings.sign(&name("second"), None, b"text").unwrap();
    assert!(rings.verify(&name("second"), b"text", &signature).unwrap());
    assert!(!rings.verify(&name("third"), b"text", &signature).unwrap());

    assert_eq!(kms.make_ahead(LONG).unwrap(), 2);
    base.gate.close(LONG).unwrap();
    assert_eq!(verdict(kms.make_ahead(LONG)), "sealed");
    assert_eq!(spy.made().len(), 7);
}
