//! A thousand corruptions of shares: each has its own error, and none gives a secret.

use strongroom_barrier::{NewSlot, Share, ShareError, Split, Unlock, UnsealError};
use strongroom_core::Provider as _;

use crate::{
    db::{Db, provider},
    dice::Dice,
};

const SPLIT: Split = Split { shares: 5, threshold: 3 };

fn parse(text: &str) -> Result<Share, ShareError> {
    Share::parse(&*provider(), text)
}

/// What somebody typed instead of a share, in one of its three spellings.
fn mangled(dice: &mut Dice, share: &Share) -> String {
    let spellings = [share.expose_text(), share.expose_hex(), share.expose_base64()];
    let mut text = spellings[dice.below(3)].as_bytes().to_vec();
    match dice.below(5) {
        0 => text.truncate(dice.below(text.len())),
        1 => drop(text.drain(..=dice.below(text.len() - 1))),
        2 => text.insert(dice.below(text.len()), b"0aZ-"[dice.below(4)]),
        3 => drop(text.remove(dice.below(text.len()))),
        _ => {
            for _ in 0..=dice.below(4) {
                let at = dice.below(text.len());
                text[at] = 0x21 + dice.below(0x5e) as u8;
            }
        }
    }
    String::from_utf8(text).unwrap()
}

/// A bit of a share's bytes turned over, without or with a checksum that fits again.
fn flipped(dice: &mut Dice, share: &Share, repaired: bool) -> (usize, Vec<u8>) {
    let hex = share.expose_hex();
    let mut bytes: Vec<u8> =
        (0..Share::SIZE).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let at = if repaired { 1 + dice.below(Share::SIZE - 5) } else { dice.below(Share::SIZE) };
    bytes[at] ^= 1 << dice.below(8);
    if repaired {
        let sum = provider().sha256(&[b"strongroom/v1/share/checksum", &bytes[..Share::SIZE - 4]]);
        bytes[Share::SIZE - 4..].copy_from_slice(&sum[..4]);
    }
    (at, bytes)
}

/// Two shares of a slot of the database, and a place for a third one.
fn with(db: &Db, dice: &mut Dice, third: Share) -> Vec<Share> {
    let mut set: Vec<Share> =
        db.shares[..5].iter().filter(|share| share.index() != third.index()).take(2).cloned().collect();
    set.insert(dice.below(3), third);
    set
}

fn refused(db: &Db, set: &[Share]) -> ShareError {
    match db.sealed.unseal(&Unlock::Shares(set)) {
        Err(UnsealError::Share(error)) => error,
        other => unreachable!("not refused as a share: {other:?}"),
    }
}

#[test]
fn a_thousand_corruptions_never_give_a_secret_and_each_has_its_error() {
    let (db, other, mut dice) = (
        Db::with(&[NewSlot::Shamir(SPLIT), NewSlot::Shamir(SPLIT)]),
        Db::with(&[NewSlot::Shamir(SPLIT)]),
        Dice::new(1),
    );
    let mut seen = [0; 7];
    for round in 0..1_000 {
        let good = db.shares[dice.below(5)].clone();
        match round % 7 {
            0 => {
                let text = mangled(&mut dice, &good);
                match parse(&text) {
                    Err(ShareError::Malformed | ShareError::Damaged) => seen[0] += 1,
                    Err(other) => unreachable!("{other:?}"),
                    // The same character again, or one in capitals: no corruption.
                    Ok(same) => assert_eq!(*same.expose_hex(), *good.expose_hex(), "{text}"),
                }
            }
            1 => {
                let (_, bytes) = flipped(&mut dice, &good, false);
                assert!(matches!(Share::from_bytes(&*provider(), &bytes), Err(ShareError::Damaged)));
                seen[1] += 1;
            }
            2 => {
                let (at, bytes) = flipped(&mut dice, &good, true);
                let Ok(wrong) = Share::from_bytes(&*provider(), &bytes) else {
                    assert!(matches!(at, 17 | 18), "a threshold or an index of 0");
                    continue;
                };
                let expected = if at < 17 { ShareError::Foreign } else { ShareError::Wrong };
                assert_eq!(refused(&db, &with(&db, &mut dice, wrong)), expected, "byte {at}");
                seen[2] += 1;
            }
            3 => {
                let foreign = [&db.shares[5..], &other.shares[..]][dice.below(2)][dice.below(5)].clone();
                assert_eq!(refused(&db, &with(&db, &mut dice, foreign)), ShareError::Foreign);
                seen[3] += 1;
            }
            4 => {
                let set = [good.clone(), db.shares[(usize::from(good.index())) % 5].clone(), good.clone()];
                assert_eq!(refused(&db, &set), ShareError::Doubled(good.index()));
                seen[4] += 1;
            }
            5 => {
                let set = &db.shares[..1 + dice.below(2)];
                let missing = 3 - set.len() as u8;
                assert_eq!(refused(&db, set), ShareError::Missing { missing });
                seen[5] += 1;
            }
            _ => {
                // A set that is right but for its order and one share more than needed opens.
                let set = with(&db, &mut dice, good);
                drop(db.sealed.unseal(&Unlock::Shares(&set)).unwrap());
                seen[6] += 1;
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen > 100), "{seen:?}");
}
