//! `--unseal-secret`: each file is a way in of its own, beside the shares.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    server::Setup,
    support::{Server, argument, private_file, refused, set_mode, text},
};

fn sealed(setup: &Setup, server: &Server) -> bool {
    setup.operator(server, &["status"]).output().unwrap().status.code() == Some(2)
}

/// Initialises a server with a secret file, makes a ring, and encrypts with it.
fn begin(setup: &Setup, secret: &Path) -> (Server, Vec<String>, String, String) {
    let server = setup.start(&["--unseal-secret", argument(secret)]);
    let (shares, token) = setup.init(&server);
    // Not even the automatic slot keeps shares from working.
    shares.iter().take(2).for_each(|share| assert!(setup.unseal(&server, share).status.success()));
    let mut client = setup.client(&server, &token);
    client.good("POST", "transit/keys/app", &json!({}));
    let made = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    (server, shares, token, made["ciphertext"].as_str().unwrap().to_owned())
}

fn decrypts(setup: &Setup, server: &Server, token: &str, ciphertext: &str) {
    let body = json!({ "ciphertext": ciphertext });
    let opened = setup.client(server, token).good("POST", "transit/decrypt/app", &body);
    assert_eq!(opened["plaintext"], "aGVsbG8=");
}

#[test]
fn each_secret_file_alone_unseals_at_start() {
    let setup = Setup::new();
    let files =
        [b'1', b'2'].map(|byte| private_file(setup.folder.path(), &format!("secret-{byte}"), &[byte; 40]));
    let both = ["--unseal-secret", argument(&files[0]), "--unseal-secret", argument(&files[1])];
    let mut server = setup.start(&both);
    assert!(server.err().contains("not initialized"), "{}", server.err());
    let (_, token) = setup.init(&server);
    server.end();
    for file in &files {
        let mut server = setup.start(&["--unseal-secret", argument(file)]);
        assert!(!sealed(&setup, &server), "{}", server.err());
        assert!(server.err().contains("unsealed"), "{}", server.err());
        setup.client(&server, &token).good("GET", "auth/token/lookup-self", &json!(null));
        server.end();
    }
    assert!(sealed(&setup, &setup.start(&[])), "without a file it waits for shares");
}

#[test]
fn the_root_rotates_with_only_the_automatic_slot_present_and_the_shares_alone_recover() {
    let setup = Setup::new();
    let secret = private_file(setup.folder.path(), "secret", &[7; 32]);
    let (mut server, shares, token, ciphertext) = begin(&setup, &secret);
    server.end();

    // Nobody enters a share: the file is all there is.
    let mut server = setup.start(&["--unseal-secret", argument(&secret)]);
    assert!(!sealed(&setup, &server));
    let mut client = setup.client(&server, &token);
    for term in 2..4 {
        assert!(setup.with_token(&server, &token, &["rotate", "--root"]).status.success());
        assert_eq!(client.good("GET", "sys/key-status", &json!(null))["term"], term);
    }
    client.good("POST", "transit/keys/app/rotate", &json!({}));
    // The end of the process is not one that it was asked for.
    server.kill();

    // The file is gone for good.
    fs::remove_file(&secret).unwrap();
    let mut server = setup.start(&[]);
    assert!(sealed(&setup, &server));
    assert!(setup.unseal(&server, &shares[2]).status.success());
    assert!(text(&setup.unseal(&server, &shares[0]).stdout).contains("unsealed"));
    decrypts(&setup, &server, &token, &ciphertext);
    let ring = setup.client(&server, &token).good("GET", "transit/keys/app", &json!(null));
    assert_eq!(ring["latest_version"], 2);
    assert!(setup.with_token(&server, &token, &["rotate", "--root"]).status.success());
    server.end();

    // And the other way round: the root that the shares rotated opens by the file.
    private_file(setup.folder.path(), "secret", &[7; 32]);
    let server = setup.start(&["--unseal-secret", argument(&secret)]);
    assert!(!sealed(&setup, &server));
    decrypts(&setup, &server, &token, &ciphertext);
}

#[test]
fn a_secret_file_of_another_database_leaves_it_sealed_and_says_so() {
    let setup = Setup::new();
    let secret = private_file(setup.folder.path(), "secret", &[7; 32]);
    begin(&setup, &secret).0.end();
    let other = private_file(setup.folder.path(), "other", &[8; 32]);
    let server = setup.start(&["--unseal-secret", argument(&other)]);
    assert!(sealed(&setup, &server));
    assert!(server.err().contains("stays sealed") && server.err().contains("right file"), "{}", server.err());
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named_with_what_to_do() {
    let setup = Setup::new();
    let canary = b"canary-canary-canary-canary-canary";
    let fails = |path: &Path, says: &str| {
        let output = setup.command(&["--unseal-secret", argument(path)]).output().unwrap();
        let (code, said) = refused(&output);
        assert_eq!(code, 1);
        assert!(said.contains(argument(path)) && said.contains(says), "{said}");
        assert!(!said.contains("canary"), "{said}");
        assert!(!setup.data().exists(), "nothing was made");
    };
    let file = |bytes: &[u8]| private_file(setup.folder.path(), "secret", bytes);
    fails(&file(&canary[..31]), "32 bytes");
    fails(&file(b""), "32 bytes");
    fails(&file(&canary.repeat(2000)), "64 KiB");
    let path = file(canary);
    for mode in [0o604, 0o644, 0o606, 0o777] {
        set_mode(&path, mode);
        fails(&path, "chmod 600");
    }
    fs::remove_file(&path).unwrap();
    fails(&path, "No such file");
}

#[test]
fn a_secret_file_that_goes_away_before_initialization_stops_it_and_nothing_is_made() {
    let setup = Setup::new();
    let secret = private_file(setup.folder.path(), "secret", &[7; 32]);
    let server = setup.start(&["--unseal-secret", argument(&secret)]);
    fs::remove_file(&secret).unwrap();
    let (code, said) = refused(&setup.operator(&server, &["init"]).output().unwrap());
    assert_eq!(code, 1);
    assert!(said.contains("see the server's log"), "{said}");
    assert!(
        server.err().contains(argument(&secret)) && server.err().contains("No such file"),
        "{}",
        server.err()
    );
    private_file(setup.folder.path(), "secret", &[7; 32]);
    setup.init(&server);
}
