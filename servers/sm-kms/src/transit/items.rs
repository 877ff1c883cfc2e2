//! One request, one thing to do, or many of them as `batch_input`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use strongroom_core::Name;
use strongroom_kms::{KmsError, Rings};
use strongroom_serve::{Response, StatusCode};

use super::{Use, crypt::Crypt, sign::Sign};
use crate::{
    answer::{self, Reply},
    payload::parse,
};

/// Items of one batch.
const BATCH: usize = 1_000;

/// One thing to do.
pub(super) trait Item: DeserializeOwned {
    /// What stands once in a request and concerns all its items.
    type Shared: DeserializeOwned;
    type Done: Serialize;

    /// The members that a request may have, beside those of a batch.
    const KNOWN: &'static [&'static str];

    fn run(
        &self,
        rings: &Rings,
        using: Use,
        name: &Name,
        shared: &Self::Shared,
    ) -> Result<Self::Done, ItemError>;

    fn reference(&self) -> &str;
}

/// Why one item failed.
pub(super) enum ItemError {
    Input(&'static str),
    Kms(KmsError),
}

impl From<&'static str> for ItemError {
    fn from(text: &'static str) -> Self {
        Self::Input(text)
    }
}

impl From<KmsError> for ItemError {
    fn from(error: KmsError) -> Self {
        Self::Kms(error)
    }
}

impl ItemError {
    fn response(self) -> Response {
        match self {
            Self::Input(text) => answer::bad_request(text),
            Self::Kms(error) => answer::refused(&error),
        }
    }

    /// Whether it would be the same for every item.
    fn concerns_all(&self) -> bool {
        use KmsError::{Commit, Disabled, NotFound, Store, WrongType};
        matches!(self, Self::Kms(Store(_) | NotFound | Commit(_) | WrongType | Disabled))
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Batch<T> {
    batch_input: Option<Vec<T>>,
    partial_failure_response_code: Option<u16>,
}

#[derive(Serialize)]
struct Outcome<'a, T> {
    #[serde(flatten)]
    done: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    reference: &'a str,
}

pub(super) fn answer(
    rings: &Rings,
    using: Use,
    name: &Name,
    reply: Reply,
    body: &[u8],
) -> Result<Response, Response> {
    match using {
        Use::Encrypt | Use::Decrypt | Use::Rewrap => run::<Crypt>(rings, using, name, reply, body),
        Use::Sign(_) | Use::Verify(_) => run::<Sign>(rings, using, name, reply, body),
    }
}

fn run<T: Item>(
    rings: &Rings,
    using: Use,
    name: &Name,
    mut reply: Reply,
    body: &[u8],
) -> Result<Response, Response> {
    let batched = reply.ignored(body, T::KNOWN).contains(&"batch_input");
    let shared: T::Shared = parse(body)?;
    let Batch { batch_input, partial_failure_response_code }: Batch<T> =
        if batched { parse(body)? } else { Batch { batch_input: None, partial_failure_response_code: None } };
    let Some(items) = batch_input else {
        let item: T = parse(body)?;
        return match item.run(rings, using, name, &shared) {
            Ok(done) => Ok(reply.data(&done)),
            Err(error) => Err(error.response()),
        };
    };
    if items.is_empty() {
        return Err(answer::bad_request("missing batch input to process"));
    }
    if items.len() > BATCH {
        return Err(answer::bad_request("a batch has at most 1,000 items: split it"));
    }
    let mut outcomes = Vec::with_capacity(items.len());
    for item in &items {
        let reference = item.reference();
        outcomes.push(match item.run(rings, using, name, &shared) {
            Ok(done) => Outcome { done: Some(done), error: None, reference },
            Err(error) if error.concerns_all() => return Err(error.response()),
            Err(ItemError::Kms(error)) => Outcome { done: None, error: Some(error.to_string()), reference },
            Err(ItemError::Input(text)) => Outcome { done: None, error: Some(text.to_owned()), reference },
        });
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let status = status(using, failed, outcomes.len(), partial_failure_response_code);
    Ok(reply.data_with(status, &json!({ "batch_results": outcomes })))
}

/// The status of a batch: encryption and decryption answer 400 if an item failed, or what was asked for if only
/// some did.
fn status(using: Use, failed: usize, all: usize, partial: Option<u16>) -> StatusCode {
    let asked = partial.filter(|_| failed < all).and_then(|code| StatusCode::from_u16(code).ok());
    match using {
        _ if failed == 0 => StatusCode::OK,
        Use::Encrypt | Use::Decrypt => asked.unwrap_or(StatusCode::BAD_REQUEST),
        Use::Rewrap | Use::Sign(_) | Use::Verify(_) => asked.unwrap_or(StatusCode::OK),
    }
}
