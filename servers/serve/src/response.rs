use std::{
    convert::Infallible,
    fmt, io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    HeaderMap, StatusCode,
    body::{Buf, Frame, SizeHint},
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;
use strongroom_core::{Detail, Failure, Refusal, Verdict};
use zeroize::Zeroizing;

/// An answer: a status, a body that is wiped once it was written, and headers.
///
/// Every answer says `Cache-Control: no-store`.
///
/// ```
/// use strongroom_serve::{Response, StatusCode};
/// #[derive(serde::Serialize)]
/// struct Health { sealed: bool }
/// let answer = Response::json(StatusCode::OK, &Health { sealed: false });
/// assert_eq!(answer.body(), br#"{"sealed":false}"#);
/// ```
pub struct Response {
    status: StatusCode,
    content_type: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Zeroizing<Vec<u8>>,
    told: Option<Verdict>,
    details: Vec<Detail>,
}

impl Response {
    /// An answer without a body, such as 204.
    pub fn empty(status: StatusCode) -> Self {
        Self::new(status, None, Zeroizing::default())
    }

    /// A JSON body. A value that JSON has no form for, such as a map with keys that are no texts, becomes 500.
    pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Self {
        let mut body = Wiping(Zeroizing::new(Vec::with_capacity(512)));
        match serde_json::to_writer(&mut body, value) {
            Ok(()) => Self::new(status, Some("application/json"), body.0),
            Err(_) => Self::errors(StatusCode::INTERNAL_SERVER_ERROR, &["the answer has no form in JSON"]),
        }
    }

    /// `{"errors":[…]}`, as Vault's clients expect it. The texts are fixed ones: nothing that a client sent, no secret.
    pub fn errors(status: StatusCode, errors: &[&str]) -> Self {
        #[derive(Serialize)]
        struct Errors<'a> {
            errors: &'a [&'a str],
        }
        Self::json(status, &Errors { errors })
    }

    /// 503 with a hint to come back after a second: what a full pool answers.
    pub fn busy(why: &str) -> Self {
        Self::errors(StatusCode::SERVICE_UNAVAILABLE, &[why])
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A body of another kind, such as DER or a text.
    pub fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self::new(status, Some(content_type), Zeroizing::new(body))
    }

    fn new(status: StatusCode, content_type: Option<&'static str>, body: Zeroizing<Vec<u8>>) -> Self {
        Self { status, content_type, headers: Vec::new(), body, told: None, details: Vec::new() }
    }

    /// Says for the request's event how it ended, where the status says too little.
    #[must_use]
    pub fn told(mut self, verdict: Verdict) -> Self {
        self.told = Some(verdict);
        self
    }

    /// Adds a detail to the request's event.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.details.push(detail);
        self
    }

    /// How the request ended: what was [`told`](Self::told), or what the status means.
    pub fn verdict(&self) -> Verdict {
        use StatusCode as Is;
        match (self.told, self.status) {
            (Some(verdict), _) => verdict,
            (_, Is::UNAUTHORIZED | Is::FORBIDDEN) => Verdict::Refused(Refusal::Denied),
            (_, Is::METHOD_NOT_ALLOWED) => Verdict::Refused(Refusal::Malformed),
            (_, Is::CONFLICT) => Verdict::Refused(Refusal::State),
            (_, Is::NOT_FOUND) => Verdict::Failed(Failure::NotFound),
            (_, status) if status.is_client_error() => Verdict::Failed(Failure::Input),
            (_, status) if status.is_server_error() => Verdict::Failed(Failure::Unavailable),
            _ => Verdict::Allowed,
        }
    }

    /// What was told, if it was.
    pub fn told_verdict(&self) -> Option<Verdict> {
        self.told
    }

    /// The details for the request's event.
    pub fn details(&self) -> &[Detail] {
        &self.details
    }

    /// Sets one more header, or another value for one.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body in the clear.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Ends the connection after this answer.
    pub(crate) fn closing(self) -> Self {
        self.with_header(CONNECTION, HeaderValue::from_static("close"))
    }

    pub(crate) fn into_http(self) -> hyper::Response<Payload> {
        let mut http = hyper::Response::new(Payload(Some(Unread { bytes: self.body, at: 0 })));
        *http.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(kind) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        *http.headers_mut() = headers;
        http
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Collects a body; when it has to move, the old place is wiped.
struct Wiping(Zeroizing<Vec<u8>>);

impl io::Write for Wiping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let mut larger =
                Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2))));
            larger.extend_from_slice(&self.0);
            drop(mem::replace(&mut self.0, larger));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A whole body as the one frame that it is.
pub(crate) struct Payload(Option<Unread>);

impl hyper::body::Body for Payload {
    type Data = Unread;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Unread>, Infallible>>> {
        Poll::Ready(self.0.take().filter(Buf::has_remaining).map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|body| !body.has_remaining())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Buf::remaining) as u64)
    }
}

/// What of a body was not written yet; wiped when it was.
pub(crate) struct Unread {
    bytes: Zeroizing<Vec<u8>>,
    at: usize,
}

impl Buf for Unread {
    fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_body() {
        let answer = Response::json(StatusCode::OK, "canary");
        assert_eq!(format!("{answer:?}"), "Response(200 OK, 8 bytes)");
    }

    #[test]
    fn a_value_without_a_form_in_json_is_an_error_answer() {
        let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Response::json(StatusCode::OK, &odd).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_large_body_is_complete_after_it_moved() {
        let text = "x".repeat(100_000);
        assert_eq!(Response::json(StatusCode::OK, &[&text, &text]).body().len(), 200_007);
    }
}
