//! `LIST transit/keys`: Vault's listing of names, and our own of what fits a filter.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use strongroom_core::Name;
use strongroom_kms::{Filter, KmsError, Listed, RingState, Rings};
use strongroom_serve::{Head, Response};

use super::{
    shown::ring_word,
    types::{self, type_name},
};
use crate::{
    answer::{self, Reply, bad_request, refused, rfc3339},
    audit::moment,
};

/// Rings that are read at once, and that a page of our own has at most.
const PAGE: usize = 1_000;
/// The members of a query that ask for our own listing.
const OWN: [&str; 6] = ["prefix", "type", "state", "made_after", "made_before", "cursor"];
const STATES: [RingState; 6] = [
    RingState::Creating,
    RingState::PendingImport,
    RingState::Active,
    RingState::Disabled,
    RingState::PendingDeletion,
    RingState::Destroyed,
];

/// Which part of a listing is asked for.
#[derive(Debug)]
pub(crate) enum Page {
    /// Names, after one: Vault's `after` and `limit`.
    Names { after: Option<Name>, limit: usize },
    /// What fits a filter, from a cursor on.
    Fitting { filter: Filter, cursor: Option<String>, limit: usize },
}

impl Default for Page {
    fn default() -> Self {
        Self::Names { after: None, limit: usize::MAX }
    }
}

impl Page {
    /// Reads the query: it asks for our own listing as soon as it has one member of ours.
    pub(super) fn of(head: &Head<'_>) -> Result<Self, Response> {
        let one = |name: &str| head.parameter(name).map_err(Response::from);
        let limit = match one("limit")? {
            Some(text) => text.parse().ok().filter(|limit| *limit > 0),
            None => Some(usize::MAX),
        };
        let limit = limit.ok_or_else(|| bad_request("limit must be a positive number"))?;
        let after = match one("after")? {
            Some(text) if !text.is_empty() => {
                Some(Name::parse(&text).map_err(|_| bad_request("a listing goes on after a name"))?)
            }
            _ => None,
        };
        let mut own = false;
        for name in OWN {
            own |= one(name)?.is_some();
        }
        match (own, after) {
            (false, after) => Ok(Self::Names { after, limit }),
            (true, None) => {
                let cursor = one("cursor")?.filter(|text| !text.is_empty()).map(Cow::into_owned);
                Ok(Self::Fitting { filter: filter(one)?, cursor, limit })
            }
            (true, Some(_)) => {
                Err(bad_request("a listing with a filter goes on at a cursor, not after a name"))
            }
        }
    }

    pub(super) fn answer(&self, rings: &Rings, reply: &Reply) -> Result<Response, Response> {
        match self {
            Self::Names { after, limit } => names(rings, after.clone(), *limit, reply),
            Self::Fitting { filter, cursor, limit } => {
                let page = rings
                    .find(filter, cursor.as_deref(), (*limit).min(PAGE))
                    .map_err(|error| refused(&error))?;
                let names: Vec<_> = page.rings.iter().map(|ring| ring.name.as_str()).collect();
                let info: Map<_, _> = page.rings.iter().map(info).collect();
                Ok(reply.data(&json!({ "keys": names, "key_info": info, "next": page.next })))
            }
        }
    }
}

/// The filter of a query. A member that is there and empty asks for nothing.
fn filter<'a>(one: impl Fn(&str) -> Result<Option<Cow<'a, str>>, Response>) -> Result<Filter, Response> {
    let given = |name: &str| Ok::<_, Response>(one(name)?.filter(|text| !text.is_empty()));
    let time = |name: &str| {
        let parse = |text: Cow<'_, str>| moment(&text).ok_or_else(|| bad_request(MOMENT));
        given(name)?.map(parse).transpose()
    };
    let state = |text: Cow<'_, str>| {
        let found = STATES.into_iter().find(|state| ring_word(*state) == text);
        found.ok_or_else(|| bad_request(STATE))
    };
    Ok(Filter {
        prefix: given("prefix")?.map(Cow::into_owned).unwrap_or_default(),
        algorithm: given("type")?.map(|text| types::parse(&text, None).map_err(bad_request)).transpose()?,
        state: given("state")?.map(state).transpose()?,
        made_from: time("made_after")?,
        made_before: time("made_before")?,
    })
}

const MOMENT: &str =
    "made_after and made_before must be moments as in RFC 3339, such as 2026-01-31T00:00:00Z";
const STATE: &str = "state must be creating, pending_import, active, disabled, pending_deletion or destroyed";

fn info(ring: &Listed) -> (String, Value) {
    let Listed { name, algorithm, state, made } = ring;
    let info = json!({
        "type": type_name(*algorithm),
        "state": ring_word(*state),
        "creation_time": rfc3339(*made),
    });
    (name.as_str().to_owned(), info)
}

fn names(rings: &Rings, mut after: Option<Name>, limit: usize, reply: &Reply) -> Result<Response, Response> {
    let mut names = Vec::new();
    while names.len() < limit {
        let asked = PAGE.min(limit - names.len());
        let rows = rings.list(after.as_ref(), asked).map_err(|error: KmsError| refused(&error))?;
        after = rows.last().cloned();
        let last = rows.len() < asked;
        names.extend(rows);
        if last {
            break;
        }
    }
    if names.is_empty() {
        return Err(answer::nothing());
    }
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    Ok(reply.data(&json!({ "keys": names })))
}
