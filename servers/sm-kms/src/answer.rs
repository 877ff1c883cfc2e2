//! The shapes of Vault's answers.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use strongroom_core::{CommitError, RequestId, StoreError, Time};
use strongroom_kms::KmsError;
use strongroom_serve::{Response, StatusCode};

#[derive(Serialize)]
struct Envelope<'a, T> {
    request_id: String,
    lease_id: &'a str,
    renewable: bool,
    lease_duration: u32,
    data: T,
    wrap_info: Option<()>,
    warnings: Option<()>,
    auth: Option<()>,
}

/// What every successful answer with data looks like.
pub(crate) fn data<T: Serialize>(id: RequestId, data: &T) -> Response {
    data_with(StatusCode::OK, id, data)
}

/// The same with another status, as a batch with failed items has.
pub(crate) fn data_with<T: Serialize>(status: StatusCode, id: RequestId, data: &T) -> Response {
    let envelope = Envelope {
        request_id: id.to_string(),
        lease_id: "",
        renewable: false,
        lease_duration: 0,
        data,
        wrap_info: None,
        warnings: None,
        auth: None,
    };
    Response::json(status, &envelope)
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
        other => bad_request(&other.to_string()),
    }
}

pub(crate) fn commit_failed(error: &CommitError) -> Response {
    match error {
        CommitError::Store(error) => store_failed(error),
        CommitError::Conflict(_) | CommitError::Contended | CommitError::Unknown => {
            Response::busy(&error.to_string())
        }
    }
}

pub(crate) fn store_failed(error: &StoreError) -> Response {
    match error {
        StoreError::Sealed => sealed(),
        StoreError::Invalid(text) | StoreError::TooLarge(text) => bad_request(text),
        other => {
            tracing::error!(error = %other, source = ?std::error::Error::source(other), "a request failed");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}

/// A moment as RFC 3339 has it, in UTC.
pub(crate) fn rfc3339(time: Time) -> String {
    // What lies beyond the year 9999 has no text; a record's time never does.
    let moment = UNIX_EPOCH + Duration::from_millis(time.as_millis().min(253_402_300_799_999));
    humantime::format_rfc3339_millis(moment).to_string()
}
