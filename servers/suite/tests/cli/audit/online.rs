//! What the command line shows of a running server.

use std::{fs, io::Write, path::Path, process::Stdio, thread::sleep, time::Duration};

use serde_json::{Value, json};

use super::{ask, asked, asked_json, verify};
use crate::support::{Server, dev_token, refused, strongroom, text};

const PRODUCER: &str = "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e";

/// A server in which a ring was made, used and rotated.
fn busy(data: &Path) -> Server {
    let server = Server::dev(data, &[]);
    let mut client = server.client(&dev_token(data));
    client.good("POST", "transit/keys/orders", &json!({}));
    client.good("POST", "transit/encrypt/orders", &json!({ "plaintext": "aGVsbG8=" }));
    client.good("POST", "transit/keys/orders/rotate", &json!({}));
    server
}

#[test]
fn what_real_requests_did_is_listed_shown_and_proven() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = busy(&data);
    let listed = asked(&server, &data, &["list", "--resource", "orders", "--oldest"]);
    for word in ["kms/create  orders  allowed", "kms/encrypt  orders", "kms/rotate  orders"] {
        assert_eq!(listed.matches(word).count(), 1, "{word}: {listed}");
    }
    let events = asked_json(&server, &data, &["list", "--action", "rotate", "--service", "kms"]);
    let index = events["events"][0]["index"].to_string();
    let shown = asked(&server, &data, &["show", &index]);
    assert!(shown.contains("rotate") && shown.contains("orders"), "{shown}");
    assert!(asked(&server, &data, &["--log", "system", "list"]).contains("barrier/unseal"));
    let key = asked(&server, &data, &["key"]);
    let proof = folder.path().join("proof");
    fs::write(&proof, asked(&server, &data, &["proof", &index])).unwrap();
    drop(server);
    let output = verify(&proof, key.trim(), &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.starts_with("The event stands in the log.") && said.contains("orders"), "{said}");
}

#[test]
fn a_tail_shows_what_happens_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = busy(folder.path());
    let out = folder.path().join("tail.out");
    let mut command = strongroom();
    command.args(["audit", "--address", &server.url, "tail"]);
    command.env("STRONGROOM_TOKEN", dev_token(folder.path()));
    let mut tail = command.stdout(fs::File::create(&out).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let mut client = server.client(&dev_token(folder.path()));
    let seen = (0..200).any(|number| {
        client.good("POST", &format!("transit/keys/new-{number}"), &json!({}));
        sleep(Duration::from_millis(100));
        fs::read_to_string(&out).unwrap().contains("kms/create  new-")
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
    let shown = fs::read_to_string(&out).unwrap();
    assert!(seen && !shown.contains("orders"), "only what came in: {shown}");
    assert!(!shown.contains("audit/list"), "not itself: {shown}");
}

#[test]
fn retention_and_holds_are_set_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (data, server) = (folder.path(), busy(folder.path()));
    assert_eq!(asked(&server, data, &["retention"]), "2557 days from logged: any events of any service\n");
    let rule = "service=kms,trigger=resource_end,days=3650";
    asked(&server, data, &["retention", "--rule", rule, "--rule", "class=buffered,days=365"]);
    let shown = asked_json(&server, data, &["retention"]);
    assert_eq!(shown["rules"][0]["trigger"], "resource_end");
    assert_eq!(
        shown["rules"][1],
        json!({ "service": null, "class": "buffered", "trigger": "logged", "days": 365 })
    );
    asked(&server, data, &["hold", "place", "suit", "--resource", "orders"]);
    assert!(asked(&server, data, &["hold", "list"]).contains("suit"));
    asked(&server, data, &["hold", "release", "suit"]);
    assert_eq!(asked(&server, data, &["hold", "list"]), "No holds.\n");
    for (arguments, says) in [
        (&["retention", "--rule", "days=x"][..], "a rule is a list of"),
        (&["hold", "release", "suit"], "404"),
        (&["prune", "2019-13", "--yes"], "'month' must read like"),
        (&["prune", "2019-01", "--yes"], "the retention keeps"),
        (&["prune", "2019-01"], "another month: nothing was erased"),
        (&["producer", "register", "x", "--service", "kms"], "404"),
        (&["producer", "register", PRODUCER, "--service", "audit"], "no producer speaks for the audit log"),
        (&["list", "--action", "burn"], "'action' must be an action"),
    ] {
        let (code, said) = refused(&ask(&server, data, arguments));
        assert!(code == 1 && said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn a_month_is_erased_by_who_names_it_once_more_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = busy(folder.path());
    for (typed, says) in [
        ("2018-01\n", "another month: nothing was erased"),
        ("y\n", "another month: nothing was erased"),
        // It got as far as the server, which has nothing of that time.
        ("2019-01\n", "nothing of this kind"),
    ] {
        let mut command = strongroom();
        command.args(["audit", "--address", &server.url, "prune", "2019-01"]);
        command.env("STRONGROOM_TOKEN", dev_token(folder.path()));
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let (code, said) = refused(&child.wait_with_output().unwrap());
        assert!(code == 1 && said.contains(says), "{typed:?}: {said}");
    }
}

#[test]
fn a_producer_is_registered_listed_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (data, server) = (folder.path(), busy(folder.path()));
    let event = json!({ "service": "kms", "action": "rotate", "resource": "elsewhere" });
    let handed = json!({ "producer": PRODUCER, "number": 1, "events": [event] });
    let hand_in = || server.client(&dev_token(data)).ask("POST", "audit/events", &handed).unwrap().0;
    assert_eq!((asked(&server, data, &["producer", "list"]), hand_in()), ("No producers.\n".into(), 403));
    asked(&server, data, &["producer", "register", PRODUCER, "--service", "identity", "--service", "kms"]);
    assert_eq!(hand_in(), 200);
    assert!(asked(&server, data, &["producer", "list"]).ends_with(": kms, identity; next 2\n"));
    asked(&server, data, &["producer", "end", PRODUCER]);
    assert!(asked(&server, data, &["producer", "list"]).ends_with(": nothing; next 2\n"));
    assert_eq!(hand_in(), 403);
}

#[test]
fn lines_of_an_export_are_events() {
    let folder = tempfile::tempdir().unwrap();
    let server = busy(folder.path());
    let lines = asked(&server, folder.path(), &["export", "--lines", "--resource", "orders"]);
    let actions: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["action"].clone()).collect();
    assert!(actions.contains(&json!("create")) && actions.len() == 3, "{actions:?}");
}
