//! A store that takes no events: what has to be told is refused, nothing hangs, and it recovers by itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use strongroom_core::{
    Action, Detail, Event, Failure, Lowered, Outbox, Outcome, Store, StoreError, Verdict,
    memory::MemoryStore,
    tap::{Tap, Tapped},
};

use crate::{
    events::{kept, taken},
    support::{Answer, Vault, b64},
};

/// A store that writes nothing while it is told so, as on a full disk.
#[derive(Default)]
struct Full(AtomicBool);

impl Full {
    fn set(&self, full: bool) {
        self.0.store(full, Ordering::SeqCst);
    }
}

impl Tap for Full {
    fn commit(&self, store: &dyn Store, batch: &Lowered) -> Result<Outcome, StoreError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(StoreError::Engine("no room on the disk".into()));
        }
        store.commit(batch)
    }
}

/// An open vault with a ring, and its store, which is full by now.
fn full() -> (Vault, Arc<Tapped<Full>>) {
    let store = Tapped::over(Arc::new(MemoryStore::new()), Full::default());
    let vault = Vault::over(Arc::clone(&store) as Arc<dyn Store>).initialized();
    vault.unseal();
    assert_eq!(vault.write("transit/keys/aes", Value::Null).status, 200);
    vault.encrypt("aes", "it is in memory from now on");
    taken(&vault);
    store.tap.set(true);
    (vault, store)
}

const REFUSED: &str = "the event of this request cannot be kept, so it is refused: try again later";

fn encrypt(vault: &Vault) -> Answer {
    vault.write("transit/encrypt/aes", json!({ "plaintext": b64("text") }))
}

/// Fills the buffer with what requests would have put there.
fn fill(vault: &Vault) {
    let outbox = vault.node.open().unwrap().outbox;
    assert_eq!(encrypt(vault).status, 200);
    vault.node.flush();
    assert_eq!(outbox.waiting(), 1, "it is not written");
    let event = Event { action: Action::Encrypt, ..outbox_event() };
    while outbox.buffer(event.clone()).is_ok() {}
}

fn outbox_event() -> Event {
    let caller = strongroom_core::Caller::system();
    let time = strongroom_core::Time::from_millis(1);
    Event::allowed(&caller, time, strongroom_core::Service::Kms, Action::Encrypt, None)
}

#[test]
fn what_must_be_durable_is_refused_with_a_reason_and_works_again_afterwards() {
    let (vault, store) = full();
    for (path, body) in [
        ("sys/slots/verify", json!({ "secret": b64([3; 32]) })),
        ("sys/scrub", Value::Null),
        ("transit/nothing", Value::Null),
    ] {
        let answer = vault.write(path, body);
        assert_eq!(answer.error(), (503, REFUSED.into()), "{path}");
    }
    // A change fails with its event.
    assert_eq!(vault.write("transit/keys/new", Value::Null).status, 500);
    assert_eq!(vault.read("transit/keys/new").status, 404);
    store.tap.set(false);
    taken(&vault);
    assert_eq!(vault.write("sys/scrub", Value::Null).status, 204);
    assert_eq!(vault.write("transit/keys/new", Value::Null).status, 200);
    let kinds: Vec<_> = kept(&vault).iter().map(|event| (event.action, event.outcome)).collect();
    assert_eq!(kinds, [(Action::Scrub, Verdict::Allowed), (Action::Create, Verdict::Allowed)]);
}

#[test]
fn nothing_is_scrubbed_before_it_is_told() {
    let (vault, store) = full();
    assert_eq!(vault.write("sys/scrub", Value::Null).status, 503);
    store.tap.set(false);
    assert!(!taken(&vault).iter().any(|event| event.action == Action::Scrub));
}

#[test]
fn encryption_goes_on_while_there_is_room_is_refused_beyond_and_recovers() {
    let (vault, store) = full();
    fill(&vault);
    for _ in 0..3 {
        assert_eq!(encrypt(&vault).error(), (503, REFUSED.into()));
        vault.node.flush();
    }
    store.tap.set(false);
    vault.node.flush();
    assert_eq!(encrypt(&vault).status, 200);
    let events = taken(&vault);
    assert_eq!(events.len(), Outbox::BUFFERED + 2, "all that waited, one that counts, and the last");
    let lost: Vec<_> = events.iter().filter(|event| event.action == Action::Lose).collect();
    // The three, and the one that filled it.
    assert!(matches!(lost[..], [event] if event.details[0] == Detail::Count(4)), "{lost:?}");
}

#[test]
fn it_seals_all_the_same_and_tells_of_it_and_of_what_waited_at_the_next_unsealing() {
    let (vault, store) = full();
    assert_eq!(encrypt(&vault).status, 200);
    assert_eq!(vault.write("sys/seal", Value::Null).status, 204);
    assert!(vault.node.open().is_none());
    store.tap.set(false);
    vault.unseal();
    let events = kept(&vault);
    let spooled = |event: &Event| event.details.iter().any(|detail| matches!(detail, Detail::Spooled(_)));
    for action in [Action::Seal, Action::Encrypt] {
        let found: Vec<_> = events.iter().filter(|event| event.action == action).collect();
        assert!(
            matches!(found[..], [event] if spooled(event) && event.token.is_some()),
            "{action:?}: {events:?}"
        );
    }
}

#[test]
fn it_stays_sealed_where_nothing_would_tell_of_the_unsealing() {
    let (vault, store) = full();
    store.tap.set(false);
    vault.write("sys/seal", Value::Null);
    store.tap.set(true);
    for share in &vault.shares[..2] {
        vault.anyone("PUT", "sys/unseal", json!({ "key": share }));
    }
    assert!(vault.node.open().is_none(), "nobody would know");
    assert_eq!(vault.anyone("GET", "sys/health", Value::Null).status, 503);
    store.tap.set(false);
    vault.unseal();
    let events = kept(&vault).into_iter().filter(|event| event.action == Action::Unseal);
    let failed = Verdict::Failed(Failure::Unavailable);
    assert_eq!(events.map(|event| event.outcome).collect::<Vec<_>>(), [failed, Verdict::Allowed]);
}
