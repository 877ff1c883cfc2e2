//! Slots of each kind in format 2, as they were written once.

use strongroom_barrier::{Reentered, SlotKind, Split, Unlock, UnsealError};
use strongroom_core::{Name, Tenant};

use crate::{
    db::{Db, NOW, SYSTEM, cheap, file, name, passphrase, rewrap, value},
    golden::{database, shares},
    token::Token,
};

const GOLDEN: &str = include_str!("format-2-slots.txt");
const WORDS: &str = "several random words";

fn token() -> Token {
    Token::new(*b"a key that never leaves a token!")
}

fn reads(db: &Db, unlock: &Unlock<'_>) -> [u8; 16] {
    let unsealed = db.sealed.unseal(unlock).unwrap();
    let record = value(&unsealed, &name(unsealed.first_tenant(), "a")).unwrap().unwrap();
    assert_eq!(record, b"found by every slot");
    db.sealed.verify(unlock).unwrap()
}

#[test]
fn each_kind_of_slot_of_format_2_opens() {
    let (db, key) = (database(GOLDEN), token().key("strongroom-1"));
    let (file, words) = (file(), passphrase(WORDS));
    let ways = [
        (Unlock::Secret(&file), SlotKind::SecretFile),
        (Unlock::Shares(&db.shares[1..]), SlotKind::Shamir),
        (Unlock::Passphrase(&words), SlotKind::Passphrase(cheap())),
        (
            Unlock::Key(&key),
            SlotKind::Key {
                backend: Name::parse("token").unwrap(),
                name: Name::parse("strongroom-1").unwrap(),
            },
        ),
    ];
    for (way, kind) in &ways {
        let id = reads(&db, way);
        let slot = db.slots().into_iter().find(|slot| slot.id == id).unwrap();
        assert_eq!((&slot.kind, slot.made), (kind, NOW));
        let label = (*kind == SlotKind::SecretFile).then(|| Name::parse("usb-stick").unwrap());
        assert_eq!(slot.label, label);
    }
}

#[test]
fn a_proposal_of_format_2_is_confirmed() {
    let db = database(GOLDEN);
    let proposed = shares(GOLDEN, "proposed");
    let listed = db.sealed.status().unwrap().proposals.remove(0);
    assert_eq!((listed.id, listed.replaces), (proposed[0].slot(), db.shares[0].slot()));
    assert_eq!(listed.split, Split { shares: 2, threshold: 2 });
    let early = db.sealed.unseal(&Unlock::Shares(&proposed));
    assert!(matches!(early, Err(UnsealError::Share(_))), "{early:?}");
    db.by_file().confirm(&SYSTEM, &proposed, Reentered::All).unwrap();
    assert_eq!(reads(&db, &Unlock::Shares(&proposed)), listed.id);
    let late = db.sealed.unseal(&Unlock::Shares(&db.shares[1..]));
    assert!(matches!(late, Err(UnsealError::Share(_))), "{late:?}");
}

#[test]
fn slots_of_format_2_are_taken_along_by_a_rotation() {
    let (db, key) = (database(GOLDEN), token().key("strongroom-1"));
    let unsealed = db.sealed.unseal(&Unlock::Key(&key)).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    unsealed.rotate_tenant(&SYSTEM, Tenant::SYSTEM).unwrap();
    reads(&db, &Unlock::Passphrase(&passphrase(WORDS)));
    reads(&db, &Unlock::Shares(&db.shares[..2]));
    reads(&db, &Unlock::Secret(&file()));
}

#[test]
fn the_text_of_a_share_is_as_it_was_given_out_once() {
    let db = database(GOLDEN);
    let texts: Vec<&str> = GOLDEN.lines().filter_map(|line| line.strip_prefix("text ")).collect();
    assert_eq!(texts.len(), 3);
    for (share, text) in db.shares.iter().zip(texts) {
        assert_eq!(share.expose_text().as_str(), text);
    }
}
