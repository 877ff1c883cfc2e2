//! `strongroom server` behind TLS, and `strongroom operator`, which looks after it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Server, argument, installed, private_file, refused, run, run_with, set_mode, strongroom, text,
};
use crate::tls::{self, Certificate};

/// A server with its files, and how it is started.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    pub(crate) certificate: Certificate,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::new(folder.path());
        Self { folder, certificate }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = strongroom();
        command.args(["server", "--listen", "127.0.0.1:0", "--data"]).arg(self.data());
        command.arg("--tls-cert").arg(&self.certificate.chain);
        command.arg("--tls-key").arg(&self.certificate.key).args(more);
        command
    }

    pub(crate) fn start(&self, more: &[&str]) -> Server {
        Server::start(self.command(more))
    }

    /// `strongroom operator` against a server.
    pub(crate) fn operator(&self, server: &Server, arguments: &[&str]) -> Command {
        let mut command = strongroom();
        command.args(["operator", "--address", &server.url, "--ca-cert"]).arg(&self.certificate.chain);
        command.args(arguments);
        command
    }

    /// The same with a token from a file.
    pub(crate) fn with_token(&self, server: &Server, token: &str, arguments: &[&str]) -> Output {
        let file = private_file(self.folder.path(), "token", format!("{token}\n").as_bytes());
        self.operator(server, arguments).arg("--token-file").arg(file).output().unwrap()
    }

    /// Initialises; answers shares and token.
    pub(crate) fn init(&self, server: &Server) -> (Vec<String>, String) {
        let mut init = self.operator(server, &["init", "--shares", "3", "--threshold", "2", "--json"]);
        let made = json_of(&good(init.output().unwrap()));
        let shares = made["keys_base64"].as_array().unwrap().iter();
        let shares = shares.map(|share| share.as_str().unwrap().to_owned()).collect();
        (shares, made["root_token"].as_str().unwrap().to_owned())
    }

    pub(crate) fn unseal(&self, server: &Server, share: &str) -> Output {
        run_with(self.operator(server, &["unseal"]), &format!("{share}\n"))
    }

    pub(crate) fn client(&self, server: &Server, token: &str) -> crate::support::Client {
        tls::connect(server, &self.certificate, token)
    }
}

/// What a command that must succeed prints.
pub(crate) fn good(output: Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn status(setup: &Setup, server: &Server) -> (Option<i32>, String) {
    let output = setup.operator(server, &["status"]).output().unwrap();
    (output.status.code(), text(&output.stdout))
}

#[test]
fn from_an_empty_folder_to_an_encryption_by_the_command_line() {
    let setup = Setup::new();
    let mut server = setup.start(&[]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let (code, shown) = status(&setup, &server);
    assert_eq!(code, Some(2));
    assert!(shown.contains("not initialized") && shown.contains("operator init"), "{shown}");

    let made =
        good(setup.operator(&server, &["init", "--shares", "3", "--threshold", "2"]).output().unwrap());
    let after = |start: &str| made.lines().find_map(|line| line.strip_prefix(start)).unwrap().to_owned();
    let (token, shares) = (after("Root token: "), [after("Share 1: "), after("Share 3: ")]);
    assert!(made.contains("Any 2 of these 3 shares"), "{made}");
    let (code, shown) = status(&setup, &server);
    assert_eq!(code, Some(2));
    assert!(shown.contains("sealed: 0 of 2 shares entered"), "{shown}");

    let shown = good(setup.unseal(&server, &shares[0]));
    assert!(shown.contains("sealed: 1 of 2 shares entered"), "{shown}");
    let shown = good(setup.unseal(&server, &shares[1]));
    assert!(shown.contains("unsealed"), "{shown}");
    assert_eq!(status(&setup, &server).0, Some(0));

    let mut client = setup.client(&server, &token);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    assert_eq!(good(setup.with_token(&server, &token, &["rotate"])), "A new key encrypts from now on.\n");
    assert_eq!(good(setup.with_token(&server, &token, &["rotate", "--root"])), "There is a new root key.\n");
    assert_eq!(client.good("GET", "sys/key-status", &Value::Null)["term"], 2);
    assert_eq!(good(setup.with_token(&server, &token, &["seal"])), "Sealed.\n");
    assert_eq!(status(&setup, &server).0, Some(2));
    assert_eq!(client.ask("POST", "transit/encrypt/app", &json!({ "plaintext": "" })).unwrap().0, 503);

    // Both shares from files, after a start anew.
    assert_eq!(server.end().code(), Some(0), "{}", server.said());
    let server = setup.start(&[]);
    let files = [private_file(setup.folder.path(), "one", shares[0].as_bytes())];
    let other = private_file(setup.folder.path(), "other", format!("  {}\n", shares[1]).as_bytes());
    let arguments = ["unseal", "--share-file", argument(&files[0]), "--share-file", argument(&other)];
    assert!(good(setup.operator(&server, &arguments).output().unwrap()).contains("unsealed"));
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    let opened = setup.client(&server, &token).good("POST", "transit/decrypt/app", &sealed);
    assert_eq!(opened["plaintext"], "aGVsbG8=");
}

#[test]
fn every_task_has_its_answer_as_json() {
    let setup = Setup::new();
    let server = setup.start(&[]);
    let json =
        |arguments: &[&str]| json_of(&text(&setup.operator(&server, arguments).output().unwrap().stdout));
    assert_eq!(json(&["status", "--json"])["initialized"], false);
    let (shares, token) = setup.init(&server);
    assert_eq!(json(&["status", "--json"])["n"], 3);
    let share = run_with(setup.operator(&server, &["unseal", "--json"]), &shares[2]);
    assert_eq!(json_of(&good(share))["progress"], 1);
    assert_eq!(json(&["unseal", "--reset", "--json"])["progress"], 0);
    let file =
        |number: usize| private_file(setup.folder.path(), &number.to_string(), shares[number].as_bytes());
    let (one, two) = (file(0), file(1));
    let arguments = ["unseal", "--json", "--share-file", argument(&one), "--share-file", argument(&two)];
    assert_eq!(json(&arguments)["sealed"], false);
    for task in [&["rotate", "--json"][..], &["rotate", "--root", "--json"], &["seal", "--json"]] {
        assert_eq!(json_of(&good(setup.with_token(&server, &token, task))), json!({}));
    }
    assert_eq!(json(&["--json", "status"])["sealed"], true);
}

#[test]
fn what_goes_wrong_is_told_with_its_cause_and_code_1() {
    let setup = Setup::new();
    let server = setup.start(&[]);
    let fails = |output: Output, says: &[&str]| {
        let (code, said) = refused(&output);
        assert_eq!(code, 1, "{said}");
        assert!(said.starts_with("error: "), "{said}");
        assert!(says.iter().all(|word| said.contains(word)), "{said}");
    };
    fails(setup.unseal(&server, "c2hhcmU="), &["not initialized"]);
    fails(
        setup.operator(&server, &["init", "--shares", "2", "--threshold", "3"]).output().unwrap(),
        &["threshold"],
    );
    let (shares, token) = setup.init(&server);
    fails(setup.operator(&server, &["init"]).output().unwrap(), &["already initialized"]);
    fails(setup.unseal(&server, "no share at all"), &["hex or base64"]);
    fails(setup.unseal(&server, " \n"), &["no share was entered"]);
    fails(setup.with_token(&server, &token, &["rotate"]), &["sealed"]);
    fails(
        setup.operator(&server, &["seal"]).output().unwrap(),
        &["no token", "--token-file", "STRONGROOM_TOKEN"],
    );
    setup.unseal(&server, &shares[0]);
    setup.unseal(&server, &shares[1]);
    fails(setup.with_token(&server, "sr.not-this-one", &["seal"]), &["permission denied"]);
    let missing = argument(&setup.folder.path().join("missing")).to_owned();
    fails(
        setup.operator(&server, &["rotate", "--token-file", &missing]).output().unwrap(),
        &[&missing, "No such file"],
    );
    // The token of the environment is as good as one of a file.
    let mut rotate = setup.operator(&server, &["rotate"]);
    good(rotate.env("STRONGROOM_TOKEN", &token).output().unwrap());

    let other = Setup::new();
    let at = |more: &[&str]| run(&[&["operator", "status"], more].concat());
    let ca = argument(&setup.certificate.chain);
    fails(
        at(&["--address", &server.url, "--ca-cert", argument(&other.certificate.chain)]),
        &["--ca-cert", "certificate"],
    );
    fails(at(&["--address", &server.url, "--ca-cert", &missing]), &[&missing]);
    fails(at(&["--address", &server.url, "--ca-cert", argument(&setup.certificate.key)]), &["--ca-cert"]);
    fails(at(&["--address", "https://127.0.0.1:1", "--ca-cert", ca]), &["is the server running?", "refused"]);
    fails(at(&["--address", "127.0.0.1:8200", "--ca-cert", ca]), &["https://HOST:PORT"]);
    fails(at(&["--address", &server.url.replace("https", "http"), "--ca-cert", ca]), &["https"]);
}

#[test]
fn older_tls_is_refused() {
    let setup = Setup::new();
    let server = setup.start(&[]);
    // A fatal alert protocol_version (RFC 8446, section 6.2).
    assert_eq!(tls::answer_to_1_2(&server), [21, 3, 3, 0, 2, 2, 70]);
    if !installed("curl") {
        return;
    }
    let curl = |more: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-s", "--cacert"]).arg(&setup.certificate.chain).args(more);
        command.arg(format!("{}/v1/sys/seal-status", server.url)).output().unwrap()
    };
    assert!(!curl(&["--tls-max", "1.2"]).status.success());
    assert!(text(&curl(&["--tlsv1.3"]).stdout).contains("\"initialized\":false"));
}

#[test]
fn unusable_tls_files_are_named_and_nothing_is_made() {
    let setup = Setup::new();
    let key = &setup.certificate.key;
    let fails = |says: &[&str]| {
        let (code, said) = refused(&setup.command(&[]).output().unwrap());
        assert_eq!(code, 1);
        assert!(says.iter().all(|word| said.contains(word)), "{said}");
        assert!(!setup.data().exists());
    };
    set_mode(key, 0o644);
    fails(&[argument(key), "chmod o-rwx"]);
    set_mode(key, 0o600);
    let text = fs::read(key).unwrap();
    fs::write(key, "no key").unwrap();
    fails(&[argument(key), "no private key in PEM form"]);
    fs::remove_file(key).unwrap();
    fails(&[argument(key), "No such file"]);
    fs::write(key, text).unwrap();
    set_mode(key, 0o600);
    fs::write(&setup.certificate.chain, "no certificate").unwrap();
    fails(&[argument(&setup.certificate.chain), "no certificate in PEM form"]);
}

#[test]
fn a_foreign_file_in_the_place_of_the_database_stays_as_it_is() {
    let setup = Setup::new();
    fs::create_dir(setup.data()).unwrap();
    let file: PathBuf = setup.data().join("strongroom.db");
    let bytes = b"a letter to a friend".repeat(100);
    fs::write(&file, &bytes).unwrap();
    let (code, said) = refused(&setup.command(&[]).output().unwrap());
    assert_eq!(code, 1);
    assert!(said.contains(argument(&file)), "{said}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    let no_folder: &Path = &setup.folder.path().join("letter");
    fs::write(no_folder, "x").unwrap();
    let arguments = ["server", "--insecure-http", "--listen", "127.0.0.1:0", "--data", argument(no_folder)];
    let (_, said) = refused(&run(&arguments));
    assert!(said.contains(argument(no_folder)) && said.contains("cannot be made"), "{said}");
}
