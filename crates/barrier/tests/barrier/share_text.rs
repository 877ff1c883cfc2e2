//! The text of a share, as people read, group and type it.

use proptest::prelude::*;
use strongroom_barrier::{NewSlot, Share, ShareError, Split, Unlock};
use strongroom_core::Provider as _;

use crate::db::{Db, provider};

fn parse(text: &str) -> Result<Share, ShareError> {
    Share::parse(&*provider(), text)
}

fn same(read: &Share, share: &Share) -> bool {
    *read.expose_hex() == *share.expose_hex()
}

/// A wrong text is refused, or is the share all the same.
fn is_found(text: &str, share: &Share) -> bool {
    match parse(text) {
        Err(ShareError::Malformed | ShareError::Damaged) => true,
        Err(other) => unreachable!("{other:?}"),
        Ok(read) => same(&read, share) && text.to_lowercase() == *share.expose_text(),
    }
}

#[test]
fn a_share_says_what_it_is_of_which_set_and_which_one() {
    let db = Db::with(&[NewSlot::Shamir(Split { shares: 255, threshold: 3 })]);
    for share in &db.shares {
        let text = share.expose_text();
        let slot: String = share.slot()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let rest = text.strip_prefix(&format!("strongroom-share-{slot}-{}-", share.index())).unwrap();
        assert!(rest.len() == 88 && rest.bytes().all(|digit| matches!(digit, b'a'..=b'z' | b'2'..=b'7')));
        assert!(same(&parse(&text).unwrap(), share));
    }
}

#[test]
fn capitals_spaces_and_line_breaks_make_no_difference() {
    let db = Db::new();
    let share = &db.shares[1];
    let text = share.expose_text();
    let grouped: Vec<String> =
        text.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into()).collect();
    for spelling in [
        text.to_uppercase(),
        grouped.join(" "),
        grouped.join("\r\n  "),
        grouped.join("\u{a0}\u{2003}\t"),
        format!("\n{}  ", text.as_str()),
        text.chars().enumerate().map(|(n, c)| if n % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect(),
    ] {
        assert!(same(&parse(&spelling).unwrap(), share), "{spelling:?}");
    }
    let read = [0, 2].map(|n| parse(&db.shares[n].expose_text().to_uppercase()).unwrap());
    db.sealed.unseal(&Unlock::Shares(&read)).unwrap();
}

#[test]
fn every_wrong_character_is_found() {
    let db = Db::new();
    let share = &db.shares[1];
    let text = share.expose_text();
    for at in 0..text.len() {
        for other in (0x21..=0x7e_u8).filter(|other| *other != text.as_bytes()[at]) {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = other;
            let changed = String::from_utf8(changed).unwrap();
            assert!(is_found(&changed, share), "{at}: {changed}");
        }
    }
}

#[test]
fn any_two_characters_that_changed_places_are_found() {
    let db = Db::new();
    let share = &db.shares[1];
    let text = share.expose_text();
    for first in 0..text.len() {
        for second in first + 1..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed.swap(first, second);
            let changed = String::from_utf8(changed).unwrap();
            assert!(is_found(&changed, share), "{first}, {second}: {changed}");
        }
    }
}

#[test]
fn every_character_that_is_missing_or_too_many_is_found() {
    let db = Db::new();
    let share = &db.shares[1];
    let text = share.expose_text();
    for at in 0..text.len() {
        let mut changed = text.to_string();
        changed.remove(at);
        assert!(is_found(&changed, share), "{changed}");
        for more in ["a", "7", "-", text.get(at..=at).unwrap()] {
            let mut changed = text.to_string();
            changed.insert_str(at, more);
            assert!(is_found(&changed, share), "{changed}");
        }
    }
    for cut in 0..text.len() {
        assert!(parse(&text[..cut]).is_err() && parse(&text[cut + 1..]).is_err());
    }
    assert!(parse(&text.repeat(2)).is_err());
}

#[test]
fn the_beginning_of_one_share_does_not_go_with_the_rest_of_another() {
    let db = Db::with(&[
        NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
        NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
    ]);
    let texts: Vec<_> = db.shares.iter().map(Share::expose_text).collect();
    for (one, first) in texts.iter().enumerate() {
        for (two, second) in texts.iter().enumerate().filter(|(two, _)| *two != one) {
            let mixed = format!("{}{}", &first[..first.len() - 88], &second[second.len() - 88..]);
            assert!(matches!(parse(&mixed), Err(ShareError::Damaged)), "{one}, {two}");
        }
    }
    let padded = texts[0].replacen("-1-", "-01-", 1);
    assert!(matches!(parse(&padded), Err(ShareError::Damaged)), "there is one spelling of an index");
}

#[test]
fn a_point_at_zero_is_no_share_in_any_spelling() {
    let db = Db::new();
    // The share with index 0 would be the secret itself.
    let zero = forged(&db.shares[0], |bytes| bytes[18] = 0);
    assert!(matches!(Share::from_bytes(&*provider(), &zero), Err(ShareError::Malformed)));
    let hex: String = zero.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(matches!(parse(&hex), Err(ShareError::Malformed)));
    let none = forged(&db.shares[0], |bytes| bytes[17] = 0);
    assert!(matches!(Share::from_bytes(&*provider(), &none), Err(ShareError::Malformed)));
}

/// The bytes of a share with other content and a checksum that fits.
fn forged(share: &Share, change: impl Fn(&mut [u8])) -> Vec<u8> {
    let hex = share.expose_hex();
    let mut bytes: Vec<u8> =
        (0..Share::SIZE).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    change(&mut bytes[..Share::SIZE - 4]);
    let sum = provider().sha256(&[b"strongroom/v1/share/checksum", &bytes[..Share::SIZE - 4]]);
    bytes[Share::SIZE - 4..].copy_from_slice(&sum[..4]);
    bytes
}

proptest! {
    #[test]
    fn a_text_that_begins_like_a_share_never_panics(rest in "\\PC{0,140}", digits in "[a-z2-7]{88}") {
        for text in [format!("strongroom-share-{rest}"), format!("strongroom-share-00000000-1-{digits}")] {
            prop_assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn three_or_four_wrong_digits_are_found(wrong in proptest::collection::btree_map(0..88_usize, 1..32_u8, 3..=4)) {
        let db = Db::with(&[NewSlot::Shamir(Split { shares: 1, threshold: 1 })]);
        let text = db.shares[0].expose_text();
        let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut changed = text.as_bytes().to_vec();
        let start = changed.len() - 88;
        for (at, by) in wrong {
            let digit = alphabet.iter().position(|digit| *digit == changed[start + at]).unwrap();
            changed[start + at] = alphabet[digit ^ usize::from(by)];
        }
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(matches!(parse(&changed), Err(ShareError::Damaged)));
    }
}
