use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use strongroom_barrier::{
    Confirming, Reentered, Sealed, Share, ShareError, SlotError, Status, Unlock, UnsealError,
};
use strongroom_core::Time;
use strongroom_serve::{Method, Response, StatusCode};

use super::{
    id::{self, Id},
    node_failed, slot_failed,
    slot_shown::{proposal_shown, slot_shown},
    way::{Wanted, Way, label, passphrase, secret},
};
use crate::{
    Node,
    answer::{self, Reply},
    loose::Flag,
    payload::{Payload, SecretText, check, take},
    routes::Access,
};

/// What is asked below `sys/slots`.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `GET` or `LIST`
    List,
    /// `POST`
    Add,
    /// `POST verify`
    Verify,
    /// `GET ID`
    Read(Id),
    /// `POST ID`
    Label(Id),
    /// `DELETE ID`
    Remove(Id),
    /// `POST ID/replace`
    Replace(Id),
    /// `POST ID/confirm`
    Confirm(Id),
    /// `POST ID/cancel`
    Cancel(Id),
}

#[derive(Deserialize)]
struct Labelled {
    #[serde(default)]
    label: Option<String>,
}

/// A way in that is to be tried: shares, or one of the others.
#[derive(Deserialize)]
struct Tried {
    key: Option<SecretText>,
    #[serde(default)]
    shares: Vec<SecretText>,
    #[serde(default)]
    secret: Payload,
    passphrase: Option<SecretText>,
}

#[derive(Deserialize)]
struct Confirmation {
    key: Option<SecretText>,
    /// Whether the threshold is enough.
    threshold_only: Option<Flag>,
    reset: Option<Flag>,
}

/// What was made. The shares are lent, so that no copy is left behind.
#[derive(Serialize)]
struct Made<'a> {
    id: String,
    shares: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl Operation {
    pub(super) fn route(method: Method, below: &[&str]) -> Result<Self, Response> {
        use Method::{Delete, Get, Head, List, Post, Put};
        let operation = match (below, method) {
            ([], Get | Head | List) => Self::List,
            ([], Post | Put) => Self::Add,
            (_, List) => return Err(answer::no_route()),
            (["verify"], Post | Put) => Self::Verify,
            ([] | ["verify"], _) => return Err(answer::no_operation()),
            ([slot, rest @ ..], method) => {
                let Some(slot) = id::parse(slot) else { return Err(answer::no_route()) };
                match (rest, method) {
                    ([], Get | Head) => Self::Read(slot),
                    ([], Post | Put) => Self::Label(slot),
                    ([], Delete) => Self::Remove(slot),
                    (["replace"], Post | Put) => Self::Replace(slot),
                    (["confirm"], Post | Put) => Self::Confirm(slot),
                    (["cancel"], Post | Put) => Self::Cancel(slot),
                    ([] | ["replace" | "confirm" | "cancel"], _) => return Err(answer::no_operation()),
                    _ => return Err(answer::no_route()),
                }
            }
        };
        Ok(operation)
    }

    pub(super) fn answer(
        self,
        node: &Node,
        access: &Access,
        reply: &Reply,
        body: &[u8],
    ) -> Result<Response, Response> {
        let (unsealed, caller) = (&access.open.unsealed, &access.caller);
        match self {
            Self::List => list(node, reply),
            Self::Read(slot) => read(node, reply, slot),
            Self::Add => add(node, access, reply, body),
            Self::Verify => verify(node, access, reply, body),
            Self::Label(slot) => {
                let Labelled { label: text } = check(body).and_then(take)?;
                let label = label(text.as_deref())?;
                done(unsealed.label_slot(caller, slot, label.as_ref()))
            }
            Self::Remove(slot) => done(unsealed.remove_slot(caller, slot)),
            Self::Replace(slot) => replace(node, access, reply, slot, body),
            Self::Confirm(slot) => confirm(node, access, reply, slot, body),
            Self::Cancel(slot) => {
                check(body).and_then(take::<IgnoredAny>)?;
                done(unsealed.cancel(caller, slot))
            }
        }
    }
}

fn done(outcome: Result<(), SlotError>) -> Result<Response, Response> {
    outcome.map(|()| Response::empty(StatusCode::NO_CONTENT)).map_err(|error| slot_failed(&error))
}

fn status(node: &Node) -> Result<Status, Response> {
    let sealed = node.sealed().ok_or_else(answer::sealed)?;
    sealed.status().map_err(|error| answer::store_failed(&error))
}

fn list(node: &Node, reply: &Reply) -> Result<Response, Response> {
    let Status { slots, proposals, .. } = status(node)?;
    let ids = slots.iter().map(|slot| slot.id).chain(proposals.iter().map(|proposal| proposal.id));
    let keys: Vec<_> = ids.map(|id| id::text(&id)).collect();
    let slots: Vec<_> = slots.iter().map(slot_shown).collect();
    let proposals: Vec<_> = proposals.iter().map(proposal_shown).collect();
    Ok(reply.data(&json!({ "keys": keys, "slots": slots, "proposals": proposals })))
}

fn read(node: &Node, reply: &Reply, slot: Id) -> Result<Response, Response> {
    let Status { slots, proposals, .. } = status(node)?;
    let in_use = slots.iter().find(|found| found.id == slot).map(slot_shown);
    let proposed = || proposals.iter().find(|found| found.id == slot).map(proposal_shown);
    let shown = in_use.or_else(proposed).ok_or_else(|| slot_failed(&SlotError::NotFound));
    Ok(reply.data(&shown?))
}

fn made(reply: &Reply, slot: Id, shares: &[Share], expires: Option<Time>) -> Response {
    let texts: Vec<_> = shares.iter().map(Share::expose_text).collect();
    let shares = texts.iter().map(|text| text.as_str()).collect();
    reply.data(&Made { id: id::text(&slot), shares, expires: expires.map(answer::rfc3339) })
}

fn add(node: &Node, access: &Access, reply: &Reply, body: &[u8]) -> Result<Response, Response> {
    let wanted: Wanted = check(body).and_then(take)?;
    let (label, way) = (wanted.label()?, wanted.way()?);
    let _turn = matches!(way, Way::Passphrase(..)).then(|| node.passphrase_turn());
    let added = access.open.unsealed.add_slot(&access.caller, &way.new_slot(), label.as_ref());
    let added = added.map_err(|error| slot_failed(&error))?;
    Ok(made(reply, added.id, &added.shares, None))
}

/// Shares are proposed; anything else replaces the slot at once.
fn replace(node: &Node, access: &Access, reply: &Reply, slot: Id, body: &[u8]) -> Result<Response, Response> {
    let way = check(body).and_then(take::<Wanted>)?.way()?;
    let unsealed = &access.open.unsealed;
    if let Way::Shares(split) = way {
        let proposed = unsealed.propose(&access.caller, slot, split).map_err(|error| slot_failed(&error))?;
        return Ok(made(reply, proposed.id, &proposed.shares, Some(proposed.expires)));
    }
    let _turn = matches!(way, Way::Passphrase(..)).then(|| node.passphrase_turn());
    let replaced = unsealed.replace_slot(&access.caller, slot, &way.new_slot());
    Ok(made(reply, replaced.map_err(|error| slot_failed(&error))?.id, &[], None))
}

fn share(node: &Node, text: &SecretText) -> Result<Share, Response> {
    Share::parse(node.provider(), text.0.expose_secret())
        .map_err(|error| answer::bad_request(&error.to_string()))
}

fn confirm(node: &Node, access: &Access, reply: &Reply, slot: Id, body: &[u8]) -> Result<Response, Response> {
    let Confirmation { key, threshold_only, reset } = check(body).and_then(take)?;
    if reset == Some(Flag(true)) {
        node.confirming().reset();
        return Ok(reply.data(&json!({ "confirmed": false, "have": 0 })));
    }
    let key = key.ok_or_else(|| answer::bad_request("'key' must be a share of the proposed set"))?;
    let share = share(node, &key)?;
    if share.slot() != slot {
        return Err(slot_failed(&ShareError::Foreign.into()));
    }
    let enough = if threshold_only == Some(Flag(true)) { Reentered::Threshold } else { Reentered::All };
    let entered = node.confirming().confirm(&access.open.unsealed, &access.caller, &share, enough);
    Ok(reply.data(&match entered.map_err(|error| slot_failed(&error))? {
        Confirming::Waiting { have, need } => json!({ "confirmed": false, "have": have, "need": need }),
        Confirming::Confirmed(confirmed) => json!({
            "confirmed": true, "id": id::text(&confirmed.id), "replaced": id::text(&confirmed.replaced),
        }),
    }))
}

fn verify(node: &Node, access: &Access, reply: &Reply, body: &[u8]) -> Result<Response, Response> {
    let Tried { key, mut shares, secret: file, passphrase: words } = check(body).and_then(take)?;
    shares.extend(key);
    let ways = [!shares.is_empty(), !matches!(file, Payload::Absent), words.is_some()];
    if ways.into_iter().filter(|there| *there).count() != 1 {
        return Err(answer::bad_request("give one of 'shares', 'secret' and 'passphrase'"));
    }
    let sealed = node.sealed().ok_or_else(answer::sealed)?;
    let opens = if !shares.is_empty() {
        let shares = shares.iter().map(|text| share(node, text)).collect::<Result<Vec<_>, _>>()?;
        return verify_shares(access, &sealed, reply, &shares);
    } else if words.is_some() {
        let words = passphrase(words.as_ref())?;
        let _turn = node.passphrase_turn();
        sealed.verify(&Unlock::Passphrase(&words))
    } else {
        sealed.verify(&Unlock::Secret(&secret(&file)?))
    };
    let slot = opens.map_err(|error| node_failed(&error.into()))?;
    Ok(reply.data(&json!({ "id": id::text(&slot), "state": "in use", "opens": true })))
}

/// A share alone shows that it is a right one; as many as are needed show that they open.
fn verify_shares(
    access: &Access,
    sealed: &Sealed,
    reply: &Reply,
    shares: &[Share],
) -> Result<Response, Response> {
    let refused = |error: UnsealError| node_failed(&error.into());
    let mut state = "in use";
    for share in shares {
        match sealed.check_share(share) {
            Err(UnsealError::Share(ShareError::Proposed)) => {
                access.open.unsealed.check_proposed(share).map_err(|error| slot_failed(&error))?;
                state = "proposed";
            }
            other => other.map_err(refused)?,
        }
    }
    let slot = shares.first().map(Share::slot).unwrap_or_default();
    let (opens, missing) = match sealed.verify(&Unlock::Shares(shares)) {
        Ok(_) => (true, 0),
        Err(UnsealError::Share(ShareError::Proposed)) => (false, 0),
        Err(UnsealError::Share(ShareError::Missing { missing })) => (false, missing),
        Err(error) => return Err(refused(error)),
    };
    let right = shares.iter().map(Share::index).collect::<Vec<_>>();
    Ok(reply.data(&json!({
        "id": id::text(&slot), "state": state, "opens": opens, "missing": missing, "right": right,
    })))
}
