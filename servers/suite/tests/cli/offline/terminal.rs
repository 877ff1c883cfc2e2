//! On a terminal, as script(1) makes one.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::house::{House, WORDS};
use crate::support::{BINARY, LONG, bare, installed, text};

/// Runs a command on a terminal and types a line once that is not shown any more; answers all that was shown.
fn typed(house: &House, arguments: &str, line: &str) -> String {
    let task = format!("tty > terminal; exec '{BINARY}' operator {arguments}");
    let mut command = bare(Command::new("script"));
    command.current_dir(house.folder.path()).args(["-qec", &task, "/dev/null"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !is_quiet(house) {
        assert!(begin.elapsed() < LONG, "it does not ask");
        sleep(Duration::from_millis(5));
    }
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    let mut shown = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut shown).unwrap();
    child.wait().unwrap();
    fs::remove_file(house.path("terminal")).unwrap();
    text(&shown)
}

/// Whether the terminal shows nothing of what is typed.
fn is_quiet(house: &House) -> bool {
    let Ok(terminal) = fs::read_to_string(house.path("terminal")) else { return false };
    let state = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().unwrap();
    text(&state.stdout).split_whitespace().any(|word| word == "-echo")
}

#[test]
fn on_a_terminal_the_passphrase_is_asked_for_and_not_shown() {
    if !installed("script") || !installed("stty") {
        return;
    }
    let house = House::new();
    for (line, says) in [(WORDS, "The database is sound"), ("canary canary canary", "it does not unseal")] {
        let shown = typed(&house, "fsck --data data --passphrase", line);
        assert!(
            shown.contains("(not shown)") && shown.contains(says) && !shown.contains("canary"),
            "{shown}"
        );
    }
}
