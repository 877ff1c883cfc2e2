//! What the system is asked to do, seen by strace: a killed process proves nothing about the loss of power.

use std::{collections::BTreeMap, fs, path::Path, process::Command, thread};

use serde_json::json;

use crate::support::{BINARY, Server, argument, bare, dev_token, installed};

/// A call of the system: its name, its arguments and its answer, as strace writes them.
struct Call(String);

impl Call {
    fn is(&self, name: &str) -> bool {
        self.0.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
    }

    /// What the descriptor in the first argument stands for: `-y` writes it behind the number.
    fn of(&self) -> &str {
        self.0.split(['<', '>']).nth(1).unwrap_or_default()
    }

    fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// Whether this call reads a request for a change.
    fn asks(&self) -> bool {
        (self.is("read") || self.is("recvfrom")) && self.has("\"POST /v1/transit/keys/")
    }

    /// Whether this call sends the answer to one.
    fn answers(&self) -> bool {
        ["write", "writev", "sendto"].iter().any(|name| self.is(name)) && self.has("HTTP/1.1 200 OK")
    }

    fn syncs(&self, path: &str) -> bool {
        (self.is("fsync") || self.is("fdatasync")) && self.of() == path
    }
}

/// What is followed.
const CALLS: &str = "trace=mkdir,openat,rename,renameat,renameat2,linkat,pwrite64,fsync,fdatasync,\
                     read,recvfrom,write,writev,sendto";

/// `strongroom dev` under strace, with a use for it; all calls of the process in order.
fn traced(data: &Path, used: impl FnOnce(&Server)) -> Vec<Call> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = bare(Command::new("strace"));
    command.args(["-D", "-f", "-qqq", "-y", "-s", "200", "-e", CALLS, "-o"]).arg(trace.path());
    command.args([BINARY, "dev", "--listen", "127.0.0.1:0", "--data", argument(data)]);
    let mut server = Server::start(command);
    used(&server);
    server.end();
    in_order(&fs::read_to_string(trace.path()).unwrap())
}

/// The calls of all threads. One during which another thread called is written in two parts: an answer counts
/// from its beginning on, everything else from its end.
fn in_order(trace: &str) -> Vec<Call> {
    let (mut begun, mut calls) = (BTreeMap::new(), Vec::new());
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(call) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, call);
            if Call(call.to_owned()).answers() {
                calls.push(Call(call.to_owned()));
            }
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            let whole = Call(begun.remove(thread).unwrap().to_owned() + rest);
            calls.extend((!whole.answers()).then_some(whole));
        } else {
            calls.push(Call(call.to_owned()));
        }
    }
    calls
}

/// What happened to the log since a request came.
#[derive(Debug, PartialEq)]
enum Log {
    Untouched,
    Written,
    Synced,
}

/// Follows each connection from a request to its answer: in between the log is written to, then synced. Answers
/// how many changes were acknowledged.
fn acknowledged_after_a_sync(calls: &[Call], log: &str) -> usize {
    let (mut waiting, mut acknowledged) = (BTreeMap::new(), 0);
    for call in calls {
        if call.asks() {
            waiting.insert(call.of(), Log::Untouched);
        } else if call.is("pwrite64") && call.of() == log {
            waiting
                .values_mut()
                .filter(|seen| **seen == Log::Untouched)
                .for_each(|seen| *seen = Log::Written);
        } else if call.syncs(log) {
            waiting.values_mut().filter(|seen| **seen == Log::Written).for_each(|seen| *seen = Log::Synced);
        } else if call.answers() {
            assert_eq!(waiting.remove(call.of()), Some(Log::Synced), "{}", call.0);
            acknowledged += 1;
        }
    }
    acknowledged
}

#[test]
fn between_the_write_of_a_change_and_its_acknowledgement_lies_a_sync() {
    if !installed("strace") {
        return;
    }
    for writers in [1, 8] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap();
        let calls = traced(&data, |server| write(server, &dev_token(&data), writers));
        let log = data.join("strongroom.db-wal");
        assert_eq!(acknowledged_after_a_sync(&calls, argument(&log)), writers * 10 * 2, "all were seen");
    }
}

/// Makes rings and rotates them, by several at once.
fn write(server: &Server, token: &str, writers: usize) {
    thread::scope(|scope| {
        for writer in 0..writers {
            let mut client = server.client(token);
            scope.spawn(move || {
                for number in 0..10 {
                    let path = format!("transit/keys/ring-{writer}-{number}");
                    client.good("POST", &path, &json!({}));
                    client.good("POST", &format!("{path}/rotate"), &json!({}));
                }
            });
        }
    });
}

#[test]
fn key_and_token_are_written_beside_synced_renamed_and_the_folder_is_synced() {
    if !installed("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let above = folder.path().canonicalize().unwrap();
    let data = above.join("data");
    let calls = traced(&data, |_| {});
    let place = |from: usize, what: &str, test: &dyn Fn(&Call) -> bool| {
        from + calls[from..].iter().position(test).unwrap_or_else(|| panic!("{what} is missing")) + 1
    };
    // The folder itself is a name in the one above.
    let made = place(0, "mkdir", &|call| call.is("mkdir") && call.has("/data\", 0700)"));
    let mut at = place(made, "its sync", &|call| call.syncs(argument(&above)));
    for name in ["unseal", "root-token"] {
        let draft = data.join(name).with_extension("draft");
        let last = if name == "unseal" { "unseal.key" } else { name };
        let (draft, folder) = (argument(&draft).to_owned(), argument(&data).to_owned());
        let opens =
            |call: &Call| call.is("openat") && call.has(&draft) && call.has("O_EXCL") && call.has("0600");
        at = place(at, "the draft", &opens);
        at = place(at, "its bytes", &|call| call.is("write") && call.of() == draft);
        at = place(at, "its sync", &|call| call.syncs(&draft));
        at = place(at, "its name", &|call| {
            call.has("rename") && call.has(&draft) && call.has(&format!("{last}\""))
        });
        at = place(at, "the sync of its folder", &|call| call.syncs(&folder));
    }
    // Only then the database refers to them.
    place(at, "the first commit", &|call| call.syncs(argument(&data.join("strongroom.db-wal"))));
}
