//! `strongroom transit`, over TLS.

mod commands;
mod files;
mod listing;
mod secrets;

use std::{path::PathBuf, process::Output};

use serde_json::Value;

use crate::{
    server::good,
    slot::Operated,
    support::{argument, run_with, strongroom, text},
};

/// An unsealed server, and who uses its keys.
struct Used(Operated);

impl Used {
    fn new() -> Self {
        Self(Operated::new(&[]))
    }

    /// Runs `strongroom transit` with a text on the standard input.
    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = strongroom();
        command.args(["transit", "--address", &self.0.server.url, "--ca-cert"]);
        command.arg(&self.0.setup.certificate.chain).args(arguments);
        command.env("STRONGROOM_TOKEN", &self.0.token).current_dir(self.0.setup.folder.path());
        run_with(command, input)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    fn good(&self, arguments: &[&str]) -> String {
        good(self.run(arguments))
    }

    fn good_with(&self, arguments: &[&str], input: &str) -> String {
        good(self.run_with(arguments, input))
    }

    fn json(&self, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.good_with(&[arguments, &["--json"]].concat(), input)).unwrap()
    }

    /// What a command that must fail says.
    fn fails(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run_with(arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
        assert!(output.stdout.is_empty(), "{arguments:?}");
        text(&output.stderr)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.setup.folder.path().join(name)
    }

    /// A file with this text, as an argument.
    fn file(&self, name: &str, content: &str) -> String {
        argument(&self.0.file(name, content.as_bytes())).to_owned()
    }
}
