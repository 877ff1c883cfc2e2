use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Instant,
};

use serde_json::json;
use strongroom::{
    RustCrypto, Sealed, SqliteStore, Strongroom, Unlock, UnsealSecret, backup,
    core::{SystemClock, Time},
};

use super::house::{House, TWO_SHARES, name, names};
use crate::support::{BINARY, Server, argument, bare, dev_token, mode, private_file, text};

/// Everything works that worked when the backup was taken, by two shares.
fn works(house: &House, data: &Path) {
    let store = SqliteStore::open(data.join("strongroom.db")).unwrap();
    let sealed = Sealed::open(
        std::sync::Arc::new(store),
        std::sync::Arc::new(RustCrypto::new()),
        std::sync::Arc::new(SystemClock),
    );
    let unsealed = sealed.unwrap().unseal(&Unlock::Shares(&house.shares[1..])).unwrap();
    let opened = Strongroom::of(unsealed).keys().decrypt(&name("orders"), &house.ciphertext, &[]).unwrap();
    assert_eq!(*opened, b"from before");
}

/// Only what one has on the worst day, in a folder of its own.
fn other_machine(house: &House) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["monday.backup", "recovery.key", "share-1", "share-3"] {
        fs::copy(house.path(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn there(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = bare(Command::new(BINARY));
    command.current_dir(folder).arg("operator").args(arguments);
    command
}

#[test]
fn another_machine_comes_back_with_the_backup_the_recovery_key_and_shares_alone() {
    let house = House::new();
    let machine = other_machine(&house);
    fs::remove_dir_all(house.path("data")).unwrap();
    let output = there(machine.path(), &house.back("restore", &["--data", "new"])).output().unwrap();
    let (told, progress) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{progress}");
    house.tells_no_secret(&output);
    for word in ["Restored  into new", "what happened later is not in it", "a new one", "Next:", "fsck"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(progress.contains("verifying and decrypting"), "{progress}");

    let data = machine.path().join("new");
    assert_eq!((mode(&data), mode(&data.join("strongroom.db"))), (0o700, 0o600));
    let fsck = [&["fsck", "--data", "new"], &TWO_SHARES[..]].concat();
    let output = there(machine.path(), &fsck).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    works(&house, &data);
    let left = names(machine.path());
    assert!(!left.iter().any(|name| name.contains(".strongroom-")), "{left:?}");
}

#[test]
fn a_restored_database_says_from_when_it_is_and_begins_a_new_history() {
    let house = House::new();
    let taken = house.json(&["verify-backup", "--from", "monday.backup", "--signer", &house.signer]);
    let first = house.json(&house.back("restore", &["--data", "first"]));
    let second = house.json(&house.back("restore", &["--data", "data/../second"]));
    for restored in [&first, &second] {
        for same in ["taken_at", "database", "backup", "commit"] {
            assert_eq!(restored[same], taken[same], "{same}");
        }
        assert_eq!(restored["history_before"], taken["history"]);
        assert_ne!(restored["history"], taken["history"]);
        assert_eq!(restored["application"], false);
    }
    assert_ne!(first["history"], second["history"]);
    let origin = SqliteStore::open(house.path("first/strongroom.db")).unwrap().identity().unwrap();
    let origin = origin.restored.unwrap();
    assert!(origin.taken_at > Time::from_millis(0) && origin.restored_at >= origin.taken_at);
    works(&house, &house.path("second"));
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let house = House::new();
    fs::create_dir(house.path("empty")).unwrap();
    let before = fs::read(house.database()).unwrap();
    for data in ["data", "empty", "recovery.key", "data/strongroom.db"] {
        let said = house.refused(&house.back("restore", &["--data", data]));
        assert!(said.contains(&format!("something at {data} already")), "{said}");
        assert!(said.contains("choose another path"), "{said}");
    }
    assert!(fs::read(house.database()).unwrap() == before);
    let said = house.refused(&house.back("restore", &["--data", "no/such/folder"]));
    assert!(said.contains("cannot be written") && said.contains("No such file"), "{said}");
}

#[test]
fn a_restoration_that_is_killed_leaves_the_whole_folder_or_none() {
    let house = House::new();
    let (mut whole, mut none) = (0, 0);
    let begin = Instant::now();
    house.json(&house.back("restore", &["--data", "first"]));
    let takes = begin.elapsed();
    // Ever later, and until one came through: on a loaded machine that takes longer.
    for round in 0.. {
        if round >= 30 && whole > 0 {
            break;
        }
        let data = house.path(&format!("new-{round}"));
        let arguments = house.back("restore", &["--data", argument(&data)]);
        let mut child = house.operator(&arguments);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(takes * round / 20);
        child.kill().unwrap();
        child.wait().unwrap();
        if data.exists() {
            whole += 1;
            works(&house, &data);
        } else {
            none += 1;
            // What is left keeps nobody from doing it again.
            let again = house.run(&arguments);
            assert!(again.status.success(), "{}", text(&again.stderr));
        }
    }
    assert!(none > 0, "all {whole} came through before they were killed");
    works(&house, &house.path("data"));
}

#[test]
fn a_server_that_was_lost_goes_on_from_its_backup() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let old = folder.path().join("old");
    let mut server = Server::dev(&old, &[]);
    let token = dev_token(&old);
    let mut client = server.client(&token);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    assert!(server.end().success());

    let key = fs::read(old.join("unseal.key")).unwrap();
    let store = SqliteStore::open(old.join("strongroom.db")).unwrap();
    let room = Strongroom::open(store.clone(), &UnsealSecret::new(key.clone()).unwrap()).unwrap();
    let (signer, to) = (backup::signer(&room).unwrap().to_string(), folder.path().join("dev.backup"));
    let recovery = fs::read_to_string(house.path("recovery.key")).unwrap();
    let recipient = backup::RecoveryKey::parse(recovery.trim()).unwrap().recipient();
    backup::take(&room, &store, &[recipient], &to, &mut |_| ()).unwrap();
    drop((room, store));
    fs::remove_dir_all(&old).unwrap();

    let new = folder.path().join("new");
    let (from, data) = (["--from", argument(&to), "--signer", &signer], ["--data", argument(&new)]);
    let restore = [&["restore", "--recovery-key", "recovery.key"], &from[..], &data[..]].concat();
    assert!(house.run(&restore).status.success());
    private_file(&new, "unseal.key", &key);
    private_file(&new, "root-token", token.as_bytes());
    let key_file = new.join("unseal.key");
    let fsck = [&["fsck", "--unseal-secret", argument(&key_file)], &data[..]].concat();
    assert_eq!(house.json(&fsck)["sound"], true);
    let server = Server::dev(&new, &[]);
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    assert_eq!(server.client(&token).good("POST", "transit/decrypt/app", &sealed)["plaintext"], "aGVsbG8=");
}
