//! What a new file asks of the system, and what is left if the system refuses: seen and made by strace.

use std::{fs, io::Write as _, path::Path, process::Command};

use strongroom_backup::{BackupError, NewFile};
use strongroom_keys::RustCrypto;

use crate::support::{again, folder_of_child};

const TEST: &str = "durable::a_new_file_is_durable_before_it_appears_and_its_name_before_the_answer";
const CALLS: &str = "trace=fsync,link,linkat,unlink,unlinkat";

/// Makes the new file and writes down how it went.
fn child(folder: &Path) {
    let mut file = NewFile::create(&RustCrypto::new(), &folder.join("out/file")).unwrap();
    file.write_all(b"whole").unwrap();
    let answer = match file.commit() {
        Ok(()) => "done",
        Err(BackupError::Write(_)) => "not written",
        Err(_) => "another error",
    };
    fs::write(folder.join("answer"), answer).unwrap();
}

/// The answer, the file if it is there, how many others there are, and the calls of the system in their order.
struct Outcome {
    answer: String,
    file: Option<Vec<u8>>,
    others: usize,
    calls: Vec<String>,
}

/// Whether strace is here and may trace.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn is_traceable() -> bool {
    let works =
        Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|end| end.success());
    if !works {
        eprintln!("SKIPPED: durability needs strace, which is not installed or may not trace here");
    }
    works
}

/// Makes a new file in a process whose calls are noted, and tampered with; None where there is no strace.
fn make(inject: &[&str]) -> Option<Outcome> {
    if !is_traceable() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("out")).unwrap();
    let log = folder.join("log");
    let test = again(TEST, folder);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-o"]).arg(&log).args(["-e", CALLS]).args(inject);
    strace.arg(test.get_program()).args(test.get_args());
    for (name, value) in test.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    assert!(strace.output().unwrap().status.success());
    let file = fs::read(folder.join("out/file")).ok();
    let all = fs::read_dir(folder.join("out")).unwrap().count();
    Some(Outcome {
        answer: fs::read_to_string(folder.join("answer")).unwrap(),
        others: all - usize::from(file.is_some()),
        file,
        calls: fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect(),
    })
}

#[test]
fn a_new_file_is_durable_before_it_appears_and_its_name_before_the_answer() {
    if let Some(folder) = folder_of_child() {
        return child(&folder);
    }
    let Some(mut outcome) = make(&[]) else { return };
    // Once it is dropped, the temporary file is looked for again.
    outcome.calls.retain(|call| !call.contains("ENOENT"));
    assert_eq!((outcome.answer.as_str(), outcome.others), ("done", 0));
    assert_eq!(outcome.file.unwrap(), b"whole");
    let expected = [("fsync", ".partial"), ("link", "/out/file"), ("unlink", ".partial"), ("fsync", "/out>")];
    assert_eq!(outcome.calls.len(), expected.len(), "{:?}", outcome.calls);
    for (call, (name, on)) in outcome.calls.iter().zip(expected) {
        assert!(call.contains(name) && call.contains(on) && call.ends_with("= 0"), "{call}");
    }
}

#[test]
fn a_sync_or_link_that_the_system_refuses_leaves_nothing_behind() {
    for refused in [
        "inject=fsync:error=EIO:when=1",
        "inject=fsync:error=EIO:when=2",
        "inject=link,linkat:error=EPERM",
        "inject=unlink,unlinkat:error=EIO:when=1",
    ] {
        let Some(outcome) = make(&["-e", refused]) else { return };
        assert_eq!(outcome.answer, "not written", "{refused}");
        assert_eq!((outcome.file, outcome.others), (None, 0), "{refused}: {:?}", outcome.calls);
    }
}
