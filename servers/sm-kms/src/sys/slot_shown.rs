//! Slots as answers show them: nothing that opens one.

use serde_json::{Value, json};
use strongroom_barrier::{Proposal, SlotKind, SlotStatus, Split};

use super::id::{self, Id};
use crate::answer;

pub(super) fn slot_shown(slot: &SlotStatus) -> Value {
    let SlotStatus { id, label, made, kind, split } = slot;
    let mut shown = shown("in use", id, label.as_deref(), *split);
    let (name, more) = match kind {
        SlotKind::SecretFile => ("secret", Value::Null),
        SlotKind::Shamir => ("shamir", Value::Null),
        SlotKind::Passphrase(cost) => (
            "passphrase",
            json!({ "memory_kib": cost.memory(), "passes": cost.passes(), "lanes": cost.lanes() }),
        ),
        SlotKind::Key { backend, name } => {
            ("key", json!({ "backend": backend.as_str(), "key": name.as_str() }))
        }
        SlotKind::Damaged => ("damaged", Value::Null),
    };
    add_to(&mut shown, &json!({ "kind": name, "made": answer::rfc3339(*made) }));
    add_to(&mut shown, &more);
    shown
}

pub(super) fn proposal_shown(proposal: &Proposal) -> Value {
    let Proposal { id, replaces, label, expires, split } = proposal;
    let mut shown = shown("proposed", id, label.as_deref(), Some(*split));
    let more =
        json!({ "kind": "shamir", "replaces": id::text(replaces), "expires": answer::rfc3339(*expires) });
    add_to(&mut shown, &more);
    shown
}

fn shown(state: &str, slot: &Id, label: Option<&str>, split: Option<Split>) -> Value {
    let mut shown = json!({ "id": id::text(slot), "state": state, "label": label });
    if let Some(Split { shares, threshold }) = split {
        add_to(&mut shown, &json!({ "shares": shares, "threshold": threshold }));
    }
    shown
}

fn add_to(object: &mut Value, more: &Value) {
    if let (Some(members), Some(more)) = (object.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
}
