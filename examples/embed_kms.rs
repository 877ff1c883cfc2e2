//! A program that keeps its keys in process: it encrypts and signs, rotates, is restarted, and forbids a key.
//!
//! `cargo run -p strongroom-examples --bin embed_kms`

#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::{error::Error, fs, path::Path, time::Duration};

use strongroom::{
    Algorithm, KmsError, Name, SqliteStore, Strongroom, UnsealSecret,
    audit::{InclusionProof, LogId},
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (database, secret) =
        (folder.path().join("keys.db"), unseal_secret(&folder.path().join("unseal.key"))?);
    let (cards, receipts) = (Name::parse("cards")?, Name::parse("receipts")?);

    let room = Strongroom::create(SqliteStore::create(&database)?, &secret)?;
    let keys = room.keys();
    keys.create(&cards, Algorithm::Aes256Gcm)?;
    keys.create(&receipts, Algorithm::Ed25519)?;
    let card = keys.encrypt(&cards, b"4111 1111 1111 1111", b"customer 7")?;
    println!("encrypted   {} bytes of ciphertext", card.len());
    let receipt = keys.sign(&receipts, None, b"paid: 12.50")?;
    println!("signed      by version {}", receipt.version);

    // From now on another version encrypts; what the first one encrypted still opens.
    println!("rotated     to version {}", keys.rotate(&cards)?);
    let card = keys.rewrap(&cards, &card, b"customer 7")?;

    // What changed is in a tamper-evident log; its key, kept elsewhere, proves that to others.
    let logged = room.tend_log(Duration::from_secs(1))?.events;
    println!("logged      {logged} events, the first is proven: {}", first_event(&room)?);

    // Nothing is lost by a restart, and every key in memory is wiped before it.
    room.seal(Duration::from_secs(1))?;
    drop((room, keys));
    let room = Strongroom::open(SqliteStore::open(&database)?, &secret)?;
    let keys = room.keys();
    let opened = keys.decrypt(&cards, &card, b"customer 7")?;
    println!("decrypted   {}", String::from_utf8_lossy(&opened));
    println!("verified    {}", keys.verify(&receipts, b"paid: 12.50", &receipt)?);

    // It opens for the customer that it was encrypted for, and for nobody once the key is disabled.
    let other = keys.decrypt(&cards, &card, b"customer 8");
    println!("swapped     {}", refusal(other.map(drop))?);
    keys.disable(&cards)?;
    println!("disabled    {}", refusal(keys.decrypt(&cards, &card, b"customer 7").map(drop))?);
    Ok(())
}

/// 32 random bytes in a file, as an orchestrator's secret would be.
fn unseal_secret(path: &Path) -> Result<UnsealSecret, Box<dyn Error>> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    fs::write(path, bytes)?;
    Ok(UnsealSecret::new(fs::read(path)?)?)
}

/// What the first event of the log says, from a proof that anybody can check.
fn first_event(room: &Strongroom) -> Result<String, Box<dyn Error>> {
    let (log, tenant) = (room.audit()?, room.barrier().first_tenant());
    let key = log.verifier_key(LogId::Global)?;
    let proof: String = log.prove(tenant, 0)?.to_string();
    let proven = InclusionProof::parse(&proof)?.verify(&key)?;
    Ok(format!("{:?}", proven.payload.ok_or("it was erased")?.event.action))
}

/// What a refused operation says.
fn refusal(outcome: Result<(), KmsError>) -> Result<KmsError, &'static str> {
    outcome.err().ok_or("this should have been refused")
}
