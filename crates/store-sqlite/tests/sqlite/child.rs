//! Processes of their own, to be killed, traced, limited or robbed of rights: this test binary once more, with a
//! role to play.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{copies, crash, create, durability, failed_sync, refusals, revisions};

const ROLE: &str = "STRONGROOM_TEST_ROLE";
const FOLDER: &str = "STRONGROOM_TEST_FOLDER";

/// Does nothing where the tests run; is what a process of [`in_role`] does.
#[test]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let path = PathBuf::from(env::var_os(FOLDER).unwrap()).join("keys.db");
    match role.as_str() {
        "create" => create::make_one(&path),
        "creates" => create::say_what_creating_answers(&path),
        "own" => refusals::own_until_told(&path),
        "refused" => refusals::say_what_opening_answers(&path),
        "abort" => revisions::commit_and_abort(&path),
        "crash" => crash::write_until_killed(&path),
        "commit" => durability::commit_aloud(&path),
        "open" => durability::open_aloud(&path),
        "snapshot" => copies::take_one(&path),
        "snapshots" => copies::take_until_killed(&path),
        "restore" => copies::restore_one(&path),
        "restores" => copies::restore_until_killed(&path),
        "fail" => failed_sync::commit_until_broken(&path, 3_000),
        "fail-large" => failed_sync::commit_until_broken(&path, 1_000_000),
        other => panic!("no such role: {other}"),
    }
}

/// A process in a role, on the store `keys.db` of a folder. A wrapper is a program that runs what follows in its
/// arguments.
pub(crate) fn in_role(role: &str, folder: &Path, wrapper: &[&str]) -> Command {
    in_role_with(&env::current_exe().unwrap(), role, folder, wrapper)
}

/// A process in a role, without the rights of root.
pub(crate) fn unprivileged(role: &str, folder: &Path) -> Command {
    if fs::metadata(folder).unwrap().uid() != 0 {
        return in_role(role, folder, &[]);
    }
    const NOBODY: u32 = 65_534;
    let binary = folder.join("binary");
    fs::copy(env::current_exe().unwrap(), &binary).unwrap();
    fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = in_role_with(&binary, role, folder, &[]);
    command.uid(NOBODY).gid(NOBODY).current_dir(folder);
    command
}

fn in_role_with(binary: &Path, role: &str, folder: &Path, wrapper: &[&str]) -> Command {
    let mut words = wrapper.iter().map(Path::new).chain([binary]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(["child::plays_its_role", "--exact", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

const MARK: &str = "said: ";

/// In the child: tells the parent, in one write.
pub(crate) fn say(line: impl std::fmt::Display) {
    io::stderr().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}

/// In the parent: what a child says, until it ends.
pub(crate) fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| {
        let said = line.strip_prefix(MARK).map(str::to_owned);
        if said.is_none() {
            eprintln!("child: {line}");
        }
        said
    })
}

/// Runs a child to its end, which has to be a good one, and gives what it said.
pub(crate) fn run(mut command: Command) -> Vec<String> {
    let mut child = command.spawn().unwrap();
    let lines = said(&mut child).collect();
    assert!(child.wait().unwrap().success());
    lines
}
