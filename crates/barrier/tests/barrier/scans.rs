//! Listings through the barrier, also below a private segment.

use strongroom_core::{CommitError, Direction, Range, RecordKey, Segment, Store, Tenant, commit};

use crate::db::{Db, TABLE, key, put, value};

fn below<'a>(private: &'a [u8], number: Option<u64>) -> Vec<Segment<'a>> {
    [Some(Segment::Name("by-mail")), Some(Segment::Blind(private)), number.map(Segment::Number)]
        .into_iter()
        .flatten()
        .collect()
}

fn range(tenant: Tenant, private: &[u8]) -> Range {
    Range::under(tenant, TABLE, &below(private, None)).unwrap()
}

#[test]
fn a_listing_below_a_private_segment_is_paged_by_its_last_key() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    for (private, numbers) in [(b"one@example.org".as_slice(), 0..7), (b"two", 0..3)] {
        numbers.for_each(|n| put(&unsealed, &key(tenant, &below(private, Some(n))), &[n as u8]).unwrap());
    }
    let pages = |private: &[u8], direction| {
        let (mut found, mut rest) = (Vec::new(), range(tenant, private));
        loop {
            let page = unsealed.scan(&rest, direction, 2).unwrap();
            let Some((last, _)) = page.last() else { return found };
            rest = match direction {
                Direction::Forward => rest.after(last).unwrap(),
                Direction::Backward => rest.before(last).unwrap(),
            };
            found.extend(page.into_iter().map(|(key, record)| {
                assert_eq!(value(&unsealed, &key).unwrap().unwrap(), *record.value);
                record.value[0]
            }));
        }
    };
    assert_eq!(pages(b"one@example.org", Direction::Forward), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(pages(b"two", Direction::Backward), [2, 1, 0]);
    assert!(pages(b"nobody", Direction::Forward).is_empty());
}

#[test]
fn what_a_plan_found_below_a_private_segment_is_expected_and_can_be_written() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    put(&unsealed, &key(tenant, &below(b"one", Some(1))), b"old").unwrap();
    commit::<_, CommitError>(&unsealed, tenant, |mut reader| {
        let rows = reader.scan(&range(tenant, b"one"), Direction::Forward, 9)?;
        let mut change = reader.change(());
        rows.iter().for_each(|(key, _): &(RecordKey, _)| change.put(key, b"new"));
        Ok(change)
    })
    .unwrap();
    assert_eq!(value(&unsealed, &key(tenant, &below(b"one", Some(1)))).unwrap().unwrap(), b"new");
    let rows = db.engine.dump().into_iter().filter(|(key, _)| key.starts_with(tenant.as_bytes()));
    assert_eq!(rows.count(), 1);
}
