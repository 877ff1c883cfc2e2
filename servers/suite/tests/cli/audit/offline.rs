//! Proofs, exports and databases are checked without a server; what was changed is named.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use super::{asked, verify};
use crate::support::{Server, argument, dev_token, refused, strongroom, text};

/// A server with some hundred events, over two bundles.
fn server_with_events(data: &Path) -> Server {
    let server = Server::dev(data, &[]);
    let mut client = server.client(&dev_token(data));
    client.good("POST", "transit/keys/orders", &json!({}));
    for _ in 0..300 {
        client.good("POST", "transit/encrypt/orders", &json!({ "plaintext": "aGVsbG8=" }));
    }
    server
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn fsck(data: &Path, more: &[&str]) -> Output {
    let mut command = strongroom();
    command.args(["audit", "fsck", "--json", "--data", argument(data), "--unseal-secret"]);
    command.arg(data.join("unseal.key")).args(more).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

#[test]
fn a_changed_proof_and_a_foreign_key_are_refused_offline() {
    let folder = tempfile::tempdir().unwrap();
    let (data, proof) = (folder.path().join("data"), folder.path().join("proof"));
    let server = server_with_events(&data);
    let key = asked(&server, &data, &["key"]);
    fs::write(&proof, asked(&server, &data, &["proof", "7"])).unwrap();
    let whole = fs::read(&proof).unwrap();
    assert!(verify(&proof, key.trim(), &[]).status.success());
    for at in [40, whole.len() / 2, whole.len() - 20] {
        flip(&proof, at);
        let (code, said) = refused(&verify(&proof, key.trim(), &[]));
        assert!(code == 1 && said.contains("does NOT hold"), "{at}: {said}");
        let output = verify(&proof, key.trim(), &["--json"]);
        assert_eq!((output.status.code(), &json_of(&output)["verified"]), (Some(1), &json!(false)));
        fs::write(&proof, &whole).unwrap();
    }
    let other = folder.path().join("other");
    let foreign = asked(&Server::dev(&other, &[]), &other, &["key"]);
    assert!(refused(&verify(&proof, foreign.trim(), &[])).1.contains("another log"));
}

#[test]
fn a_kept_checkpoint_finds_whether_the_log_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, proof) =
        (folder.path().join("data"), folder.path().join("kept"), folder.path().join("proof"));
    let server = server_with_events(&data);
    let key = asked(&server, &data, &["key"]);
    fs::write(&kept, asked(&server, &data, &["checkpoint"])).unwrap();
    server.client(&dev_token(&data)).good("POST", "transit/keys/later", &json!({}));
    fs::write(&proof, asked(&server, &data, &["consistency", argument(&kept)])).unwrap();
    let good = verify(&proof, key.trim(), &["--since", argument(&kept)]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert!(refused(&verify(&proof, key.trim(), &[])).1.contains("--since"));
    fs::write(&kept, asked(&server, &data, &["checkpoint"])).unwrap();
    let (code, said) = refused(&verify(&proof, key.trim(), &["--since", argument(&kept)]));
    assert!(code == 1 && said.contains("begins with another one"), "{said}");
}

#[test]
fn an_export_verifies_as_a_whole_and_in_part_and_a_flipped_bit_in_any_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, export) = (folder.path().join("data"), folder.path().join("export"));
    let server = server_with_events(&data);
    let key = asked(&server, &data, &["key"]);
    asked(&server, &data, &["export", argument(&export)]);
    drop(server);
    let whole = verify(&export, key.trim(), &["--json"]);
    let shows = json_of(&whole)["shows"].clone();
    assert_eq!(shows["verified_entries"], shows["size"]);
    assert_eq!(shows["disclosed_events"], shows["size"]);
    let part = json_of(&verify(&export, key.trim(), &["--from", "250", "--to", "260", "--json"]));
    assert_eq!(part["shows"]["verified_entries"], 10);
    for (file, says) in [
        ("tile/entries/000", "entry 0"),
        ("tile/0/000", "tile/0/000"),
        ("events/000", "entry"),
        ("checkpoint", "does NOT hold"),
    ] {
        let path = export.join(file);
        let bytes = fs::read(&path).unwrap();
        flip(&path, 30);
        let (code, said) = refused(&verify(&export, key.trim(), &[]));
        assert!(code == 1 && said.contains(says), "{file}: {said}");
        fs::write(&path, bytes).unwrap();
    }
    assert!(verify(&export, key.trim(), &[]).status.success());
}

/// Where bytes that the log keeps in the clear would be; each row is sealed, so any byte of it will do.
#[test]
fn fsck_finds_a_sound_log_a_flipped_byte_and_a_log_that_was_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
    let mut server = server_with_events(&data);
    let early = folder.path().join("early");
    server.end();
    copy_folder(&data, &early);
    let mut server = Server::dev(&data, &[]);
    server.client(&dev_token(&data)).good("POST", "transit/keys/later", &json!({}));
    fs::write(&kept, asked(&server, &data, &["checkpoint"])).unwrap();
    server.end();
    let sound = fsck(&data, &["--since", argument(&kept)]);
    assert!(sound.status.success(), "{} {}", text(&sound.stdout), text(&sound.stderr));
    assert!(json_of(&sound)["entries"].as_u64().unwrap() > 300);
    let back = fsck(&early, &["--since", argument(&kept)]);
    assert_eq!(back.status.code(), Some(1));
    let said = json_of(&back)["checkpoints"][0].as_str().unwrap().to_owned();
    assert!(said.contains("cut off or rolled back"), "{said}");
    assert!(fsck(&early, &[]).status.success(), "by itself it is sound");
    // Heads hold the checkpoints.
    let parts = [
        (0x0401, "the head"),
        (0x0402, "entry"),
        (0x0403, "tile/"),
        (0x0404, "the index"),
        (0x0405, "the key of"),
    ];
    for (table, named) in parts {
        let copy = folder.path().join(format!("{table:04x}"));
        copy_folder(&data, &copy);
        change_a_row(&copy, table);
        let damaged = fsck(&copy, &[]);
        assert_eq!(damaged.status.code(), Some(1), "{table:04x}: {}", text(&damaged.stderr));
        let found = json_of(&damaged)["damaged"].clone();
        let parts = found.as_array().unwrap().iter().map(|finding| finding["part"].as_str().unwrap());
        assert!(parts.into_iter().any(|part| part.starts_with(named)), "{table:04x}: {found}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Flips a byte in the last row of a table of the log.
fn change_a_row(data: &Path, table: u16) {
    use strongroom::{
        SqliteStore,
        core::{Batch, Direction, Outcome, Range, Store, Table, Tenant, Write},
    };
    let store = SqliteStore::open(data.join("strongroom.db")).unwrap();
    let range = Range::under(Tenant::SYSTEM, Table::new(table), &[]).unwrap();
    let (key, row) = store.scan(&range, Direction::Backward, 1).unwrap().pop().unwrap();
    let mut bytes = row.value.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let batch = Batch { writes: vec![(key, Write::Put(bytes.into()))], ..Batch::default() };
    let lowered = store.lower(batch).unwrap();
    assert!(matches!(store.commit(&lowered).unwrap(), Outcome::Done(_)));
}
