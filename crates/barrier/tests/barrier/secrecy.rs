//! What the engine and whoever prints a value get to see.

use std::{fmt::Debug, sync::Arc};

use strongroom_barrier::{Collector, NewSlot, Reentered, Sealed, Split, Unlock, UnsealSecret};
use strongroom_core::{
    Caller, CommitError, Direction, Event, Expect, RecordKey, Segment, Store, Tenant, commit, drain,
    tap::Tapped,
};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

use crate::{
    db::{
        Db, FILE, NOW, SYSTEM, TABLE, cheap, file, key, name, passphrase, provider, put, rewrap, secret,
        value,
    },
    engines::Recorder,
    keys::Counting,
    token::Token,
};

const CANARY: &[u8] = b"a value that only the barrier may see";
const PRIVATE: &[u8] = b"somebody@example.org";

fn blind(tenant: Tenant) -> RecordKey {
    key(tenant, &[Segment::Name("by-mail"), Segment::Blind(PRIVATE), Segment::Number(7)])
}

#[test]
fn the_engine_never_sees_a_value_or_a_private_segment() {
    let engine = Tapped::over(Arc::new(Engine::new()), Recorder::default());
    let secret = file();
    let slots = [NewSlot::Secret(&secret), NewSlot::Shamir(Split { shares: 2, threshold: 2 })];
    let first = (key(Tenant::SYSTEM, &[Segment::Blind(PRIVATE)]), Zeroizing::new(CANARY.to_vec()));
    let clock = Arc::new(strongroom_core::FixedClock::at(NOW));
    let created = Sealed::create(engine.clone(), provider(), clock, &slots, vec![first.clone()]).unwrap();
    let unsealed = created.sealed.unseal(&Unlock::Secret(&secret)).unwrap();
    let unseen = |after: &str| {
        for needle in [CANARY, PRIVATE, FILE] {
            assert!(!engine.tap.saw(needle), "{after}: {:?}", String::from_utf8_lossy(needle));
        }
    };
    unseen("create");
    assert_eq!(value(&unsealed, &first.0).unwrap().unwrap(), CANARY);
    let tenant = unsealed.first_tenant();
    put(&unsealed, &blind(tenant), CANARY).unwrap();
    put(&unsealed, &blind(tenant), CANARY).unwrap();
    unseen("put and overwrite");
    let conflict = commit::<(), CommitError>(&unsealed, tenant, |reader| {
        let mut change = reader.change(());
        change.expect(&blind(tenant), Expect::Absent);
        change.put(&blind(tenant), CANARY);
        Ok(change)
    });
    assert!(matches!(conflict, Err(CommitError::Contended)));
    unseen("conflict");
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &created.sealed);
    unseen("rotate and rewrap");
    let range =
        strongroom_core::Range::under(tenant, TABLE, &[Segment::Name("by-mail"), Segment::Blind(PRIVATE)]);
    assert_eq!(unsealed.scan(&range.unwrap(), Direction::Forward, 9).unwrap().len(), 1);
    assert_eq!(value(&unsealed, &blind(tenant)).unwrap().unwrap(), CANARY);
    unseen("read and scan");
    drain(&unsealed, 9, &mut |_: &Event| {}).unwrap();
    commit::<(), CommitError>(&unsealed, tenant, |reader| {
        let mut change = reader.change(());
        change.delete(&blind(tenant));
        Ok(change)
    })
    .unwrap();
    unseen("drain and delete");
    assert!(engine.tap.saw(b"by-mail"), "names are in the clear, and the recorder listens");
    for share in &created.shares[0] {
        let hex = share.expose_hex();
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        assert!(!engine.tap.saw(&bytes[19..51]) && !engine.tap.saw(hex.as_bytes()));
    }
}

#[test]
fn no_key_is_ever_given_to_the_engine_in_the_clear() {
    let engine = Tapped::over(Arc::new(Engine::new()), Recorder::default());
    let (provider, secret) = (Arc::new(Counting::default()), file());
    let slots = [NewSlot::Secret(&secret), NewSlot::Shamir(Split { shares: 2, threshold: 2 })];
    let clock = Arc::new(strongroom_core::FixedClock::at(NOW));
    let created = Sealed::create(engine.clone(), provider.clone(), clock, &slots, Vec::new()).unwrap();
    let unsealed = created.sealed.unseal(&Unlock::Secret(&secret)).unwrap();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    let shredded = unsealed.create_tenant(&SYSTEM).unwrap();
    for tenant in [tenant, shredded] {
        put(&unsealed, &blind(tenant), CANARY).unwrap();
        unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    }
    rewrap(&unsealed, &created.sealed);
    unsealed.shred_tenant(&SYSTEM, shredded).unwrap();
    unsealed.renew(&SYSTEM).unwrap();
    rewrap(&unsealed, &created.sealed);
    assert_eq!(value(&unsealed, &blind(tenant)).unwrap().unwrap(), CANARY);
    // Two roots, two slots' keys and one shared secret; of four tenants a key and a blind key each, and the keys that
    // replaced them.
    let keys = provider.drawn();
    assert_eq!(keys.len(), 2 + 3 + 4 * 2 + 2 + 3);
    for key in keys {
        assert!(!engine.tap.saw(&key));
    }
}

#[test]
fn the_actor_and_the_tenant_of_an_event_are_sealed() {
    let db = Db::new();
    let caller = Caller {
        tenant: Tenant::SYSTEM,
        actor: strongroom_core::Actor::Token(*b"accessor-canary!"),
        request: None,
        credential: None,
    };
    db.by_file().create_tenant(&caller).unwrap();
    let seen = |(key, value): (Vec<u8>, Vec<u8>)| {
        [key, value].iter().any(|bytes| bytes.windows(16).any(|window| window == b"accessor-canary!"))
    };
    assert!(!db.engine.dump().into_iter().any(seen));
}

#[test]
fn only_rows_of_the_hierarchy_pass_through_its_tables() {
    let db = Db::new();
    let unsealed = db.by_file();
    for table in [0x0010, 0x0011, 0x0012] {
        for (row, value) in db.rows(table) {
            let trailing = [value.as_slice(), CANARY].concat();
            let table = strongroom_core::Table::new(table);
            let elsewhere = RecordKey::new(Tenant::SYSTEM, table, &[Segment::Name("a note")]).unwrap();
            for (key, value) in [(&row, CANARY), (&row, &trailing), (&elsewhere, &value), (&row, &[])] {
                let refused = put(&unsealed, key, value);
                assert!(
                    matches!(refused, Err(CommitError::Store(strongroom_core::StoreError::Invalid(_)))),
                    "{key:?}: {refused:?}"
                );
            }
        }
    }
    assert!(!db.engine.dump().iter().any(|(_, value)| value.ends_with(CANARY)));
}

fn prints_nothing(values: &[&dyn Debug], secrets: &[String]) {
    for value in values {
        for printed in [format!("{value:?}"), format!("{value:#?}")] {
            for secret in secrets {
                assert!(!printed.contains(secret.as_str()), "{printed}");
            }
        }
    }
}

#[test]
fn nothing_that_prints_shows_a_secret() {
    let db = Db::new();
    let (unsealed, secret, collector) = (db.by_file(), file(), Collector::new());
    let split = [NewSlot::Shamir(Split { shares: 2, threshold: 1 })];
    let engine = Arc::new(Engine::new());
    let created = Sealed::create(engine, provider(), db.clock.clone(), &split, Vec::new()).unwrap();
    let entered = collector.enter(&db.sealed, db.shares[0].clone()).unwrap();
    let opened = collector.enter(&db.sealed, db.shares[1].clone()).unwrap();
    let lowered = unsealed.lower(crate::db::batch(&blind(unsealed.first_tenant()), CANARY)).unwrap();
    let short = UnsealSecret::new(FILE[..8].to_vec()).unwrap_err();
    let wrong = created.sealed.unseal(&Unlock::Shares(&db.shares)).unwrap_err();
    let (by_file, by_shares) = (Unlock::Secret(&secret), Unlock::Shares(&db.shares));
    let (slot, status) = (NewSlot::Secret(&secret), db.sealed.status().unwrap());
    let base = unsealed.base();
    let values: [&dyn Debug; 17] = [
        &db.sealed,
        &unsealed,
        &secret,
        &collector,
        &created,
        &entered,
        &opened,
        &lowered,
        &short,
        &wrong,
        &by_file,
        &by_shares,
        &slot,
        &status,
        &base,
        &db.shares,
        &name(Tenant::SYSTEM, "a"),
    ];
    let mut secrets = vec![
        String::from_utf8_lossy(&FILE[..16]).into_owned(),
        format!("{:?}", &FILE[..8]).trim_matches(['[', ']']).to_owned(),
        String::from_utf8_lossy(PRIVATE).into_owned(),
        String::from_utf8_lossy(CANARY).into_owned(),
    ];
    for share in db.shares.iter().chain(&created.shares[0]) {
        secrets.push(share.expose_hex()[40..56].to_owned());
        secrets.push(share.expose_base64()[28..44].to_owned());
        let value = u8::from_str_radix(&share.expose_hex()[38..40], 16).unwrap();
        let next = u8::from_str_radix(&share.expose_hex()[40..42], 16).unwrap();
        let third = u8::from_str_radix(&share.expose_hex()[42..44], 16).unwrap();
        secrets.push(format!("{value}, {next}, {third}"));
    }
    prints_nothing(&values, &secrets);
}

#[test]
fn nothing_of_a_slot_that_prints_or_is_stored_shows_a_secret() {
    const WORDS: &str = "canary words that nobody else knows";
    let (db, token) = (Db::new(), Token::new(*b"a canary key, only for the token"));
    let engine = Tapped::over(db.engine.clone(), Recorder::default());
    let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
    let (words, second, key) = (passphrase(WORDS), secret(0xab), token.key("strongroom-1"));
    let split = Split { shares: 2, threshold: 2 };
    let added = unsealed.add_slot(&SYSTEM, &NewSlot::Shamir(split), None).unwrap();
    for new in [NewSlot::Passphrase(&words, cheap()), NewSlot::Key(&key), NewSlot::Secret(&second)] {
        unsealed.add_slot(&SYSTEM, &new, None).unwrap();
    }
    let proposed = unsealed.propose(&SYSTEM, added.id, split).unwrap();
    let collector = Collector::new();
    let waiting = collector.confirm(&unsealed, &SYSTEM, &proposed.shares[0], Reentered::All).unwrap();
    let wrong = unsealed.confirm(&SYSTEM, &proposed.shares[..1], Reentered::All).unwrap_err();
    let status = db.sealed.status().unwrap();
    let none = db.sealed.unseal_any(&[Unlock::Shares(&proposed.shares)]).unwrap_err();
    let any = db.sealed.unseal_any(&[Unlock::Key(&key)]).unwrap();
    let (by_words, by_key) = (Unlock::Passphrase(&words), Unlock::Key(&key));
    let new = NewSlot::Passphrase(&words, cheap());
    let values: [&dyn Debug; 13] = [
        &words, &key, &added, &proposed, &collector, &waiting, &wrong, &status, &none, &any, &by_words,
        &by_key, &new,
    ];
    let mut secrets = vec![WORDS[..12].to_owned(), "a canary key".to_owned(), "171, 171".to_owned()];
    for share in added.shares.iter().chain(&proposed.shares) {
        secrets.push(share.expose_hex()[40..56].to_owned());
        secrets.push(share.expose_text()[60..80].to_owned());
    }
    prints_nothing(&values, &secrets);
    let confirmed = unsealed.confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
    assert_eq!(confirmed.id, proposed.id);
    for needle in [WORDS.as_bytes(), b"a canary key", &[0xab; 32]] {
        assert!(!engine.tap.saw(needle));
    }
    for share in added.shares.iter().chain(&proposed.shares) {
        let hex = share.expose_hex();
        let value: Vec<u8> =
            (19..51).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        assert!(!engine.tap.saw(&value));
    }
    assert!(engine.tap.saw(b"strongroom-1"), "the name of a key is public, and the recorder listens");
}
