use std::{hint::black_box, sync::Arc};

use ed25519_dalek::Signer as _;
use strongroom_core::{Algorithm, Name, memory::MemoryStore};
use strongroom_kms::Rings;

use crate::{
    Result,
    database::{rings, unsealed},
    effort::Effort,
    measure::computing,
    table::{Found, Row, Table, Target, Unit},
};

const MESSAGE: [u8; 64] = [0x5a; 64];

pub(crate) fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let rings = rings(&unsealed(Arc::new(MemoryStore::new()))?);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;

    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    let limit = || drop(black_box(key.sign(black_box(&MESSAGE)).to_bytes().to_vec()));
    table.add(beside(effort, &rings, (Algorithm::Ed25519, "Ed25519", "ed25519-dalek"), limit)?);

    let key = p256::ecdsa::SigningKey::from_slice(&seed)?;
    let limit = || {
        let signature: p256::ecdsa::Signature = key.sign(black_box(&MESSAGE));
        drop(black_box(signature.to_bytes().to_vec()));
    };
    table.add(beside(effort, &rings, (Algorithm::EcdsaP256, "P-256", "p256"), limit)?);
    Ok(())
}

fn beside(
    effort: &Effort,
    rings: &Rings,
    (algorithm, text, beside): (Algorithm, &str, &'static str),
    limit: impl FnMut(),
) -> Result<Row> {
    let name = Name::parse(text)?;
    rings.create(&name, algorithm)?;
    let found = computing(effort, || drop(black_box(rings.sign(&name, None, black_box(&MESSAGE)))), limit);
    Ok(Row {
        work: format!("kms.sign {text}"),
        beside,
        unit: Unit::Seconds,
        found: Found::Beside(found),
        target: Target::AtMost(1.1),
        note: None,
    })
}
