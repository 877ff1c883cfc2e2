//! What the system may do with the memory of the process.

use std::{fs, os::unix::process::ExitStatusExt, process::Command};

use crate::support::{BINARY, Server, argument, bare};

/// The development server in a folder of its own, under a limit of the shell.
fn limited(limit: &str, folder: &std::path::Path) -> Server {
    let script = format!("cd \"$1\" && {limit} && exec \"$0\" dev --listen 127.0.0.1:0");
    let mut command = bare(Command::new("bash"));
    command.args(["-c", &script, BINARY, argument(folder)]);
    Server::start(command)
}

fn status(server: &Server, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn no_core_dump_is_written_whatever_the_limit_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = limited("ulimit -c $(ulimit -H -c)", folder.path());
    server.signal("ABRT");
    let ended = server.wait();
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped());
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["strongroom-data"]);
}

#[test]
fn memory_is_locked_where_the_system_allows_it_and_the_server_runs_where_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited("true", folder.path());
    let locked: u64 = status(&server, "VmLck:").parse().unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let unlimited = limits.lines().any(|line| line.starts_with("Max locked memory       unlimited"));
    let root = status(&server, "Uid:") == "0";
    assert_eq!(locked > 0, unlimited || root, "{locked} KiB are locked");
}
