//! One request, one thing to do, or many of them as `batch_input`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use strongroom_core::{Detail, Failure, Name, Verdict};
use strongroom_kms::{KmsError, Rings};
use strongroom_serve::{
    Response, StatusCode,
    json::{Checked, Object},
};

use super::{Use, crypt::Crypt, data_keys::NewDataKey, macs::Mac, own::Secret, sign::Sign};
use crate::{
    answer::{self, Reply},
    loose::Number,
    payload::{check, take},
};

/// Items of one batch.
const BATCH: usize = 1_000;

/// One thing to do.
pub(super) trait Item: DeserializeOwned {
    /// What stands once in a request and concerns all its items.
    type Shared: DeserializeOwned;
    type Done: Serialize;

    /// The members that a request may have.
    fn known(using: Use) -> &'static [&'static str];

    fn run(
        &self,
        rings: &Rings,
        using: Use,
        name: &Name,
        shared: &Self::Shared,
    ) -> Result<Self::Done, ItemError>;

    fn reference(&self) -> &str;

    /// What stands beside the error of a failed item.
    fn failed(using: Use) -> Option<Self::Done>;
}

/// Why one item failed.
pub(super) enum ItemError {
    Input(&'static str),
    /// Vault refuses the whole batch for it.
    Request(&'static str),
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
            Self::Input(text) | Self::Request(text) => answer::bad_request(text),
            Self::Kms(error) => answer::refused(&error),
        }
    }

    /// What is said of one item of a batch, or the answer to all of it.
    fn of_item(self, using: Use) -> Result<String, Response> {
        use KmsError::{Commit, Disabled, Full, NotFound, Store, WrongType};
        match self {
            Self::Input(text) => Ok(text.to_owned()),
            Self::Kms(WrongType) if !using.signs() => Ok(WrongType.to_string()),
            Self::Request(_)
            | Self::Kms(Store(_) | NotFound | Commit(_) | Full(_) | WrongType | Disabled) => {
                Err(self.response())
            }
            Self::Kms(error) => Ok(error.to_string()),
        }
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Batch<T> {
    batch_input: Option<Vec<Object<T>>>,
    partial_failure_response_code: Option<Number>,
}

#[derive(Serialize)]
struct Outcome<'a, T> {
    #[serde(flatten)]
    done: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    reference: &'a str,
}

#[derive(Serialize)]
struct Outcomes<'a, T> {
    batch_results: Vec<Outcome<'a, T>>,
}

pub(super) fn answer(
    rings: &Rings,
    using: Use,
    name: &Name,
    reply: Reply,
    body: &[u8],
) -> Result<Response, Response> {
    let body = check(body)?;
    match using {
        Use::Encrypt | Use::Decrypt | Use::Rewrap => run::<Crypt>(rings, using, name, reply, body),
        Use::Sign(_) | Use::Verify(_) => run::<Sign>(rings, using, name, reply, body),
        Use::Hmac(_) | Use::Cmac => run::<Mac>(rings, using, name, reply, body),
        Use::DataKey(_) => run::<NewDataKey>(rings, using, name, reply, body),
        Use::Agree | Use::Encapsulate | Use::Decapsulate | Use::Derive => {
            run::<Secret>(rings, using, name, reply, body)
        }
    }
}

fn run<T: Item>(
    rings: &Rings,
    using: Use,
    name: &Name,
    mut reply: Reply,
    body: Checked<'_>,
) -> Result<Response, Response> {
    let shared: T::Shared = take(body)?;
    let batched = reply.ignored(body, T::known(using)).iter().any(|name| name == "batch_input");
    if batched {
        let Batch { batch_input, partial_failure_response_code } = take::<Batch<T>>(body)?;
        if let Some(items) = batch_input {
            let partial = partial_status(partial_failure_response_code)?;
            return batch(rings, using, name, &shared, &items, partial, &reply);
        }
    }
    let item: T = take(body)?;
    match item.run(rings, using, name, &shared) {
        Ok(done) => Ok(reply.data(&done)),
        Err(error) => Err(error.response()),
    }
}

fn batch<T: Item>(
    rings: &Rings,
    using: Use,
    name: &Name,
    shared: &T::Shared,
    items: &[Object<T>],
    partial: Option<StatusCode>,
    reply: &Reply,
) -> Result<Response, Response> {
    if items.is_empty() {
        return Err(answer::bad_request("missing batch input to process"));
    }
    if items.len() > BATCH {
        return Err(answer::bad_request("a batch has at most 1,000 items: split it"));
    }
    let mut outcomes = Vec::with_capacity(items.len());
    let mut failed = 0;
    for Object(item) in items {
        let reference = item.reference();
        outcomes.push(match item.run(rings, using, name, shared) {
            Ok(done) => Outcome { done: Some(done), error: None, reference },
            Err(error) => {
                failed += 1;
                Outcome { done: T::failed(using), error: Some(error.of_item(using)?), reference }
            }
        });
    }
    let (all, status) = (outcomes.len(), status(using, failed, outcomes.len(), partial));
    let answer = reply.data_with(status, &Outcomes { batch_results: outcomes });
    let answer = answer.with_detail(Detail::Count(all as u64));
    Ok(match failed {
        0 => answer,
        _ => answer.with_detail(Detail::Failed(failed as u64)).told(Verdict::Failed(Failure::Partly)),
    })
}

/// The status that a caller wants for a batch of which only a part failed: one that an answer with a body can have.
fn partial_status(asked: Option<Number>) -> Result<Option<StatusCode>, Response> {
    match asked {
        None | Some(Number(0)) => Ok(None),
        Some(Number(code)) => answer::status_with_body(code).map(Some).ok_or_else(|| {
            answer::bad_request("partial_failure_response_code must be the status of an answer with a body")
        }),
    }
}

/// The status of a batch: encryption and decryption answer 400 if an item failed, or what was asked for if only
/// some did.
fn status(using: Use, failed: usize, all: usize, partial: Option<StatusCode>) -> StatusCode {
    match using {
        Use::Encrypt | Use::Decrypt if failed > 0 => {
            partial.filter(|_| failed < all).unwrap_or(StatusCode::BAD_REQUEST)
        }
        _ => StatusCode::OK,
    }
}
