use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    body::{Body as _, Incoming},
};
use zeroize::Zeroizing;

use crate::{Body, Response};

/// Memory that a body may use without asking the [`Budget`].
const FREE: usize = 64 << 10;

/// The bytes that all large bodies may still take together.
#[derive(Debug)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    fn take(self: &Arc<Self>, bytes: usize) -> Result<Lease, Unacceptable> {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .map(|_| Lease { budget: Arc::clone(self), bytes })
            .map_err(|_| Unacceptable::Budget)
    }
}

/// A part of the budget, given back on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unacceptable {
    #[error("the request's body is too large")]
    TooLarge,
    #[error("too many large bodies at once")]
    Budget,
    #[error("the request's body is broken")]
    Broken,
}

impl From<Unacceptable> for Response {
    fn from(error: Unacceptable) -> Self {
        match error {
            Unacceptable::TooLarge => Response::errors(StatusCode::PAYLOAD_TOO_LARGE, &[&error.to_string()]),
            Unacceptable::Broken => Response::errors(StatusCode::BAD_REQUEST, &[&error.to_string()]),
            Unacceptable::Budget => Response::busy(&error.to_string()),
        }
    }
}

/// Reads a body of at most `limit` bytes. An announced length above it is refused before the first byte, and
/// memory is taken as bytes arrive, not as they are announced.
pub(crate) async fn read(
    incoming: &mut Incoming,
    limit: usize,
    budget: &Arc<Budget>,
) -> Result<Body, Unacceptable> {
    let hint = incoming.size_hint();
    let announced = usize::try_from(hint.lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Unacceptable::TooLarge);
    }
    let most = if hint.exact().is_some() { announced } else { limit };
    let mut body = Body { bytes: Zeroizing::new(Vec::with_capacity(announced.min(FREE))), _lease: None };
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| Unacceptable::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        let needed = body.bytes.len().saturating_add(data.len());
        if needed > limit {
            return Err(Unacceptable::TooLarge);
        }
        if needed > body.bytes.capacity() {
            grow(&mut body, needed, most, budget)?;
        }
        body.bytes.extend_from_slice(data);
    }
    Ok(body)
}

/// Moves the body to a larger place, of `most` bytes at most; the old one is wiped.
fn grow(body: &mut Body, needed: usize, most: usize, budget: &Arc<Budget>) -> Result<(), Unacceptable> {
    let capacity = body.bytes.capacity().saturating_mul(2).min(most).max(needed);
    let lease = if capacity > FREE { Some(budget.take(capacity)?) } else { None };
    let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
    larger.extend_from_slice(&body.bytes);
    *body = Body { bytes: larger, _lease: lease };
    Ok(())
}
