//! What a process asked of the system, as strace tells it.

use std::{collections::HashMap, fs, path::Path, process::Command};

/// Whether strace is here and may trace; says so if not, because the test that asks is skipped then.
pub(crate) fn available(test: &str) -> bool {
    let works =
        Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|end| end.success());
    if !works {
        eprintln!("SKIPPED: {test} needs strace, which is not installed or may not trace here");
    }
    works
}

/// A call, with the lines of the trace at which it began and at which it had ended.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
    pub(crate) began: usize,
    pub(crate) ended: usize,
    pub(crate) failed: bool,
}

impl Call {
    pub(crate) fn syncs(&self, file: &str) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.is_on(file) && !self.failed
    }

    pub(crate) fn writes(&self, file: &str) -> bool {
        matches!(self.name.as_str(), "write" | "pwrite64") && self.is_on(file)
    }

    /// Whether its first argument is this file, as `strace -y` shows it.
    fn is_on(&self, file: &str) -> bool {
        self.arguments.split_once('>').is_some_and(|(descriptor, _)| descriptor.ends_with(file))
    }
}

/// Reads a trace of `strace -f -y`; calls are in the order of their ends.
pub(crate) fn calls(trace: &Path) -> Vec<Call> {
    let trace = fs::read_to_string(trace).unwrap();
    let mut open = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let (thread, event) = line.split_once(' ').unwrap();
        let event = event.trim_start();
        if let Some((begin, _)) = event.split_once(" <unfinished ...>") {
            open.insert(thread, (number, begin));
        } else if event.starts_with("<... ") {
            let (_, end) = event.split_once(" resumed>").unwrap();
            if let Some((began, begin)) = open.remove(thread) {
                calls.extend(call(&format!("{begin}{end}"), began, number));
            }
        } else {
            calls.extend(call(event, number, number));
        }
    }
    calls
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let (name, arguments) = (name.to_owned(), arguments.to_owned());
    Some(Call { name, arguments, began, ended, failed: result.starts_with('-') })
}
