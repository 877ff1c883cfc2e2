//! A program whose own rows and the state of a key change together: an account and its key live in one SQLite
//! file and are closed in one transaction.
//!
//! `cargo run -p strongroom-examples --bin app_transaction`

#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::{error::Error, fs, path::Path};

use strongroom::{
    Algorithm, KmsError, Name, Rings, SqliteStore, Strongroom, UnsealSecret, core::Reader,
    sqlite::rusqlite::Connection,
};

const IBAN: &[u8] = b"DE02120300000000202051";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bank.db");
    // The application's own file, with its own table; the suite's tables are added to it.
    Connection::open(&path)?
        .execute_batch("CREATE TABLE account (id INTEGER PRIMARY KEY, iban BLOB, closed INTEGER) STRICT")?;
    let store = SqliteStore::create_in(&path)?;
    let mut secret = vec![0; 32];
    getrandom::fill(&mut secret)?;
    let room = Strongroom::create(store.clone(), &UnsealSecret::new(secret)?)?;
    let (keys, name) = (room.keys(), Name::parse("account-7")?);

    // A new key and the row that it encrypts: both, or neither.
    let transaction = store.begin()?;
    let change = keys.plan_create(reader(&room), &name, Algorithm::Aes256Gcm)?;
    transaction.execute("INSERT INTO account (id, closed) VALUES (7, 0)", [])?;
    transaction.commit(change.lower(room.barrier())?)?;
    let iban = keys.encrypt(&name, IBAN, b"account 7")?;
    let transaction = store.begin()?;
    transaction.execute("UPDATE account SET iban = ?1 WHERE id = 7", [&iban])?;
    transaction.commit_rows()?;

    // Closing is undone: the key goes on to work.
    let transaction = store.begin()?;
    let change = keys.plan_disable(reader(&room), &name)?;
    transaction.execute("UPDATE account SET closed = 1 WHERE id = 7", [])?;
    let pending = change.lower(room.barrier())?;
    transaction.rollback();
    drop(pending);
    println!("rolled back: closed = {}, {}", closed(&path)?, state(&keys, &name, &iban));

    // Closing is committed: right afterwards the key does nothing any more.
    let transaction = store.begin()?;
    let change = keys.plan_disable(reader(&room), &name)?;
    transaction.execute("UPDATE account SET closed = 1 WHERE id = 7", [])?;
    transaction.commit(change.lower(room.barrier())?)?;
    println!("committed:   closed = {}, {}", closed(&path)?, state(&keys, &name, &iban));

    // Reading a file that SQLite has open would drop its locks: so the store is closed first.
    drop((keys, room, store));
    println!("plaintext in the files: {}", found_in(folder.path(), IBAN)?);
    Ok(())
}

/// Reads for a plan, as of now.
fn reader(room: &Strongroom) -> Reader<'_> {
    Reader::new(room.barrier(), room.barrier().first_tenant())
}

fn state(keys: &Rings, name: &Name, iban: &[u8]) -> &'static str {
    match keys.decrypt(name, iban, b"account 7") {
        Ok(opened) if *opened == IBAN => "the key decrypts",
        Err(KmsError::Disabled) => "the key is disabled",
        _ => "something is wrong",
    }
}

/// As any other program that reads the file sees it.
fn closed(path: &Path) -> Result<i64, Box<dyn Error>> {
    Ok(Connection::open(path)?.query_row("SELECT closed FROM account WHERE id = 7", [], |row| row.get(0))?)
}

/// How many files of a folder contain these bytes.
fn found_in(folder: &Path, bytes: &[u8]) -> Result<usize, Box<dyn Error>> {
    let mut found = 0;
    for file in fs::read_dir(folder)? {
        let content = fs::read(file?.path())?;
        found += usize::from(content.windows(bytes.len()).any(|window| window == bytes));
    }
    Ok(found)
}
