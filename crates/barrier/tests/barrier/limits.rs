//! Limits are typed errors, and what keeps to them fits.

use strongroom_barrier::{NewSlot, Split, Unlock};
use strongroom_core::{
    Batch, CommitError, Expect, Outcome, PLAIN_LIMITS, RecordKey, Segment, Store, StoreError, Tenant, Write,
    commit,
};
use zeroize::Zeroizing;

use crate::db::{Db, SYSTEM, batch, key, name, put, store_error, value};

fn too_large<T: std::fmt::Debug>(answer: Result<T, impl Into<CommitError>>) {
    let error = store_error(answer);
    assert!(matches!(error, StoreError::TooLarge(_)), "{error:?}");
}

#[test]
fn the_largest_value_fits_and_a_larger_one_is_refused() {
    let db = Db::new();
    let unsealed = db.by_file();
    let record = name(unsealed.first_tenant(), "a");
    let largest = vec![7; PLAIN_LIMITS.value];
    put(&unsealed, &record, &largest).unwrap();
    assert_eq!(value(&unsealed, &record).unwrap().unwrap(), largest);
    too_large(put(&unsealed, &record, &vec![8; PLAIN_LIMITS.value + 1]));
    too_large(unsealed.lower(batch(&record, &vec![8; PLAIN_LIMITS.value + 4096])).map(drop));
    assert_eq!(value(&unsealed, &record).unwrap().unwrap(), largest);
}

#[test]
fn a_key_that_grows_too_long_by_blinding_is_refused() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    // A hash is longer than a short private text: 14 hashes are as many as a key holds.
    let blind = |count| key(tenant, &vec![Segment::Blind(b""); count]);
    put(&unsealed, &blind(14), b"x").unwrap();
    assert_eq!(value(&unsealed, &blind(14)).unwrap().unwrap(), b"x");
    too_large(put(&unsealed, &blind(15), b"x"));
    too_large(value(&unsealed, &blind(15)));
    let text = [b'x'; 512 - 18 - 3];
    put(&unsealed, &key(tenant, &[Segment::Blind(&text)]), b"long texts shrink").unwrap();
}

/// A batch of so many bytes and as many operations as may be, with short keys that grow by blinding.
fn full(tenants: &[Tenant], bytes: usize) -> Batch {
    let keys = PLAIN_LIMITS.operations;
    let number = |n: usize| (n as u64).to_be_bytes();
    let writes: Vec<(RecordKey, usize)> = (0..keys)
        .map(|n| {
            let mut segments = vec![Segment::Blind(b""); 13];
            let text = number(n);
            segments.push(Segment::Blind(&text));
            let key = key(tenants[n % tenants.len()], &segments);
            let left = bytes / keys - key.as_bytes().len();
            (key, left)
        })
        .collect();
    let put = |(key, length): (RecordKey, usize)| (key, Write::Put(Zeroizing::new(vec![7; length])));
    let batch = Batch { expectations: Vec::new(), writes: writes.into_iter().map(put).collect() };
    batch.check(&PLAIN_LIMITS).unwrap();
    batch
}

#[test]
fn a_batch_within_the_plain_limits_always_fits_after_sealing() {
    let db = Db::new();
    let unsealed = db.by_file();
    let lands = |batch| {
        let lowered = unsealed.lower(batch).unwrap();
        assert!(matches!(unsealed.commit(&lowered).unwrap(), Outcome::Done(_)));
    };
    lands(full(&[unsealed.first_tenant()], PLAIN_LIMITS.bytes));
    // As many tenants as operations: each adds an expectation.
    let tenants: Vec<_> =
        (0..PLAIN_LIMITS.operations).map(|_| unsealed.create_tenant(&SYSTEM).unwrap()).collect();
    lands(full(&tenants, PLAIN_LIMITS.bytes / 8));
    let expectations = |tenant: &Tenant| (name(*tenant, "nothing"), Expect::Absent);
    let (expecting, writing) = tenants.split_at(500);
    let write = |tenant: &Tenant| (name(*tenant, "a"), Write::Put(Zeroizing::new(b"x".to_vec())));
    lands(Batch {
        expectations: expecting.iter().map(expectations).collect(),
        writes: writing.iter().map(write).collect(),
    });
}

#[test]
fn more_operations_than_a_plain_batch_has_are_refused() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    too_large(commit::<(), CommitError>(&unsealed, tenant, |reader| {
        let mut change = reader.change(());
        for number in 0..=PLAIN_LIMITS.operations as u64 {
            change.put(&key(tenant, &[Segment::Number(number)]), b"x");
        }
        Ok(change)
    }));
}

#[test]
fn thirty_two_slots_rotate_together() {
    let slots: Vec<_> = (0..32).map(|_| NewSlot::Shamir(Split { shares: 255, threshold: 2 })).collect();
    let db = Db::with(&slots);
    let open = |slot: usize| {
        let shares = &db.shares[255 * slot..255 * slot + 2];
        db.sealed.unseal(&Unlock::Shares(shares)).unwrap()
    };
    assert_eq!(open(31).rotate_root(&SYSTEM).unwrap(), 2);
    for slot in 0..32 {
        put(&open(slot), &name(Tenant::SYSTEM, &slot.to_string()), b"x").unwrap();
    }
}
