//! Listings: in order, in pages, of one tenant.

use strongroom_core::Algorithm;

use crate::support::{name, rings};

#[test]
fn rings_are_listed_by_name_in_pages() {
    let rings = rings();
    assert_eq!(rings.list(None, 10).unwrap(), []);
    // More than a listing reads at once.
    let mut names: Vec<_> = (0..120).map(|number| name(&format!("ring-{number}"))).collect();
    names.iter().for_each(|ring| drop(rings.create(ring, Algorithm::Aes256Gcm).unwrap()));
    names.sort();
    assert_eq!(rings.list(None, 1_000).unwrap(), names);
    for limit in [1, 7, 49, 50, 51, 100, 120] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = rings.list(after.as_ref(), limit).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            seen.extend(page);
        }
        assert_eq!(seen, names, "in pages of {limit}");
    }
    assert_eq!(rings.list(None, 0).unwrap(), [], "no limit is not what 0 means");
    // A cursor is a place in the order, whether there is a ring or not.
    assert_eq!(rings.list(Some(&name("ring-5x")), 1).unwrap(), [name("ring-6")]);
    assert_eq!(rings.list(Some(&name("z")), 1).unwrap(), []);
}

#[test]
fn a_listing_answers_with_a_thousand_names_at_most() {
    let rings = rings();
    for number in 0..1_003 {
        rings.create(&name(&format!("{number}")), Algorithm::Aes256Gcm).unwrap();
    }
    assert_eq!(rings.list(None, usize::MAX).unwrap().len(), 1_000);
}
