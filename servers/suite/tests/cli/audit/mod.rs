//! `strongroom audit`: against a running server, against a stopped one, and with files alone.

mod book;
mod kill;
mod offline;
mod online;

use std::{path::Path, process::Output};

use serde_json::Value;

use crate::support::{Server, argument, dev_token, strongroom, text};

/// Runs `strongroom audit` against a server.
fn ask(server: &Server, data: &Path, arguments: &[&str]) -> Output {
    let mut command = strongroom();
    command.args(["audit", "--address", &server.url]).args(arguments);
    command.env("STRONGROOM_TOKEN", dev_token(data)).output().unwrap()
}

/// What it prints where it must succeed.
fn asked(server: &Server, data: &Path, arguments: &[&str]) -> String {
    let output = ask(server, data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn asked_json(server: &Server, data: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&asked(server, data, &[arguments, &["--json"]].concat())).unwrap()
}

/// Verifies a file or a folder with nothing but a key.
fn verify(what: &Path, key: &str, more: &[&str]) -> Output {
    strongroom().args(["audit", "verify", argument(what), "--key", key]).args(more).output().unwrap()
}
