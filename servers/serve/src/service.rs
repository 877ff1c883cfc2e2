use std::{fmt, net::SocketAddr, ops::Deref, sync::Arc};

use zeroize::Zeroizing;

use crate::{Head, Limits, Pending, Response, body::Lease};

/// What a server implements. Two steps, so that a token is checked before a body costs anything.
///
/// Both methods run on a thread that serves many connections: work in memory is done right there, and what
/// waits for storage, a slow key or a password goes to a [`Pool`](crate::Pool) and answers [`Step::Later`].
///
/// ```
/// use strongroom_serve::{Body, Head, Method, Response, Service, StatusCode, Step};
///
/// struct Echo;
/// impl Service for Echo {
///     type Admitted = ();
///     fn admit(&self, head: &Head<'_>) -> Step<Result<(), Response>> {
///         Step::Now(match (head.method(), &*head.path().segments()) {
///             (Method::Post, ["v1", "echo"]) => Ok(()),
///             _ => Err(Response::errors(StatusCode::NOT_FOUND, &[])),
///         })
///     }
///     fn handle(&self, _: &Head<'_>, (): (), body: Body) -> Step<Response> {
///         Step::Now(Response::bytes(StatusCode::OK, "application/octet-stream", body.to_vec()))
///     }
/// }
/// ```
pub trait Service: Send + Sync + 'static {
    /// What the first step found and the second one needs: the route, the caller.
    type Admitted: Send;

    /// Checks the token and routes, by the head alone. `Err` is the answer, and the body is not read.
    fn admit(&self, head: &Head<'_>) -> Step<Result<Self::Admitted, Response>>;

    /// How many bytes the body of this request may have; at most [`Limits::body`] counts.
    fn body_limit(&self, admitted: &Self::Admitted, limits: &Limits) -> usize {
        let _ = admitted;
        limits.body
    }

    /// Which class the request is counted under: a place in the list given to [`Metrics::new`](crate::Metrics::new).
    /// What has no class, and what is not admitted, counts as `other`.
    fn class(&self, admitted: &Self::Admitted) -> Option<usize> {
        let _ = admitted;
        None
    }

    /// Hears of a request from this address whose head is refused before [`admit`](Self::admit) could see it.
    fn unheard(&self, peer: SocketAddr) {
        let _ = peer;
    }

    /// Answers an admitted request. The body is empty if none came.
    fn handle(&self, head: &Head<'_>, admitted: Self::Admitted, body: Body) -> Step<Response>;
}

impl<S: Service> Service for Arc<S> {
    type Admitted = S::Admitted;

    fn admit(&self, head: &Head<'_>) -> Step<Result<Self::Admitted, Response>> {
        (**self).admit(head)
    }

    fn body_limit(&self, admitted: &Self::Admitted, limits: &Limits) -> usize {
        (**self).body_limit(admitted, limits)
    }

    fn class(&self, admitted: &Self::Admitted) -> Option<usize> {
        (**self).class(admitted)
    }

    fn unheard(&self, peer: SocketAddr) {
        (**self).unheard(peer);
    }

    fn handle(&self, head: &Head<'_>, admitted: Self::Admitted, body: Body) -> Step<Response> {
        (**self).handle(head, admitted, body)
    }
}

/// A result that is there, or one that a pool will give.
#[derive(Debug)]
pub enum Step<T> {
    /// There already.
    Now(T),
    /// Running or waiting in a [`Pool`](crate::Pool). If the pool is full or too slow the request is answered with 503.
    Later(Pending<T>),
}

/// A request's body: owned, so that it can go to a pool, and wiped on drop. It never prints.
#[derive(Default)]
pub struct Body {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) _lease: Option<Lease>,
}

impl Deref for Body {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}
