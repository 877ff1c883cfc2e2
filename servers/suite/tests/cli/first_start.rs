//! The first start of `strongroom dev` may end at any step: the next one goes on from there.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::support::{BINARY, Server, argument, bare, dev_token, installed, private_file};

/// The folder with a database that is not initialised, as the first start leaves it before its key is written.
fn uninitialized(data: &Path) {
    let mut command = crate::support::strongroom();
    command.args(["server", "--insecure-http", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    Server::start(command).kill();
}

/// Starts it, uses it, and starts it again: all of it works, with one token.
fn works(data: &Path) {
    let mut first = Server::dev(data, &[]);
    let token = dev_token(data);
    first.client(&token).good("POST", "transit/keys/app", &json!({}));
    first.kill();
    let second = Server::dev(data, &[]);
    assert_eq!(dev_token(data), token);
    second.client(&token).good("GET", "transit/keys/app", &json!(null));
    let drafts = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    let drafts: Vec<_> = drafts.filter(|name| name.to_string_lossy().contains("draft")).collect();
    assert!(drafts.is_empty(), "{drafts:?}");
}

#[test]
fn a_start_that_ended_before_its_key_was_written_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    uninitialized(folder.path());
    // A draft that was cut.
    private_file(folder.path(), "unseal.draft", &[1; 7]);
    private_file(folder.path(), "root-token.draft", b"sr.cut");
    works(folder.path());
}

#[test]
fn a_start_that_ended_after_its_key_was_written_uses_this_key() {
    let folder = tempfile::tempdir().unwrap();
    uninitialized(folder.path());
    let key = private_file(folder.path(), "unseal.key", &[9; 32]);
    works(folder.path());
    assert_eq!(fs::read(key).unwrap(), [9; 32]);
}

#[test]
fn a_start_that_ended_after_its_token_was_written_makes_this_token_good() {
    let folder = tempfile::tempdir().unwrap();
    uninitialized(folder.path());
    private_file(folder.path(), "unseal.key", &[9; 32]);
    private_file(folder.path(), "root-token", b"sr.written-before-it-was-good");
    works(folder.path());
    assert_eq!(dev_token(folder.path()), "sr.written-before-it-was-good");
}

/// Kills the first start at each system call that changes what a crash leaves on the disk, one after the other
/// until none is left.
#[test]
fn a_first_start_killed_at_any_step_is_made_up_for() {
    if !installed("strace") {
        return;
    }
    for call in ["mkdir", "rename", "linkat", "fsync,fdatasync", "unlink", "pwrite64", "write"] {
        let ended = (1..60).find(|place| !killed_at(call, *place)).expect("a start has an end");
        assert!(ended > 1, "{call} happens");
    }
}

/// Whether a first start was killed at the `place`-th such call; then the next start works.
fn killed_at(call: &str, place: usize) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = bare(Command::new("strace"));
    command.args(["-D", "-f", "-qqq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    command.arg("-e").arg(format!("inject={call}:signal=SIGKILL:when={place}"));
    command.args([BINARY, "dev", "--listen", "127.0.0.1:0", "--data", argument(&data)]);
    let killed = Server::try_start(command).is_err();
    if killed {
        works(&data);
    }
    killed
}
