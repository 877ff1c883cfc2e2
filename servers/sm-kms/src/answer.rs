//! The shapes of Vault's answers.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use serde::Serialize;
use strongroom_core::{CommitError, Failure, RequestId, StoreError, Time, Verdict};
use strongroom_kms::KmsError;
use strongroom_serve::{Response, StatusCode, json::Checked};

#[derive(Serialize)]
struct Envelope<'a, T> {
    request_id: String,
    lease_id: &'a str,
    renewable: bool,
    lease_duration: u32,
    data: T,
    wrap_info: Option<()>,
    warnings: Option<&'a [String]>,
    auth: Option<()>,
}

/// A successful answer in the making.
pub(crate) struct Reply {
    id: RequestId,
    warnings: Vec<String>,
}

/// Names in one warning, and the length of each.
const NAMES: usize = 10;
const LONGEST: usize = 60;

impl Reply {
    pub(crate) const fn new(id: RequestId) -> Self {
        Self { id, warnings: Vec::new() }
    }

    pub(crate) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Warns of members of a body that nothing reads, as Vault does; answers the names of the others.
    pub(crate) fn ignored<'a>(&mut self, body: Checked<'a>, known: &[&str]) -> Vec<Cow<'a, str>> {
        let (found, mut unknown): (Vec<_>, Vec<_>) =
            body.names().into_iter().partition(|name| known.contains(&&**name));
        if !unknown.is_empty() {
            unknown.sort_unstable();
            let names: Vec<String> =
                unknown.iter().take(NAMES).map(|name| name.chars().take(LONGEST).collect()).collect();
            self.warn(format!("Endpoint ignored these unrecognized parameters: [{}]", names.join(" ")));
        }
        found
    }

    /// What every successful answer with data looks like.
    pub(crate) fn data<T: Serialize>(&self, data: &T) -> Response {
        self.data_with(StatusCode::OK, data)
    }

    /// The same with another status, as a batch with failed items has.
    pub(crate) fn data_with<T: Serialize>(&self, status: StatusCode, data: &T) -> Response {
        Response::json(status, &self.envelope(data))
    }

    /// The data also beside the envelope's members, where Vault's oldest clients look for them.
    pub(crate) fn data_twice<T: Serialize>(&self, data: &T) -> Response {
        #[derive(Serialize)]
        struct Twice<'a, T> {
            #[serde(flatten)]
            beside: &'a T,
            #[serde(flatten)]
            envelope: Envelope<'a, &'a T>,
        }
        Response::json(StatusCode::OK, &Twice { beside: data, envelope: self.envelope(data) })
    }

    fn envelope<T>(&self, data: T) -> Envelope<'_, T> {
        Envelope {
            request_id: self.id.to_string(),
            lease_id: "",
            renewable: false,
            lease_duration: 0,
            data,
            wrap_info: None,
            warnings: (!self.warnings.is_empty()).then_some(&self.warnings),
            auth: None,
        }
    }
}

pub(crate) fn bad_request(text: &str) -> Response {
    Response::errors(StatusCode::BAD_REQUEST, &[text])
}

pub(crate) fn denied() -> Response {
    Response::errors(StatusCode::FORBIDDEN, &["permission denied"])
}

pub(crate) fn sealed() -> Response {
    Response::errors(StatusCode::SERVICE_UNAVAILABLE, &["Vault is sealed"])
}

/// What was asked for may be known to nobody later: so it is not answered. It is asked for again.
pub(crate) fn no_event() -> Response {
    Response::busy("the event of this request cannot be kept, so it is refused: try again later")
}

/// What Vault says where there is nothing to say: a 404 without a reason.
pub(crate) fn nothing() -> Response {
    Response::errors(StatusCode::NOT_FOUND, &[])
}

/// A path that nothing answers. The text quotes nothing of the request.
pub(crate) fn no_route() -> Response {
    Response::errors(StatusCode::NOT_FOUND, &["no handler for this route"])
}

pub(crate) fn no_operation() -> Response {
    Response::errors(StatusCode::METHOD_NOT_ALLOWED, &["unsupported operation"])
}

/// The one place where failures of key rings become statuses.
pub(crate) fn refused(error: &KmsError) -> Response {
    match error {
        KmsError::Store(error) => store_failed(error),
        KmsError::Commit(error) => commit_failed(error),
        KmsError::Full(_) => no_event(),
        other => bad_request(&other.to_string()).told(other.verdict()),
    }
}

pub(crate) fn commit_failed(error: &CommitError) -> Response {
    match error {
        CommitError::Store(error) => store_failed(error),
        CommitError::Conflict(_) | CommitError::Contended => Response::busy(&error.to_string()),
        CommitError::Unknown => Response::busy(&error.to_string()).told(Verdict::Failed(Failure::Unknown)),
    }
}

pub(crate) fn store_failed(error: &StoreError) -> Response {
    match error {
        StoreError::Sealed => sealed(),
        StoreError::LeaseLost => Response::busy(&error.to_string()),
        StoreError::Invalid(text) | StoreError::TooLarge(text) => bad_request(text),
        other => {
            tracing::error!(error = %other, source = ?std::error::Error::source(other), "a request failed");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}

/// A status that a caller may choose for an answer that has a body (RFC 9110, section 6.4.1).
pub(crate) fn status_with_body(code: i64) -> Option<StatusCode> {
    let code = u16::try_from(code).ok().filter(|code| (200..600).contains(code))?;
    StatusCode::from_u16(code).ok().filter(|status| {
        !matches!(*status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
    })
}

/// A moment as RFC 3339 has it, in UTC.
pub(crate) fn rfc3339(time: Time) -> String {
    // What lies beyond the year 9999 has no text; a record's time never does.
    let moment = UNIX_EPOCH + Duration::from_millis(time.as_millis().min(253_402_300_799_999));
    humantime::format_rfc3339_millis(moment).to_string()
}
