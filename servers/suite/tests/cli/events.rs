//! Events of a real server, which is killed: what it answered long enough ago is told, and what it was asked while it was
//! sealed as well.

use std::{path::Path, sync::Arc, thread::sleep, time::Duration};

use serde_json::json;
use strongroom::audit::{Order, Query};
use strongroom_core::{Action, Event};
use strongroom_sm_kms::{SecretFile, Spool, node, open_spool, open_store};

use crate::{
    server::Setup,
    support::{Server, dev_token},
};

/// The events that a server left in its folder.
fn left_in(folder: &Path) -> Vec<Event> {
    let secrets = vec![SecretFile::new(folder.join("unseal.key"))];
    let node = node(open_store(folder).unwrap(), secrets).unwrap().with_spool(open_spool(folder).unwrap());
    let node = Arc::new(node);
    node.unseal_with_secrets().unwrap();
    node.tend();
    let open = node.open().unwrap();
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    let page = open.audit().unwrap().query(open.unsealed.first_tenant(), &query, None, 1_000).unwrap();
    page.found.into_iter().map(|found| found.payload.event).collect()
}

/// Encrypts once, waits, kills the server, and looks whether the event is there.
fn kept_after(wait: Duration) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::dev(folder.path(), &[]);
    let mut client = server.client(&dev_token(folder.path()));
    client.good("POST", "transit/keys/ring", &json!({}));
    client.good("POST", "transit/encrypt/ring", &json!({ "plaintext": "aGVsbG8=" }));
    sleep(wait);
    server.kill();
    left_in(folder.path()).iter().any(|event| event.action == Action::Encrypt)
}

#[test]
fn what_was_answered_is_told_after_a_kill_a_moment_later() {
    assert!(kept_after(Duration::from_millis(1_000)));
}

#[test]
fn what_was_asked_while_it_was_sealed_is_told_after_a_kill() {
    let setup = Setup::new();
    let mut server = setup.start(&[]);
    let (shares, token) = setup.init(&server);
    assert!(setup.unseal(&server, &shares[0]).status.success());
    server.kill();
    let spool = setup.data().join(Spool::FILE);
    assert_eq!(crate::support::mode(&spool), 0o600);
    assert!(std::fs::metadata(&spool).unwrap().len() > 0);
    let server = setup.start(&[]);
    for share in &shares[..2] {
        assert!(setup.unseal(&server, share).status.success());
    }
    assert_eq!(std::fs::metadata(&spool).unwrap().len(), 0, "they are in the database now");
    let mut client = setup.client(&server, &token);
    let told = client.good("GET", "audit/system/events?order=oldest", &json!(null));
    client.good("PUT", "sys/seal", &json!(null));
    let events = told["events"].as_array().unwrap();
    let spooled: Vec<_> = events.iter().filter(|event| event.to_string().contains("spooled")).collect();
    assert_eq!(spooled.len(), 3, "{told}");
    assert!(spooled.iter().all(|event| event.to_string().contains(r#"{"source":"127.0.0.1"}"#)), "{told}");
    let told = server.said() + &told.to_string();
    assert!(!shares.iter().any(|share| told.contains(share)));
}
