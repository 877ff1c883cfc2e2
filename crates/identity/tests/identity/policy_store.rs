//! Policies in a store: whose they are, who changes them, and when a change holds.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Action, Base, Caller, Clock, Event, FixedClock, Gate, Service, SystemClock, Tenant, Time, drain,
    memory::MemoryStore,
};
use strongroom_identity::{
    Acl, InvalidPolicyName, Operation, Policies, PolicyError, PolicyName, PolicyPath, Request,
};
use strongroom_keys::RustCrypto;

const NOW: Time = Time::from_millis(1_750_000_000_000);
const READ: &str = r#"path "a" { capabilities = ["read"] }"#;

struct Node {
    base: Base,
    policies: Policies,
}

impl Node {
    fn over(store: &Arc<MemoryStore>, clock: Arc<dyn Clock>) -> Self {
        let base =
            Base::new(store.clone(), Arc::new(Gate::new()), Arc::new(RustCrypto::new()), clock).unwrap();
        Self { policies: Policies::new(base.clone()), base }
    }

    fn alone() -> (Self, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::at(NOW));
        (Self::over(&Arc::new(MemoryStore::new()), clock.clone()), clock)
    }

    fn write(&self, of: u8, at: &str, text: &str, version: Option<u64>) -> Result<(), PolicyError> {
        self.policies.write(&caller(of), &name(at), text, version, None)
    }

    fn acl(&self, of: u8, at: &str) -> Arc<Acl> {
        self.policies.acl(tenant(of), &[name(at)], |_| None).unwrap()
    }

    fn reads(&self, of: u8, at: &str) -> bool {
        reads(&self.acl(of, at), "a")
    }

    fn version(&self, at: &str) -> u64 {
        self.policies.read(tenant(1), &name(at)).unwrap().unwrap().version
    }
}

fn tenant(of: u8) -> Tenant {
    Tenant::from_bytes([of; 16])
}

fn caller(of: u8) -> Caller {
    Caller::application(tenant(of))
}

fn name(text: &str) -> PolicyName {
    PolicyName::parse(text).unwrap()
}

fn reads(acl: &Acl, path: &str) -> bool {
    acl.allows(&Request::new(Operation::Read, &PolicyPath::parse(path).unwrap())).is_some()
}

#[test]
fn no_spelling_of_root_names_a_policy() {
    for text in ["root", "ROOT", "Root", "rOoT"] {
        assert_eq!(PolicyName::parse(text), Err(InvalidPolicyName::Root), "{text}");
    }
    for text in [" root", "root ", "root\0", "ｒoot", "root\n", "root/", "%72oot", ""] {
        assert_eq!(PolicyName::parse(text), Err(InvalidPolicyName::Name), "{text:?}");
    }
    assert_eq!(name("Shop"), name("shop"));
}

#[test]
fn a_policy_of_one_tenant_is_nothing_to_another() {
    let (node, _) = Node::alone();
    node.write(1, "shop", READ, None).unwrap();
    assert!(node.reads(1, "shop") && !node.reads(2, "shop"));
    assert_eq!(node.policies.read(tenant(2), &name("shop")).unwrap(), None);
    assert!(node.policies.list(tenant(2), None, 9).unwrap().is_empty());
    node.policies.delete(&caller(2), &name("shop")).unwrap();
    assert!(node.reads(1, "shop"));
}

#[test]
fn a_change_that_expects_another_version_changes_nothing() {
    let (node, _) = Node::alone();
    node.write(1, "shop", READ, Some(0)).unwrap();
    let first = node.version("shop");
    assert!(matches!(node.write(1, "shop", "", Some(0)), Err(PolicyError::Version)));
    node.write(1, "shop", READ, Some(first)).unwrap();
    assert!(matches!(node.write(1, "shop", "", Some(first)), Err(PolicyError::Version)));
    node.policies.delete(&caller(1), &name("shop")).unwrap();
    node.write(1, "shop", READ, Some(0)).unwrap();
    assert!(matches!(node.write(1, "shop", "", Some(first)), Err(PolicyError::Version)));
    assert!(node.reads(1, "shop"));
}

#[test]
fn the_policies_of_the_system_stay_as_they_are() {
    let (node, _) = Node::alone();
    assert!(matches!(node.write(1, "Response-Wrapping", READ, None), Err(PolicyError::Reserved)));
    assert!(matches!(node.write(1, "control-group", READ, None), Err(PolicyError::Reserved)));
    for fixed in ["default", "DEFAULT", "response-wrapping"] {
        let deleted = node.policies.delete(&caller(1), &name(fixed));
        assert!(matches!(deleted, Err(PolicyError::Reserved)), "{fixed}");
    }
    assert!(reads(&node.acl(1, "default"), "auth/token/lookup-self") && !node.reads(1, "default"));
    node.write(1, "default", READ, None).unwrap();
    assert!(node.reads(1, "default") && !reads(&node.acl(1, "default"), "auth/token/lookup-self"));
}

#[test]
fn a_text_that_is_no_policy_is_not_kept() {
    let (node, _) = Node::alone();
    assert!(matches!(node.write(1, "shop", "path", None), Err(PolicyError::Invalid(_))));
    assert_eq!(node.policies.read(tenant(1), &name("shop")).unwrap(), None);
}

#[test]
fn an_expired_policy_allows_nothing_also_from_memory() {
    let (node, clock) = Node::alone();
    let end = Time::from_millis(NOW.as_millis() + 1000);
    node.policies.write(&caller(1), &name("shop"), READ, None, Some(end)).unwrap();
    assert!(node.reads(1, "shop"));
    clock.advance(Duration::from_millis(999));
    assert!(node.reads(1, "shop"));
    clock.advance(Duration::from_millis(1));
    assert!(!node.reads(1, "shop"));
}

#[test]
fn a_set_is_compiled_once_and_anew_after_a_change() {
    let (node, _) = Node::alone();
    node.write(1, "shop", READ, None).unwrap();
    let first = node.acl(1, "shop");
    assert!(Arc::ptr_eq(&first, &node.acl(1, "SHOP")));
    node.write(1, "shop", "", None).unwrap();
    assert!(!node.reads(1, "shop"));
    node.base.caches.forget(tenant(1));
    assert!(!Arc::ptr_eq(&node.acl(1, "shop"), &first));
}

#[test]
fn the_values_of_one_entity_do_not_stay_for_the_next() {
    let (node, _) = Node::alone();
    node.write(1, "own", r#"path "{{identity.entity.id}}" { policy = "read" }"#, None).unwrap();
    let of =
        |entity: &str| node.policies.acl(tenant(1), &[name("own")], |_| Some(entity.to_owned())).unwrap();
    assert!(reads(&of("ann"), "ann") && !reads(&of("ann"), "bob"));
    assert!(reads(&of("bob"), "bob") && !reads(&of("bob"), "ann"));
}

#[test]
fn a_policy_that_was_taken_away_on_one_node_holds_on_no_other() {
    let store = Arc::new(MemoryStore::shared());
    let node = || Node::over(&store, Arc::new(SystemClock));
    let (one, two) = (node(), node());
    one.write(1, "shop", READ, None).unwrap();
    assert!(two.reads(1, "shop"));
    one.policies.delete(&caller(1), &name("shop")).unwrap();
    assert!(!two.reads(1, "shop") && !one.reads(1, "shop"));
}

#[test]
fn pages_of_names_are_sorted_and_miss_none() {
    let (node, _) = Node::alone();
    for at in ["d", "b", "a", "c"] {
        node.write(1, at, READ, None).unwrap();
    }
    let first = node.policies.list(tenant(1), None, 3).unwrap();
    assert_eq!(first, ["a", "b", "c"].map(name));
    assert_eq!(node.policies.list(tenant(1), first.last(), 3).unwrap(), [name("d")]);
}

#[test]
fn each_change_has_its_event_and_a_sealed_store_answers_nothing() {
    let (node, _) = Node::alone();
    node.write(1, "shop", READ, None).unwrap();
    node.write(1, "shop", "", None).unwrap();
    node.policies.delete(&caller(1), &name("shop")).unwrap();
    node.policies.delete(&caller(1), &name("shop")).unwrap();
    let mut told: Vec<Event> = Vec::new();
    drain(&*node.base.store, 100, &mut |event: &Event| told.push(event.clone())).unwrap();
    let actions: Vec<_> = told.iter().map(|event| (event.service, event.action, event.tenant)).collect();
    let event = |action| (Service::Identity, action, tenant(1));
    assert_eq!(actions, [Action::Create, Action::Configure, Action::Delete].map(event));
    node.base.gate.close(Duration::from_secs(9)).unwrap();
    let read = node.policies.read(tenant(1), &name("shop"));
    assert!(matches!(read, Err(PolicyError::Commit(_))));
    assert!(node.policies.acl(tenant(1), &[name("shop")], |_| None).is_err());
}
