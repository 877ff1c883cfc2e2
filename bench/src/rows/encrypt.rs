use std::{cell::RefCell, hint::black_box, sync::Arc};

use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, consts::U12},
};
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use strongroom_core::{Algorithm, Name, memory::MemoryStore};
use strongroom_kms::Rings;

use crate::{
    Result,
    database::{rings, unsealed},
    effort::Effort,
    measure::{Compared, computing},
    table::{Found, Row, Table, Target, Unit},
};

const BESIDE: &str = "aes-gcm, new random key, new buffer";
const SIZES: [(usize, &str, f64); 3] =
    [(64, "64 B", 3.2), (1 << 10, "1 KiB", 2.0), (16 << 10, "16 KiB", 1.15)];
/// Messages that are decrypted in turn.
const MESSAGES: usize = 64;

pub(crate) fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let (rings, name) = (rings(&unsealed(Arc::new(MemoryStore::new()))?), Name::parse("orders")?);
    rings.create(&name, Algorithm::Aes256Gcm)?;
    for (size, text, target) in SIZES {
        let plaintext = vec![0x5a; size];
        let limit = Limit::new()?;
        let found = computing(
            effort,
            || drop(black_box(rings.encrypt(&name, black_box(&plaintext), b""))),
            || drop(black_box(limit.seal(black_box(&plaintext)))),
        );
        row(table, format!("kms.encrypt {text}"), found, target);
        let found = decrypt(effort, &rings, &name, &limit, &plaintext)?;
        row(table, format!("kms.decrypt {text}"), found, target);
    }
    Ok(())
}

fn row(table: &mut Table, work: String, found: Compared, target: f64) {
    let (unit, target) = (Unit::Seconds, Target::AtMost(target));
    table.add(Row { work, beside: BESIDE, unit, found: Found::Beside(found), target, note: None });
}

fn decrypt(effort: &Effort, rings: &Rings, name: &Name, limit: &Limit, plaintext: &[u8]) -> Result<Compared> {
    let ours = (0..MESSAGES)
        .map(|_| rings.encrypt(name, plaintext, b""))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let theirs = (0..MESSAGES).map(|_| limit.seal(plaintext)).collect::<Result<Vec<_>>>()?;
    assert_eq!(*rings.decrypt(name, &ours[0], b"")?, plaintext);
    assert_eq!(open(&theirs[0])?, plaintext);
    let (mut ours, mut theirs) = (ours.iter().cycle(), theirs.iter().cycle());
    Ok(computing(
        effort,
        || drop(black_box(ours.next().map(|envelope| rings.decrypt(name, black_box(envelope), b"")))),
        || drop(black_box(theirs.next().map(|sealed| open(black_box(sealed))))),
    ))
}

/// AES-256-GCM under a key that is new for each message, so that its nonce may be fixed. The keys come from a
/// generator as ours has one for each thread, without what ours does beyond drawing.
struct Limit(RefCell<ChaCha20Rng>);

type Sealed = ([u8; 32], Vec<u8>);

impl Limit {
    fn new() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self(RefCell::new(ChaCha20Rng::from_seed(seed))))
    }

    fn seal(&self, plaintext: &[u8]) -> Result<Sealed> {
        let mut key = [0; 32];
        self.0.borrow_mut().fill_bytes(&mut key);
        let sealed = cipher(&key).encrypt(&nonce(), plaintext).map_err(|_| "did not seal")?;
        Ok((key, sealed))
    }
}

fn open((key, sealed): &Sealed) -> Result<Vec<u8>> {
    cipher(key).decrypt(&nonce(), sealed.as_slice()).map_err(|_| "did not open".into())
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
}

fn nonce() -> Nonce<U12> {
    Nonce::from([0; 12])
}
