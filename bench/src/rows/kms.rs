//! Rings of every kind beside their keys alone, and rings of many versions beside rings of one.

use std::{hint::black_box, sync::Arc};

use strongroom_core::{Algorithm, Key, Name, Provider as _, SignOptions, memory::MemoryStore};
use strongroom_keys::RustCrypto;
use strongroom_kms::Rings;

use crate::{
    Result,
    database::{rings, unsealed},
    effort::Effort,
    measure::computing,
    table::{Found, Row, Table, Target, Unit},
};

const MESSAGE: [u8; 64] = [0x5a; 64];
const KEY: &str = "the key alone, as in `asymmetric`";
/// Versions in the record of a ring.
const LIVE: u32 = 1_000;

struct Rows<'t>(&'t Effort, &'t mut Table);

impl Rows<'_> {
    fn add<O, L>(
        &mut self,
        work: String,
        beside: &'static str,
        mut ours: impl FnMut() -> O,
        mut limit: impl FnMut() -> L,
    ) {
        let found = computing(self.0, || drop(black_box(ours())), || drop(black_box(limit())));
        let (unit, target) = (Unit::Seconds, Target::AtMost(1.1));
        self.1.add(Row { work, beside, unit, found: Found::Beside(found), target, note: None });
    }
}

pub(crate) fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let rings = rings(&unsealed(Arc::new(MemoryStore::new()))?);
    let mut rows = Rows(effort, table);
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::MlDsa65,
        Algorithm::Rsa2048,
    ] {
        signatures(&mut rows, &rings, algorithm)?;
    }
    for algorithm in [Algorithm::X25519, Algorithm::EcdhP256] {
        agreement(&mut rows, &rings, algorithm)?;
    }
    for algorithm in [Algorithm::MlKem768, Algorithm::XWing] {
        encapsulation(&mut rows, &rings, algorithm)?;
    }
    versions(&mut rows, &rings)
}

/// A ring, and a key of its kind that is in no ring.
fn pair(rings: &Rings, algorithm: Algorithm) -> Result<(Name, Arc<dyn Key>)> {
    let (name, provider) = (Name::parse(&format!("{algorithm:?}"))?, RustCrypto::new());
    rings.create(&name, algorithm)?;
    Ok((name, provider.software().load(&provider.software().generate(algorithm)?)?))
}

fn signatures(rows: &mut Rows<'_>, rings: &Rings, algorithm: Algorithm) -> Result<()> {
    let (name, key) = pair(rings, algorithm)?;
    // Randomised, ML-DSA tries a varying number of times: its signing is in `asymmetric`, where both sides try the same.
    let usual = SignOptions::default();
    if algorithm != Algorithm::MlDsa65 {
        rows.add(
            format!("kms.sign {algorithm:?}"),
            KEY,
            || rings.sign(&name, None, black_box(&MESSAGE)),
            || key.sign(black_box(&MESSAGE), &usual),
        );
    }
    let (ours, theirs) = (rings.sign(&name, None, &MESSAGE)?, key.sign(&MESSAGE, &usual)?);
    rows.add(
        format!("kms.verify {algorithm:?}"),
        KEY,
        || rings.verify(&name, black_box(&MESSAGE), &ours),
        || key.verify(black_box(&MESSAGE), &theirs, &usual),
    );
    Ok(())
}

fn agreement(rows: &mut Rows<'_>, rings: &Rings, algorithm: Algorithm) -> Result<()> {
    let (name, key) = pair(rings, algorithm)?;
    let peer = key.public().ok_or("a public half")?.bytes.clone();
    rows.add(
        format!("kms.agree {algorithm:?}"),
        KEY,
        || rings.agree(&name, None, black_box(&peer)),
        || key.agree(black_box(&peer)),
    );
    Ok(())
}

fn encapsulation(rows: &mut Rows<'_>, rings: &Rings, algorithm: Algorithm) -> Result<()> {
    let (name, key) = pair(rings, algorithm)?;
    rows.add(
        format!("kms.encapsulate {algorithm:?}"),
        KEY,
        || rings.encapsulate(&name, None),
        || key.encapsulate(),
    );
    let (ours, theirs) = (rings.encapsulate(&name, None)?.ciphertext, key.encapsulate()?.ciphertext);
    rows.add(
        format!("kms.decapsulate {algorithm:?}"),
        KEY,
        || rings.decapsulate(&name, 1, black_box(&ours)),
        || key.decapsulate(black_box(&theirs)),
    );
    Ok(())
}

/// What the first live version, one in the archive, and that of a ring of one version take.
fn versions(rows: &mut Rows<'_>, rings: &Rings) -> Result<()> {
    let (one, many) = (Name::parse("one")?, Name::parse("many")?);
    let archived = rows.0.archived;
    for name in [&one, &many] {
        rings.create(name, Algorithm::Aes256Gcm)?;
    }
    let (single, oldest) = (rings.encrypt(&one, &MESSAGE, b"")?, rings.encrypt(&many, &MESSAGE, b"")?);
    for _ in 1..LIVE + archived {
        rings.rotate(&many)?;
    }
    let live = rings.encrypt_with(&many, Some(archived + 1), &MESSAGE, b"")?;
    for (what, sealed) in [("the oldest live", &live), ("an archived", &oldest)] {
        rows.add(
            format!("kms.decrypt, {what} of {LIVE} and {archived} versions"),
            "the same with one version",
            || rings.decrypt(&many, black_box(sealed), b""),
            || rings.decrypt(&one, black_box(&single), b""),
        );
    }
    Ok(())
}
