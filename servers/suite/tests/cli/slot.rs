//! `strongroom operator slot`: the ways in, from the command line over TLS.

use std::{path::PathBuf, process::Output};

use serde_json::{Value, json};

use crate::{
    server::{Setup, good},
    support::{Server, argument, private_file, refused, run_with, text},
};

const WORDS: &str = "correct horse battery staple";

/// A server that is unsealed, and who may operate it.
pub(crate) struct Operated {
    pub(crate) setup: Setup,
    pub(crate) server: Server,
    pub(crate) shares: Vec<String>,
    pub(crate) token: String,
}

impl Operated {
    pub(crate) fn new(more: &[&str]) -> Self {
        let setup = Setup::new();
        let server = setup.start(more);
        let (shares, token) = setup.init(&server);
        shares.iter().take(2).for_each(|share| drop(good(setup.unseal(&server, share))));
        Self { setup, server, shares, token }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.setup.with_token(&self.server, &self.token, arguments)
    }

    /// With a text on the standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.setup.operator(&self.server, arguments);
        command.env("STRONGROOM_TOKEN", &self.token);
        run_with(command, input)
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&good(self.run(&[arguments, &["--json"]].concat()))).unwrap()
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        private_file(self.setup.folder.path(), name, bytes)
    }

    pub(crate) fn fails(&self, arguments: &[&str], says: &str) {
        let (code, said) = refused(&self.run(arguments));
        assert!(code == 1 && said.contains(says), "{arguments:?}: {said}");
    }

    /// The id of the slot that is made of shares.
    pub(crate) fn shamir(&self) -> String {
        let listed = self.json(&["slot", "list"]);
        let slots = listed["slots"].as_array().unwrap().iter();
        let slot = slots.rev().find(|slot| slot["kind"] == "shamir").unwrap();
        slot["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn seal(&self) {
        good(self.run(&["seal"]));
    }

    pub(crate) fn sealed(&self) -> bool {
        self.setup.operator(&self.server, &["status"]).output().unwrap().status.code() == Some(2)
    }

    /// Killed, and started again: sealed.
    pub(crate) fn crash(&mut self) {
        self.server.kill();
        self.server = self.setup.start(&[]);
    }
}

/// The id and the shares in what `slot replace` or `slot add` prints.
pub(crate) fn made(printed: &str) -> (String, Vec<String>) {
    let after = |line: &str, start: &str| line.strip_prefix(start).map(str::to_owned);
    let id = printed.lines().find_map(|line| after(line, "Slot ")).unwrap();
    let share = |line: &str| after(line, "Share ")?.split_once(": ").map(|(_, share)| share.to_owned());
    (id, printed.lines().filter_map(share).collect())
}

#[test]
fn a_lost_set_of_shares_is_replaced_in_two_steps_and_a_crash_in_between_does_no_harm() {
    let mut here = Operated::new(&[]);
    let old = here.shamir();
    let split = ["slot", "replace", &old, "shamir", "--shares", "3", "--threshold", "2"];
    let printed = good(here.run(&split));
    assert!(printed.contains("Nothing opens by these shares yet"), "{printed}");
    let (new, shares) = made(&printed);
    assert_eq!(shares.len(), 3);
    let shown = good(here.run_with(&["slot", "confirm", &new], &shares[0]));
    assert!(shown.contains("1 of 3"), "{shown}");

    here.crash();
    assert!(!here.setup.unseal(&here.server, &shares[0]).status.success(), "not confirmed: no way in");
    here.shares.iter().take(2).for_each(|share| drop(good(here.setup.unseal(&here.server, share))));
    assert!(!here.sealed(), "the old ones unseal");

    let listed = good(here.run(&["slot", "list"]));
    assert!(listed.contains(&format!("to replace {old}")), "{listed}");
    let files: Vec<_> =
        shares.iter().zip(["a", "b", "c"]).map(|(share, name)| here.file(name, share.as_bytes())).collect();
    let mut confirm = vec!["slot", "confirm", &new];
    files.iter().for_each(|file| confirm.extend(["--share-file", argument(file)]));
    let shown = good(here.run(&confirm));
    assert!(shown.contains("unseal from now on") && shown.contains(&old), "{shown}");

    here.crash();
    let (code, said) = refused(&here.setup.unseal(&here.server, &here.shares[0]));
    assert!(code == 1 && said.contains("replaced"), "{said}");
    shares.iter().take(2).for_each(|share| drop(good(here.setup.unseal(&here.server, share))));
    assert!(!here.sealed(), "the new ones unseal");
}

#[test]
fn a_passphrase_and_a_secret_file_are_added_and_unseal() {
    let mut here = Operated::new(&[]);
    let added = good(here.run_with(&["slot", "add", "passphrase", "--label", "safe"], &format!("{WORDS}\n")));
    assert!(added.contains("opens from now on"), "{added}");
    let secret = here.file("secret", &[7; 40]);
    let added = here.json(&["slot", "add", "--label", "disk", "secret", "--secret-file", argument(&secret)]);
    let listed = good(here.run(&["slot", "list"]));
    for word in ["safe", "disk", "passphrase", "secret", "2 of 3 shares", added["id"].as_str().unwrap()] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    let shown = good(here.run(&["slot", "verify", "--secret-file", argument(&secret)]));
    assert!(shown.starts_with("Right: slot "), "{shown}");
    let shown = good(here.run_with(&["slot", "verify", "--passphrase"], WORDS));
    assert!(shown.starts_with("Right: slot "), "{shown}");

    here.seal();
    let unseal =
        |input: &str| run_with(here.setup.operator(&here.server, &["unseal", "--passphrase"]), input);
    let (code, said) = refused(&unseal("a canary of a passphrase\n"));
    assert!(code == 1 && said.contains("passphrase") && !said.contains("canary"), "{said}");
    assert!(good(unseal(&format!("{WORDS}\r\n"))).contains("unsealed"));

    here.server.end();
    here.server = here.setup.start(&["--unseal-secret", argument(&secret)]);
    assert!(!here.sealed(), "the file unseals at start");
}

#[test]
fn slots_are_labelled_verified_cancelled_and_removed_but_never_the_last() {
    let here = Operated::new(&[]);
    let slot = here.shamir();
    here.fails(&["slot", "remove", &slot], "last slot");
    assert_eq!(good(here.run(&["slot", "label", &slot, "custodians"])), "Labelled.\n");
    assert_eq!(here.json(&["slot", "list"])["slots"][0]["label"], "custodians");
    assert_eq!(here.json(&["slot", "label", &slot]), json!({}));
    assert_eq!(here.json(&["slot", "list"])["slots"][0]["label"], Value::Null);

    let shown = good(here.run_with(&["slot", "verify"], &here.shares[0]));
    assert!(shown.contains("opens with 1 more"), "{shown}");
    let (new, shares) = made(&good(here.run(&["slot", "replace", &slot, "shamir"])));
    assert_eq!(shares.len(), 5);
    let shown = good(here.run_with(&["slot", "verify"], &shares[4]));
    assert!(shown.contains("not confirmed yet") && shown.contains(&new), "{shown}");
    assert!(good(here.run(&["slot", "cancel", &new])).contains("void"));
    here.fails(&["slot", "cancel", &new], "no such slot");

    let (added, _) = made(&good(here.run(&["slot", "add", "shamir", "--shares", "1", "--threshold", "1"])));
    assert!(good(here.run(&["slot", "remove", &added])).starts_with("Removed."));
    here.fails(&["slot", "remove", &added], "no such slot");
}

#[test]
fn what_is_typed_in_the_place_of_an_id_is_not_sent_and_not_repeated() {
    let here = Operated::new(&[]);
    let share = here.shares[0].clone();
    for task in
        [&["slot", "remove"][..], &["slot", "label"], &["slot", "confirm"], &["slot", "cancel"], &["shred"]]
    {
        let output = here.run_with(&[task, &[&*share]].concat(), "");
        let (code, said) = refused(&output);
        assert!(code == 1 && said.contains("32 digits") && !said.contains(&share[..20]), "{task:?}: {said}");
    }
    assert!(!here.server.said().contains(&share[28..]), "{}", text(here.server.said().as_bytes()));
    let short = here.run_with(&["slot", "add", "passphrase"], "canary\n");
    let (_, said) = refused(&short);
    assert!(said.contains("12 characters") && !said.contains("canary"), "{said}");
}
