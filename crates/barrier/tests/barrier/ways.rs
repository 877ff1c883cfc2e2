//! Ways in beside files and shares: passphrases and keys in a backend; several tried in order; trying one out.

use std::sync::Arc;

use strongroom_barrier::{
    BackendKey, CreateError, NewSlot, Passphrase, Sealed, ShareError, ShortPassphrase, SlotKind, Split,
    Unlock, UnsealError,
};
use strongroom_core::{Algorithm, Argon2Cost, FixedClock, KeyError, Name, Provider as _, StoreError};
use strongroom_store_postgres::testing::Engine;

use crate::{
    db::{Db, NOW, SLOTS, SYSTEM, cheap, file, name, passphrase, provider, put, secret, value},
    keys::Counting,
    token::Token,
};

const WORDS: &str = "correct horse battery staple";

#[test]
fn a_passphrase_opens_and_another_does_not() {
    let (words, file) = (passphrase(WORDS), file());
    let db = Db::with(&[NewSlot::Passphrase(&words, cheap()), NewSlot::Secret(&file)]);
    let unsealed = db.sealed.unseal(&Unlock::Passphrase(&words)).unwrap();
    let record = name(unsealed.first_tenant(), "a");
    put(&unsealed, &record, b"x").unwrap();
    assert_eq!(value(&db.by_file(), &record).unwrap().unwrap(), b"x");
    for wrong in
        ["correct horse battery stapl", "Correct horse battery staple", "correct horse battery staple "]
    {
        let answer = db.sealed.unseal(&Unlock::Passphrase(&passphrase(wrong)));
        assert!(matches!(answer, Err(UnsealError::WrongPassphrase)), "{answer:?}");
    }
    let kind = db.slots().into_iter().map(|slot| slot.kind).find(|kind| *kind != SlotKind::SecretFile);
    assert_eq!(kind, Some(SlotKind::Passphrase(cheap())));
}

#[test]
fn a_passphrase_is_no_secret_file_even_of_the_same_bytes() {
    let text = "a text that is as long as a secret file needs it";
    let secret = strongroom_barrier::UnsealSecret::new(text.into()).unwrap();
    let db = Db::with(&[NewSlot::Passphrase(&passphrase(text), cheap())]);
    assert!(matches!(db.sealed.unseal(&Unlock::Secret(&secret)), Err(UnsealError::WrongSecret)));
    db.sealed.unseal(&Unlock::Passphrase(&passphrase(text))).unwrap();
}

#[test]
fn a_passphrase_has_at_least_12_characters_whatever_their_bytes() {
    for short in ["", "12345678901", "ääääääääääa"] {
        assert!(matches!(Passphrase::new(short.into()), Err(ShortPassphrase)));
    }
    for enough in ["123456789012", "ääääääääääaa"] {
        let words = passphrase(enough);
        let db = Db::with(&[NewSlot::Passphrase(&words, cheap())]);
        db.sealed.unseal(&Unlock::Passphrase(&words)).unwrap();
    }
    assert!(ShortPassphrase.to_string().contains("at least 12 characters"));
}

#[test]
fn a_cost_outside_of_its_bounds_makes_no_slot() {
    let cost: Argon2Cost = minicbor::decode(&minicbor::to_vec((u32::MAX, 1_u32, 1_u32)).unwrap()).unwrap();
    let words = passphrase(WORDS);
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let slots = [NewSlot::Passphrase(&words, cost)];
    let made = Sealed::create(engine.clone(), provider(), clock, &slots, Vec::new());
    assert!(matches!(made, Err(CreateError::Slots)));
    assert!(engine.dump().is_empty());
}

#[test]
fn a_wrong_passphrase_takes_as_much_work_as_a_right_one() {
    let (first, second) = (passphrase(WORDS), passphrase("another one of several words"));
    let provider = Arc::new(Counting::default());
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let slots = [NewSlot::Passphrase(&first, cheap()), NewSlot::Passphrase(&second, cheap())];
    let created = Sealed::create(engine, provider.clone(), clock, &slots, Vec::new()).unwrap();
    assert_eq!(provider.stretched(), 2);
    for words in [&first, &second, &passphrase("a passphrase of nobody")] {
        let _ = created.sealed.unseal(&Unlock::Passphrase(words));
        assert_eq!(provider.stretched(), 2, "once per slot, whichever opens");
    }
    // Other secrets ask no Argon2id.
    let _ = created.sealed.unseal(&Unlock::Secret(&file()));
    assert_eq!(provider.stretched(), 0);
}

#[test]
fn a_key_in_a_backend_is_asked_at_every_unsealing_and_kept_nowhere() {
    let token = Token::new([7; 32]);
    let key = token.key("strongroom-1");
    let db = Db::with(&[NewSlot::Key(&key)]);
    assert!(token.asked() > 0, "when the slot is made");
    let holders = token.holders();
    for _ in 0..3 {
        let unsealed = db.sealed.unseal(&Unlock::Key(&key)).unwrap();
        assert!(token.asked() > 0);
        assert_eq!(token.holders(), holders, "an open database does not hold the key");
        let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
        put(&unsealed, &name(tenant, "a"), b"x").unwrap();
        unsealed.rotate_root(&SYSTEM).unwrap();
        assert_eq!(token.asked(), 0, "only unsealing asks");
    }
    db.sealed.verify(&Unlock::Key(&key)).unwrap();
    assert!(token.asked() > 0);
    token.remove();
    let answer = db.sealed.unseal(&Unlock::Key(&key));
    assert!(matches!(answer, Err(UnsealError::Store(StoreError::Key(KeyError::Failed)))), "{answer:?}");
}

#[test]
fn only_the_key_that_a_slot_names_is_asked() {
    let (token, other, file) = (Token::new([7; 32]), Token::new([8; 32]), file());
    let key = token.key("strongroom-1");
    let db = Db::with(&[NewSlot::Key(&key), NewSlot::Secret(&file)]);
    token.asked();
    for wrong in [token.key("strongroom-2"), other.key("strongroom-1")] {
        let answer = db.sealed.unseal(&Unlock::Key(&wrong));
        assert!(matches!(answer, Err(UnsealError::WrongKey)), "{answer:?}");
    }
    assert_eq!(token.asked(), 0);
    assert!(other.asked() > 0, "another key of the same name does not open");
    let (backend, name) = (Name::parse("token").unwrap(), Name::parse("strongroom-1").unwrap());
    assert!(
        db.slots()
            .iter()
            .any(|slot| slot.kind == SlotKind::Key { backend: backend.clone(), name: name.clone() })
    );
}

#[test]
fn a_key_without_a_mac_is_no_slot_s() {
    let provider = provider();
    let backend = provider.software();
    let signing = backend.load(&backend.generate(Algorithm::Ed25519).unwrap()).unwrap();
    let made = BackendKey::new(backend, Name::parse("a").unwrap(), signing);
    assert!(matches!(made, Err(KeyError::Unsupported)));
    let sealing = backend.load(&backend.generate(Algorithm::Aes256Gcm).unwrap()).unwrap();
    let key = BackendKey::new(backend, Name::parse("a").unwrap(), sealing).unwrap();
    Db::with(&[NewSlot::Key(&key)]).sealed.unseal(&Unlock::Key(&key)).unwrap();
}

#[test]
fn several_ways_are_tried_in_order_and_each_failure_is_told() {
    let (token, words, good, wrong) = (Token::new([7; 32]), passphrase(WORDS), file(), secret(9));
    let key = token.key("strongroom-1");
    let db = Db::with(&[
        NewSlot::Secret(&good),
        NewSlot::Key(&key),
        NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
    ]);
    token.remove();
    let ways = [
        Unlock::Key(&key),
        Unlock::Passphrase(&words),
        Unlock::Secret(&wrong),
        Unlock::Shares(&db.shares[..1]),
        Unlock::Secret(&good),
        Unlock::Secret(&wrong),
    ];
    let opened = db.sealed.unseal_any(&ways).unwrap();
    assert!(!opened.unsealed.is_sealed());
    let of_each = [
        matches!(opened.failed[0], UnsealError::Store(StoreError::Key(KeyError::Failed))),
        matches!(opened.failed[1], UnsealError::WrongPassphrase),
        matches!(opened.failed[2], UnsealError::WrongSecret),
        matches!(opened.failed[3], UnsealError::Share(ShareError::Missing { missing: 1 })),
    ];
    assert_eq!((opened.failed.len(), of_each), (4, [true; 4]), "{:?}", opened.failed);
    let none = db.sealed.unseal_any(&ways[..4]).unwrap_err();
    assert_eq!(none.0.len(), 4);
    let text = none.to_string();
    assert!(text.contains("3: no slot of this database opens with this secret"), "{text}");
    assert_eq!(db.sealed.unseal_any(&[]).unwrap_err().0.len(), 0);
}

#[test]
fn a_way_in_is_tried_out_without_unsealing() {
    let (token, words, file) = (Token::new([7; 32]), passphrase(WORDS), file());
    let key = token.key("strongroom-1");
    let provider = Arc::new(Counting::default());
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let slots = [
        NewSlot::Secret(&file),
        NewSlot::Passphrase(&words, cheap()),
        NewSlot::Key(&key),
        NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
    ];
    let created = Sealed::create(engine.clone(), provider.clone(), clock, &slots, Vec::new()).unwrap();
    let (before, sealed) = (engine.dump(), created.sealed);
    let shares = &created.shares[0];
    let ways =
        [Unlock::Secret(&file), Unlock::Passphrase(&words), Unlock::Key(&key), Unlock::Shares(&shares[1..])];
    let mut ids: Vec<_> = ways.iter().map(|way| sealed.verify(way).unwrap()).collect();
    assert_eq!(ids[3], shares[0].slot());
    assert_eq!((provider.live(), engine.dump() == before), (0, true), "no key stays, nothing is written");
    ids.sort_unstable();
    let mut known: Vec<_> = sealed.status().unwrap().slots.iter().map(|slot| slot.id).collect();
    known.sort_unstable();
    assert_eq!(ids, known);
    let refused = sealed.verify(&Unlock::Secret(&secret(9)));
    assert!(matches!(refused, Err(UnsealError::WrongSecret)), "{refused:?}");
}

#[test]
fn a_slot_that_lost_its_root_is_found_by_trying_it_out() {
    let db = Db::new();
    let id = db.file_slot();
    let (key, row) = db.rows(SLOTS).into_iter().find(|(key, _)| key.as_bytes().ends_with(&id)).unwrap();
    let mut damaged = row;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    db.tamper(&key, Some(damaged));
    let answer = db.sealed.verify(&Unlock::Secret(&file()));
    assert!(matches!(answer, Err(UnsealError::Store(StoreError::Corrupt))), "{answer:?}");
    db.sealed.verify(&Unlock::Shares(&db.shares[..2])).unwrap();
}
