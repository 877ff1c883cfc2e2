//! Every wrong share is named for what it is, and none gives a wrong secret.

use proptest::prelude::*;
use strongroom_barrier::{NewSlot, Share, ShareError, Split, Unlock, UnsealError};

use crate::db::{Db, provider};

fn refused(db: &Db, shares: &[Share]) -> ShareError {
    match db.sealed.unseal(&Unlock::Shares(shares)) {
        Err(UnsealError::Share(error)) => error,
        other => unreachable!("not refused as a share: {other:?}"),
    }
}

fn parse(text: &str) -> Result<Share, ShareError> {
    Share::parse(&*provider(), text)
}

/// The bytes of a share, by its hex.
fn bytes(share: &Share) -> Vec<u8> {
    let hex = share.expose_hex();
    (0..Share::SIZE).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// A share with other content and a checksum that fits.
fn forged(share: &Share, change: impl Fn(&mut [u8])) -> Share {
    use strongroom_core::Provider as _;
    let mut forged = bytes(share);
    change(&mut forged[..Share::SIZE - 4]);
    let sum = provider().sha256(&[b"strongroom/v1/share/checksum", &forged[..Share::SIZE - 4]]);
    forged[Share::SIZE - 4..].copy_from_slice(&sum[..4]);
    Share::from_bytes(&*provider(), &forged).unwrap()
}

#[test]
fn hex_and_base64_read_back_as_the_same_share() {
    let db = Db::new();
    for share in &db.shares {
        let (hex, base64) = (share.expose_hex(), share.expose_base64());
        let spellings =
            [hex.to_string(), hex.to_uppercase(), base64.to_string(), format!(" {}\n", base64.as_str())];
        for text in spellings {
            assert_eq!(bytes(&parse(&text).unwrap()), bytes(share));
        }
        assert_eq!(Share::from_bytes(&*provider(), &bytes(share)).unwrap().index(), share.index());
    }
    assert_eq!(db.shares.iter().map(Share::index).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(db.shares.iter().all(|share| share.threshold() == 2));
}

#[test]
fn every_flipped_bit_of_a_share_is_noticed_without_any_slot() {
    let share = bytes(&Db::new().shares[0]);
    for bit in 0..8 * Share::SIZE {
        let mut damaged = share.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let read = Share::from_bytes(&*provider(), &damaged);
        assert!(matches!(read, Err(ShareError::Damaged)), "bit {bit}: {read:?}");
    }
    for length in (0..Share::SIZE).chain([Share::SIZE + 1]) {
        let cut: Vec<u8> = share.iter().copied().chain([0]).take(length).collect();
        assert!(matches!(Share::from_bytes(&*provider(), &cut), Err(ShareError::Malformed)));
    }
}

#[test]
fn every_changed_character_of_a_text_is_noticed() {
    let db = Db::new();
    let share = &db.shares[1];
    for text in [share.expose_hex(), share.expose_base64()] {
        for at in 0..text.len() {
            for other in (0..=127_u8).filter(|other| *other != text.as_bytes()[at]) {
                let mut changed = text.as_bytes().to_vec();
                changed[at] = other;
                match parse(std::str::from_utf8(&changed).unwrap()) {
                    Err(ShareError::Malformed | ShareError::Damaged) => {}
                    // The same digit in capitals.
                    Ok(same) => {
                        assert_eq!(text.len(), 2 * Share::SIZE);
                        assert_eq!(bytes(&same), bytes(share));
                    }
                    Err(other) => unreachable!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn what_is_no_share_is_malformed() {
    let db = Db::new();
    let hex = db.shares[0].expose_hex();
    let long = format!("{}00", hex.as_str());
    let spaced = hex.replacen(&hex[4..5], " ", 1);
    let wide = "ä".repeat(Share::SIZE);
    for text in ["", " ", "00", "not a share", &hex[2..], &hex[1..], &long, &spaced, &wide, &"=".repeat(76)] {
        assert!(matches!(parse(text), Err(ShareError::Malformed)), "{text:?}");
    }
}

#[test]
fn a_changed_share_with_a_checksum_that_fits_is_wrong() {
    let db = Db::new();
    let good = &db.shares[0];
    for at in 17..Share::SIZE - 4 {
        let wrong = forged(good, |bytes| bytes[at] ^= 0x55);
        assert_eq!(refused(&db, &[wrong.clone(), db.shares[1].clone()]), ShareError::Wrong, "byte {at}");
        assert_eq!(refused(&db, &[db.shares[1].clone(), wrong.clone()]), ShareError::Wrong);
        let checked = db.sealed.check_share(&wrong);
        assert!(matches!(checked, Err(UnsealError::Share(ShareError::Wrong))));
    }
    for at in 1..17 {
        let foreign = forged(good, |bytes| bytes[at] ^= 0x55);
        assert_eq!(refused(&db, &[foreign.clone(), db.shares[1].clone()]), ShareError::Foreign, "byte {at}");
        assert_eq!(refused(&db, &[db.shares[1].clone(), foreign]), ShareError::Foreign);
    }
}

#[test]
fn a_threshold_lowered_on_the_share_does_not_open() {
    let db = Db::new();
    let lowered = forged(&db.shares[0], |bytes| bytes[17] = 1);
    assert_eq!(refused(&db, &[lowered]), ShareError::Wrong);
}

#[test]
fn foreign_doubled_and_missing_shares_are_named() {
    let (db, other) = (Db::new(), Db::new());
    assert_eq!(refused(&db, &[]), ShareError::Missing { missing: 1 });
    assert_eq!(refused(&db, &db.shares[..1]), ShareError::Missing { missing: 1 });
    assert_eq!(refused(&db, &other.shares[..2]), ShareError::Foreign);
    assert_eq!(refused(&db, &[db.shares[0].clone(), other.shares[1].clone()]), ShareError::Foreign);
    let twice = [db.shares[2].clone(), db.shares[2].clone()];
    assert_eq!(refused(&db, &twice), ShareError::Doubled(3));
    db.sealed.check_share(&db.shares[0]).unwrap();
}

#[test]
fn shares_of_two_slots_do_not_mix() {
    let split = || NewSlot::Shamir(Split { shares: 2, threshold: 2 });
    let db = Db::with(&[split(), split()]);
    assert_eq!(refused(&db, &[db.shares[0].clone(), db.shares[3].clone()]), ShareError::Foreign);
    db.sealed.unseal(&Unlock::Shares(&db.shares[2..])).unwrap();
}

#[test]
fn the_text_of_an_error_echoes_no_share() {
    let db = Db::new();
    let hex = db.shares[0].expose_hex().replacen(['a', 'b', 'c'], "d", 1);
    if let Err(error) = parse(&hex) {
        assert!(!format!("{error} {error:?}").contains(&hex[40..50]));
    }
    let error = db.sealed.unseal(&Unlock::Shares(&db.shares[..1])).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&db.shares[0].expose_hex()[40..50]));
}

proptest! {
    #[test]
    fn reading_a_share_never_panics(text in "\\PC*", raw in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse(&text).is_err());
        prop_assert!(Share::from_bytes(&*provider(), &raw).is_err());
    }
}
