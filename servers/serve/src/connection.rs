use std::{
    convert::Infallible,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use hyper::{
    StatusCode,
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use strongroom_core::RequestId;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::{
    Body, Limits, Metrics, Response, Service, Step, Tls,
    body::{self, Budget, Unacceptable},
    request::Head,
    response::Payload,
    stack::{LOOK_UP, USE, wiping_stack},
    watch::{Phase, Watch, Watched},
};

/// What all connections of a server share.
pub(crate) struct Shared<S> {
    pub(crate) service: S,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) budget: Arc<Budget>,
    /// The shutdown began: every answer ends its connection.
    pub(crate) draining: AtomicBool,
}

/// Serves one connection to its end.
pub(crate) async fn serve<S: Service>(
    shared: Arc<Shared<S>>,
    socket: TcpStream,
    peer: SocketAddr,
    watch: Arc<Watch>,
) {
    // Answers are written whole; waiting for more to send would only delay them. A socket that cannot do it still works.
    let _ = socket.set_nodelay(true);
    let mut seed = [0; 16];
    if getrandom::fill(&mut seed).is_err() {
        tracing::error!("the system has no randomness to give");
        return;
    }
    let connection = Connection {
        shared: &shared,
        watch: &watch,
        peer,
        seed: u128::from_be_bytes(seed),
        requests: AtomicU64::new(0),
    };
    match &shared.tls {
        None => connection.run(socket).await,
        Some(tls) => match tls.acceptor().accept(socket).await {
            Ok(socket) => {
                watch.enter(Phase::New);
                connection.run(socket).await;
            }
            Err(_) => shared.metrics.handshake_failed(),
        },
    }
}

struct Connection<'a, S> {
    shared: &'a Shared<S>,
    watch: &'a Arc<Watch>,
    peer: SocketAddr,
    /// Ids of requests count up from here: unique without asking the system for each.
    seed: u128,
    requests: AtomicU64,
}

impl<S: Service> Connection<'_, S> {
    async fn run<I: AsyncRead + AsyncWrite + Unpin>(&self, socket: I) {
        let limits = &self.shared.limits;
        let io = TokioIo::new(Watched::new(socket, Arc::clone(self.watch)));
        let served = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(limits.header)
            .max_buf_size(limits.header.max(64 << 10))
            .serve_connection(io, service_fn(|request| self.exchange(request)))
            .await;
        if let Err(error) = served {
            tracing::debug!(peer = %self.peer, parse = error.is_parse(), timeout = error.is_timeout(), "a connection broke");
        }
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Payload>, Infallible> {
        let _in_flight = self.shared.metrics.begin();
        self.watch.enter(Phase::Work);
        let (parts, mut incoming) = request.into_parts();
        self.watch.set_unread(!incoming.is_end_stream());
        let mut class = None;
        let mut response = match Head::parse(&parts, self.next_id(), self.peer, &self.shared.limits) {
            Ok(head) => self.answer(&head, &mut incoming, &mut class).await.unwrap_or_else(|refusal| refusal),
            Err(refusal) => {
                self.shared.service.unheard(self.peer);
                refusal.into()
            }
        };
        self.shared.metrics.answered(class, response.status());
        if self.shared.draining.load(Ordering::Relaxed) {
            response = response.closing();
        }
        self.watch.enter(Phase::Answer);
        Ok(response.into_http())
    }

    /// Token and route first, then the body, then the work. Both sides of the result are answers.
    async fn answer(
        &self,
        head: &Head<'_>,
        incoming: &mut Incoming,
        class: &mut Option<usize>,
    ) -> Result<Response, Response> {
        let service = &self.shared.service;
        let admitted = self.finish(|| wiping_stack::<LOOK_UP, _>(|| service.admit(head))).await??;
        *class = service.class(&admitted);
        let limit = service.body_limit(&admitted, &self.shared.limits).min(self.shared.limits.body);
        let body = self.body(incoming, limit).await?;
        self.finish(|| wiping_stack::<USE, _>(|| service.handle(head, admitted, body))).await
    }

    async fn body(&self, incoming: &mut Incoming, limit: usize) -> Result<Body, Unacceptable> {
        if incoming.is_end_stream() {
            return Ok(Body::default());
        }
        self.watch.enter(Phase::Body);
        let body = body::read(incoming, limit, &self.shared.budget).await;
        self.watch.enter(Phase::Work);
        self.watch.set_unread(body.is_err());
        body
    }

    /// Runs a step of the service, and waits if a pool has it. A panic costs this answer and nothing else.
    async fn finish<T>(&self, step: impl FnOnce() -> Step<T>) -> Result<T, Response> {
        match catch_unwind(AssertUnwindSafe(step)) {
            Ok(Step::Now(value)) => Ok(value),
            Ok(Step::Later(pending)) => Ok(pending.outcome().await?),
            Err(_) => {
                self.shared.metrics.panicked();
                tracing::error!("a request's handler panicked");
                Err(Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error"]))
            }
        }
    }

    fn next_id(&self) -> RequestId {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        RequestId(self.seed.wrapping_add(number.into()).to_be_bytes())
    }
}
