//! `strongroom dev`: it works at once, keeps what it makes to its owner, and ends when it is asked to.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::support::{Server, argument, bare, dev_token, installed, mode, refused, run, text, with_umask};

#[test]
fn the_printed_commands_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    // A name that a careless command breaks at.
    let data = folder.path().join("it's here");
    let server = Server::dev(&data, &[]);
    let commands: Vec<_> =
        server.out().lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect();
    let commands: Vec<_> =
        commands.iter().filter(|line| line.starts_with("export ") || line.starts_with("curl ")).collect();
    assert_eq!(commands.len(), 3, "{}", server.out());
    if !installed("curl") || !installed("bash") {
        return;
    }
    let script = commands.iter().fold(String::new(), |script, command| script + command + " || exit 1\n");
    // From another folder than the server's, as a second terminal may be.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut bash = bare(Command::new("bash"));
    let output = bash.current_dir(elsewhere.path()).args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answers = text(&output.stdout);
    assert!(answers.contains("\"ciphertext\":\"vault:v1:"), "{answers}");
    let sealed = answers.split('"').find(|word| word.starts_with("vault:v1:")).unwrap();
    let opened = server.client(&dev_token(&data)).good(
        "POST",
        "transit/decrypt/app",
        &json!({ "ciphertext": sealed }),
    );
    assert_eq!(opened["plaintext"], "aGVsbG8=");
}

#[test]
fn nobody_else_reads_the_files_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(with_umask("000", folder.path(), &["dev", "--listen", "127.0.0.1:0"]));
    let data = folder.path().join("strongroom-data");
    server.client(&dev_token(&data)).good("POST", "transit/keys/app", &json!({}));
    assert_eq!(mode(&data), 0o700);
    let closed = |when: &str| {
        let names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in &names {
            assert_eq!(mode(path), 0o600, "{}, {when}", path.display());
        }
        names.len()
    };
    assert!(closed("running") >= 5, "database, log, owner, key, token");
    server.end();
    closed("ended");
}

#[test]
fn running_it_again_opens_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::dev(folder.path(), &[]);
    let token = dev_token(folder.path());
    let mut client = first.client(&token);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    assert!(first.end().success());
    let second = Server::dev(folder.path(), &[]);
    assert_eq!(dev_token(folder.path()), token, "the token stays");
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    assert_eq!(second.client(&token).good("POST", "transit/decrypt/app", &sealed)["plaintext"], "aGVsbG8=");
}

#[test]
fn a_second_one_on_the_same_data_says_that_it_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::dev(folder.path(), &[]);
    let token = dev_token(folder.path());
    let second = run(&["dev", "--listen", "127.0.0.1:0", "--data", argument(folder.path())]);
    let (code, said) = refused(&second);
    assert_eq!(code, 1);
    assert!(said.contains("in use") && said.contains("stop the process"), "{said}");
    assert!(said.contains(argument(folder.path())), "{said}");
    // It left everything as it was.
    assert_eq!(dev_token(folder.path()), token);
    first.client(&token).good("GET", "auth/token/lookup-self", &json!(null));
    let address = first.url.strip_prefix("http://").unwrap();
    let other = tempfile::tempdir().unwrap();
    let (code, said) = refused(&run(&["dev", "--listen", address, "--data", argument(other.path())]));
    assert_eq!(code, 1);
    assert!(said.contains(address) && said.contains("choose another port"), "{said}");
}

#[test]
fn without_its_key_file_it_says_what_is_missing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    Server::dev(folder.path(), &[]).end();
    let key = folder.path().join("unseal.key");
    let bytes = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let (code, said) = refused(&run(&["dev", "--listen", "127.0.0.1:0", "--data", argument(folder.path())]));
    assert_eq!(code, 1);
    assert!(said.contains(argument(&key)) && said.contains("put it back"), "{said}");
    assert!(!key.exists(), "no other key in its place");
    crate::support::private_file(folder.path(), "unseal.key", &bytes);
    Server::dev(folder.path(), &[]);
    // Another key is no key, and a cut one neither.
    crate::support::private_file(folder.path(), "unseal.key", &[7; 32]);
    let (_, said) = refused(&run(&["dev", "--listen", "127.0.0.1:0", "--data", argument(folder.path())]));
    assert!(said.contains("is it the right file?"), "{said}");
    crate::support::private_file(folder.path(), "unseal.key", &bytes[..31]);
    let (_, said) = refused(&run(&["dev", "--listen", "127.0.0.1:0", "--data", argument(folder.path())]));
    assert!(said.contains("32 bytes"), "{said}");
}

#[test]
fn without_its_token_file_it_makes_another_token() {
    let folder = tempfile::tempdir().unwrap();
    Server::dev(folder.path(), &[]).end();
    let old = dev_token(folder.path());
    fs::remove_file(folder.path().join("root-token")).unwrap();
    let server = Server::dev(folder.path(), &[]);
    let new = dev_token(folder.path());
    assert_ne!(old, new);
    server.client(&new).good("GET", "auth/token/lookup-self", &json!(null));
    assert_eq!(mode(&folder.path().join("root-token")), 0o600);
}

#[test]
fn a_root_token_of_ones_own_works_and_comes_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::dev(folder.path(), &["--root-token", "my-own"]);
    assert!(first.out().contains("for development only"), "{}", first.out());
    assert_eq!(dev_token(folder.path()), "my-own");
    first.client("my-own").good("POST", "transit/keys/app", &json!({}));
    assert!(first.end().success());
    // On data that is there already, too; and it stays good without the flag.
    let mut second = Server::dev(folder.path(), &["--root-token", "another"]);
    second.client("another").good("GET", "transit/keys/app", &json!(null));
    assert!(second.end().success());
    let third = Server::dev(folder.path(), &[]);
    assert_eq!(dev_token(folder.path()), "another");
    third.client("another").good("GET", "transit/keys/app", &json!(null));
    assert!(!third.out().contains("for development only"));
    let empty = tempfile::tempdir().unwrap();
    for bad in ["", "with space", "\u{e4}"] {
        let data = argument(empty.path());
        let output = run(&["dev", "--listen", "127.0.0.1:0", "--data", data, "--root-token", bad]);
        let (code, said) = refused(&output);
        assert_eq!(code, 1);
        assert!(said.contains("visible ASCII"), "{said}");
    }
}

#[test]
fn other_machines_are_not_let_in_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let (code, said) = refused(&run(&["dev", "--listen", address, "--data", argument(&data)]));
        assert_eq!(code, 1);
        assert!(said.contains("other machines") && said.contains("strongroom server"), "{said}");
        let (code, said) =
            refused(&run(&["server", "--insecure-http", "--listen", address, "--data", argument(&data)]));
        assert_eq!(code, 1);
        assert!(said.contains("other machines") && said.contains("--tls-cert"), "{said}");
    }
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn it_ends_cleanly_when_asked_to() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::dev(folder.path(), &[]);
        let mut client = server.client(&dev_token(folder.path()));
        client.good("POST", "transit/keys/app", &json!({}));
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}: {}", server.said());
        assert!(log_left(folder.path()).is_none(), "the log was written back");
        let again = Server::dev(folder.path(), &[]);
        let mut client = again.client(&dev_token(folder.path()));
        for (path, count) in
            [("audit/events?action=create&service=kms", 1), ("audit/system/events?action=seal", 1)]
        {
            let told = client.good("GET", path, &json!(null));
            assert_eq!(told["events"].as_array().unwrap().len(), count, "{path}: {told}");
        }
    }
}

fn log_left(data: &Path) -> Option<u64> {
    fs::metadata(data.join("strongroom.db-wal")).ok().map(|log| log.len())
}

#[test]
fn slots_rotation_and_backups_are_there_too() {
    use strongroom::backup::RecoveryKey;
    use strongroom_keys::RustCrypto;

    let folder = tempfile::tempdir().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    let recipient = RecoveryKey::generate(&RustCrypto::new()).unwrap().recipient().to_string();
    let server = Server::dev(&data, &["--backup-dir", argument(&backups), "--backup-recipient", &recipient]);
    let token = data.join("root-token");
    let operator = |task: &[&str]| {
        let at = ["operator", "--address", &server.url, "--token-file", argument(&token)];
        let output = run(&[&at[..], task].concat());
        assert!(output.status.success(), "{task:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(operator(&["slot", "list"]).contains("secret"));
    assert!(operator(&["rotation", "status"]).contains("Root     version 1"));
    assert!(operator(&["backup"]).contains("strongroom-signer-"));
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 1);
}
