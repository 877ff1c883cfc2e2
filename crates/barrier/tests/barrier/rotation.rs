//! Rotating the root and the keys of tenants.

use strongroom_core::{
    Action, Caller, CommitError, Direction, Event, Range, RecordKey, Segment, Store, StoreError, Table,
    Tenant, drain,
};
use strongroom_keys::envelope::Header;

use crate::db::{Db, SLOTS, STATE, SYSTEM, TABLE, TENANTS, key, name, put, read_key, rewrap, value};

/// Under which version of its tenant's key a row lies.
fn version(db: &Db, key: &[u8]) -> u32 {
    let row = db.engine.dump().into_iter().find(|(found, _)| found == key).unwrap();
    Header::parse(&row.1).unwrap().key.version
}

#[test]
fn a_root_rotated_with_the_file_alone_opens_by_the_shares_alone() {
    let db = Db::new();
    let tenant = db.by_file().first_tenant();
    put(&db.by_file(), &name(tenant, "a"), b"before").unwrap();
    for round in 2..=4 {
        let by_file = db.by_file();
        assert_eq!(by_file.rotate_root(&SYSTEM).unwrap(), round);
        put(&by_file, &name(tenant, "b"), b"after").unwrap();
        for rewrapped in [false, true] {
            if rewrapped {
                rewrap(&db.by_file(), &db.sealed);
            }
            let by_shares = db.by_shares();
            assert_eq!(value(&by_shares, &name(tenant, "a")).unwrap().unwrap(), b"before");
            assert_eq!(value(&by_shares, &name(tenant, "b")).unwrap().unwrap(), b"after");
        }
    }
    assert_eq!(db.by_shares().rotate_root(&SYSTEM).unwrap(), 5);
    assert_eq!(value(&db.by_file(), &name(tenant, "a")).unwrap().unwrap(), b"before");
}

#[test]
fn several_rotations_before_any_rewrap_lose_no_tenant() {
    let db = Db::new();
    let unsealed = db.by_file();
    let mut tenants = vec![unsealed.first_tenant()];
    for round in 0..4 {
        tenants.push(unsealed.create_tenant(&SYSTEM).unwrap());
        unsealed.rotate_root(&SYSTEM).unwrap();
        tenants.push(unsealed.create_tenant(&SYSTEM).unwrap());
        assert_eq!(db.sealed.status().unwrap().old_roots, round + 1);
    }
    for tenant in &tenants {
        put(&unsealed, &name(*tenant, "a"), tenant.as_bytes()).unwrap();
    }
    rewrap(&unsealed, &db.sealed);
    for reader in [&unsealed, &db.by_file(), &db.by_shares()] {
        for tenant in &tenants {
            assert_eq!(value(reader, &name(*tenant, "a")).unwrap().unwrap(), tenant.as_bytes());
        }
    }
    assert_eq!(db.sealed.status().unwrap().root, 5);
}

#[test]
fn rewrapping_goes_on_over_more_tenants_than_one_step_takes() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenants: Vec<Tenant> = (0..120).map(|_| unsealed.create_tenant(&SYSTEM).unwrap()).collect();
    let before = db.rows(TENANTS);
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    let after = db.rows(TENANTS);
    assert_eq!(after.len(), 122);
    assert!(before.iter().zip(&after).all(|(before, after)| before.0 == after.0 && before.1 != after.1));
    let reader = db.by_shares();
    for tenant in tenants {
        put(&reader, &name(tenant, "a"), b"x").unwrap();
    }
}

#[test]
fn an_old_root_without_a_copy_of_its_time_opens_nothing_after_the_rewrap() {
    let db = Db::new();
    let (old_slots, old_state) = (db.rows(SLOTS), db.rows(STATE));
    let unsealed = db.by_file();
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    // Whoever has the old root can open what the old slots and state seal, and puts these back.
    for (key, row) in old_slots.into_iter().chain(old_state) {
        db.tamper(&key, Some(row));
    }
    let rolled_back = db.by_file();
    let read = rolled_back.create_tenant(&SYSTEM);
    assert!(matches!(read, Err(CommitError::Store(StoreError::Corrupt))), "{read:?}");
}

#[test]
fn a_rotated_tenant_writes_under_its_new_key_and_reads_its_old_records() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    for round in 1..=5_u32 {
        put(&unsealed, &name(tenant, &round.to_string()), &[round as u8]).unwrap();
        assert_eq!(unsealed.rotate_tenant(&SYSTEM, tenant).unwrap(), round + 1);
    }
    for reader in [&unsealed, &db.by_shares()] {
        for round in 1..=5_u32 {
            let key = name(tenant, &round.to_string());
            assert_eq!(value(reader, &key).unwrap().unwrap(), [round as u8]);
            assert_eq!(version(&db, key.as_bytes()), round);
        }
    }
}

#[test]
fn the_system_s_own_key_rotates_too() {
    let db = Db::new();
    let unsealed = db.by_file();
    assert_eq!(unsealed.rotate_tenant(&SYSTEM, Tenant::SYSTEM).unwrap(), 2);
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    // Two rotations, a destroyed version and a rewrap.
    let range = Range::under(Tenant::SYSTEM, Table::new(1), &[]).unwrap();
    assert_eq!(db.by_shares().scan(&range, Direction::Forward, 9).unwrap().len(), 4);
}

#[test]
fn what_is_found_by_a_blind_segment_is_found_after_every_rotation() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    let blind = key(tenant, &[Segment::Blind(b"me@example.org")]);
    put(&unsealed, &blind, b"me").unwrap();
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    rewrap(&unsealed, &db.sealed);
    for reader in [&unsealed, &db.by_file(), &db.by_shares()] {
        assert_eq!(value(reader, &blind).unwrap().unwrap(), b"me");
    }
    put(&unsealed, &blind, b"still one row").unwrap();
    let rows = db.engine.dump().into_iter().filter(|(key, _)| read_key(key).table() == TABLE);
    assert_eq!(rows.count(), 1);
}

#[test]
fn equal_private_texts_in_different_places_do_not_look_equal() {
    let db = Db::new();
    let unsealed = db.by_file();
    let (one, two) = (unsealed.first_tenant(), unsealed.create_tenant(&SYSTEM).unwrap());
    let text = Segment::Blind(b"me@example.org");
    let places = [
        key(one, &[text]),
        key(one, &[text, text]),
        key(one, &[Segment::Name("a"), text]),
        key(one, &[Segment::Name("b"), text]),
        key(two, &[text]),
    ];
    places.iter().for_each(|place| put(&unsealed, place, b"x").unwrap());
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    for (key, _) in db.engine.dump() {
        hashes.extend(read_key(&key).segments().filter_map(|segment| match segment {
            Segment::Blinded(hash) => Some(hash),
            _ => None,
        }));
    }
    hashes.sort_unstable();
    assert_eq!(hashes.len(), 6);
    hashes.dedup();
    // Only the first segment of the first two stands in one place: that is what look-ups by prefix need.
    assert_eq!(hashes.len(), 5);
}

#[test]
fn rotating_a_tenant_that_is_not_there_says_so() {
    let db = Db::new();
    let nobody = Tenant::from_bytes([8; 16]);
    let unsealed = db.by_file();
    let answer = unsealed.rotate_tenant(&SYSTEM, nobody);
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Invalid(_)))), "{answer:?}");
    let answer = put(&unsealed, &name(nobody, "a"), b"x");
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Invalid(_)))), "{answer:?}");
}

#[test]
fn each_change_has_its_event() {
    let db = Db::new();
    let unsealed = db.by_file();
    let caller = Caller::application(unsealed.first_tenant());
    let tenant = unsealed.create_tenant(&caller).unwrap();
    unsealed.rotate_tenant(&caller, tenant).unwrap();
    unsealed.rotate_root(&caller).unwrap();
    rewrap(&unsealed, &db.sealed);
    let mut events = Vec::new();
    while drain(&unsealed, 2, &mut |event: &Event| events.push((event.action, event.tenant, event.actor)))
        .unwrap()
        > 0
    {}
    let (by, system) = (caller.actor, SYSTEM.actor);
    let expected = [
        (Action::Create, tenant, by),
        (Action::Rotate, tenant, by),
        (Action::Rotate, Tenant::SYSTEM, by),
        (Action::Destroy, tenant, system),
        (Action::Rewrap, Tenant::SYSTEM, system),
    ];
    assert_eq!(events, expected);
}

#[test]
fn an_event_of_a_change_names_the_record_that_it_replaced() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    let of_tenant = RecordKey::new(Tenant::SYSTEM, Table::new(TENANTS), &[Segment::Id(*tenant.as_bytes())]);
    let of_root = RecordKey::new(Tenant::SYSTEM, Table::new(STATE), &[]);
    let revision =
        |key: &RecordKey| unsealed.get_many(std::slice::from_ref(key)).unwrap()[0].as_ref().unwrap().revision;
    let last = || {
        let row = strongroom_core::waiting(&unsealed, 100).unwrap().pop().unwrap();
        (row.events[0].old, row.revision)
    };
    let (of_tenant, of_root) = (of_tenant.unwrap(), of_root.unwrap());
    let changes: [(_, &dyn Fn() -> Result<(), CommitError>); 4] = [
        (&of_tenant, &|| unsealed.rotate_tenant(&SYSTEM, tenant).map(drop)),
        (&of_tenant, &|| unsealed.reseal(&SYSTEM, tenant)),
        (&of_root, &|| unsealed.rotate_root(&SYSTEM).map(drop)),
        (&of_root, &|| unsealed.renew(&SYSTEM).map(drop)),
    ];
    for (key, change) in changes {
        let before = revision(key);
        change().unwrap();
        let (old, new) = last();
        assert_eq!(old, Some(before));
        // What goes on already is asked for again, and changes nothing.
        assert!(new == revision(key) || before == revision(key));
    }
}
