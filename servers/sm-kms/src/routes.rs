use std::{fmt, net::SocketAddr, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use strongroom_core::{Caller, Failure, Name, Refusal, RequestId, Verdict, from_memory};
use strongroom_identity::Token;
use strongroom_serve::{Body, Head, Limits, Method, Pool, Response, Service, StatusCode, Step};

use crate::{
    Asker, Node, Open, Serves,
    answer::{self, Reply, no_event},
    audit, sys,
    told::{Told, recorded},
    transit,
};

/// Bytes of a body that holds settings, a share or nothing at all.
pub(crate) const SMALL_BODY: usize = 64 << 10;

/// The HTTP API over one node.
pub struct Api {
    node: Arc<Node>,
    pool: Pool,
}

/// What a request asks for, once its token was checked.
#[derive(Debug)]
pub enum Route {
    /// What needs no token.
    Open(sys::Public),
    /// What needs one.
    Private(Private, Box<Access>),
}

/// What needs a token.
#[derive(Debug)]
pub enum Private {
    /// Below `sys` and `auth`.
    Sys(sys::Operation),
    /// Below `transit`.
    Transit(transit::Operation),
    /// Below `audit`.
    Audit(audit::Operation),
}

/// Who calls, and what it may use.
#[derive(Debug)]
pub struct Access {
    pub(crate) open: Open,
    pub(crate) caller: Caller,
    pub(crate) token: Token,
    pub(crate) token_text: SecretString,
    node: Arc<Node>,
    /// What its event will say, until the operation begins; and why, if it never does.
    told: Option<Told>,
    undone: Failure,
}

impl Api {
    /// Answers for `node`; what waits for storage runs in `pool`.
    pub fn new(node: Arc<Node>, pool: Pool) -> Self {
        Self { node, pool }
    }

    /// What is asked for, or the refusal of it, is told only to those whose token is good: an unknown path is no
    /// news to others.
    fn private(
        &self,
        head: &Head<'_>,
        operation: Result<Private, Response>,
    ) -> Step<Result<Route, Response>> {
        let Some(open) = self.node.open() else { return Step::Now(Err(self.closed(&operation))) };
        let request = head.request_id();
        let Some(text) = head.token() else {
            self.knock(head, Refusal::Unknown);
            return Step::Now(Err(match operation {
                Ok(Private::Sys(operation)) => operation.anonymous(&Reply::new(request)),
                _ => answer::denied(),
            }));
        };
        let token_text = text.to_secret();
        let cached = match from_memory(|| open.tokens.cached(text.expose())) {
            Some(Ok(cached)) => cached,
            Some(Err(error)) => return Step::Now(Err(answer::store_failed(&error))),
            None => None,
        };
        match (cached, operation) {
            (Some(token), Ok(operation)) => {
                let access = Access::new(&self.node, open, token, token_text, request);
                Step::Now(Ok(access.operate(operation)))
            }
            // The store is asked for the token, or is to keep what was refused.
            (_, operation) => {
                let (node, source) = (Arc::clone(&self.node), head.peer().ip());
                Step::Later(self.pool.run(move || match open.tokens.check(token_text.expose_secret()) {
                    Ok(Some(token)) => Access::new(&node, open, token, token_text, request).admit(operation),
                    Ok(None) => {
                        node.journal().knock(source, Refusal::Unknown, node.clock().now());
                        Err(answer::denied())
                    }
                    Err(error) => Err(answer::store_failed(&error)),
                }))
            }
        }
    }

    /// Counts a request by nobody that was recognised.
    fn knock(&self, head: &Head<'_>, refusal: Refusal) {
        self.node.journal().knock(head.peer().ip(), refusal, self.node.clock().now());
    }

    /// The answer to a request that is none, whoever sent it.
    fn malformed<T>(&self, head: &Head<'_>, refusal: Response) -> Step<Result<T, Response>> {
        self.knock(head, Refusal::Malformed);
        Step::Now(Err(refusal))
    }

    /// The answer while nothing is open. What is sealed needs no token to stay so.
    fn closed(&self, operation: &Result<Private, Response>) -> Response {
        let seals = matches!(operation, Ok(Private::Sys(sys::Operation::Seal)));
        if seals && self.node.sealed().is_some() {
            Response::empty(StatusCode::NO_CONTENT)
        } else {
            answer::sealed()
        }
    }
}

impl Access {
    fn new(node: &Arc<Node>, open: Open, token: Token, token_text: SecretString, request: RequestId) -> Self {
        let caller = open.tokens.caller(&token, Some(request));
        Self { open, caller, token, token_text, node: Arc::clone(node), told: None, undone: Failure::Input }
    }

    /// Lets an operation in.
    fn operate(mut self, operation: Private) -> Route {
        self.told = Some(operation.told());
        Route::Private(operation, Box::new(self))
    }

    /// The operation begins: from here on its event is the affair of whoever runs it.
    fn begin(&mut self) -> Told {
        self.told.take().unwrap_or_else(Told::nowhere)
    }

    /// Lets an operation in; what no route takes is refused once its event is durable.
    fn admit(self, operation: Result<Private, Response>) -> Result<Route, Response> {
        let refusal = match operation {
            Ok(operation) => return Ok(self.operate(operation)),
            Err(refusal) => refusal.told(Verdict::Refused(Refusal::Malformed)),
        };
        let (refusal, event) = Told::nowhere().left(&self.node, &self, refusal);
        Err(event.map_or_else(no_event, |event| recorded(&self, refusal, &event)))
    }
}

/// A request whose body never came or was too large, or that found the pool full, was answered elsewhere: its event is
/// made here, and waits for no disk.
impl Drop for Access {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            let event = told.event(&self.node, self, Verdict::Failed(self.undone), &[]);
            let _ = self.open.outbox.buffer(event);
        }
    }
}

impl Private {
    /// What its event says.
    fn told(&self) -> Told {
        match self {
            Self::Sys(operation) => operation.told(),
            Self::Transit(operation) => operation.told(),
            Self::Audit(operation) => operation.told(),
        }
    }
}

impl Service for Api {
    type Admitted = Route;

    fn admit(&self, head: &Head<'_>) -> Step<Result<Route, Response>> {
        if !matches!(head.namespace().map(|name| name.trim_end_matches('/')), None | Some("" | "root")) {
            return self.malformed(head, answer::no_route());
        }
        let lists = match head.lists() {
            Ok(lists) => lists,
            Err(error) => return self.malformed(head, error.into()),
        };
        let segments = head.path().segments();
        let ["v1", rest @ ..] = &*segments else { return self.malformed(head, answer::nothing()) };
        if rest.is_empty() && !head.path().ends_with_slash() {
            return self.malformed(head, answer::nothing());
        }
        let slash = head.path().ends_with_slash();
        match sys::Public::route(head.method(), rest) {
            Some(Ok(public)) if !slash => Step::Now(Ok(Route::Open(public))),
            Some(Err(refusal)) if !slash => self.malformed(head, refusal),
            // A slash at the end stands only behind what is listed.
            _ if slash && !lists => self.private(head, Err(answer::no_route())),
            _ => self.private(
                head,
                private_route(self.node.serves(), if lists { Method::List } else { head.method() }, rest),
            ),
        }
    }

    fn body_limit(&self, admitted: &Route, limits: &Limits) -> usize {
        match admitted {
            Route::Private(Private::Transit(operation), _) => operation.body_limit(limits),
            Route::Private(Private::Sys(_) | Private::Audit(_), _) | Route::Open(_) => SMALL_BODY,
        }
    }

    fn handle(&self, head: &Head<'_>, admitted: Route, body: Body) -> Step<Response> {
        let id = head.request_id();
        match admitted {
            Route::Open(public) => {
                let (node, source) = (Arc::clone(&self.node), head.peer().ip());
                let asker = Asker::anyone(head.request_id(), source);
                let query = public.query(head);
                Step::Later(self.pool.run(move || {
                    let answer = query
                        .map_or_else(Response::from, |query| public.answer(&node, &asker, &query, &body));
                    if public.changes() && answer.status().is_client_error() {
                        node.journal().refused(source, answer.verdict(), node.clock().now());
                    }
                    answer
                }))
            }
            Route::Private(Private::Sys(operation), access) => {
                let node = Arc::clone(&self.node);
                match operation.page(head) {
                    Ok(page) => self.work(access, move |access| {
                        operation.answer(&node, access, &page, &Reply::new(id), &body)
                    }),
                    Err(refusal) => self.work(access, |_| refusal),
                }
            }
            Route::Private(Private::Audit(operation), access) => {
                let node = Arc::clone(&self.node);
                match audit::Asked::of(head) {
                    Ok(asked) => self.work(access, move |access| {
                        operation.answer(&node, access, &asked, &Reply::new(id), &body)
                    }),
                    Err(refusal) => self.work(access, |_| refusal),
                }
            }
            Route::Private(Private::Transit(operation), access) => {
                let page = match operation.page(head) {
                    Ok(page) => page,
                    Err(refusal) => return self.work(access, |_| refusal),
                };
                if operation.inline(&access, body.len())
                    && let Some(response) = from_memory(|| operation.answer(&access, &page, id, &body))
                {
                    return self.tell(access, response);
                }
                self.work(access, move |access| operation.answer(access, &page, id, &body))
            }
        }
    }

    fn unheard(&self, peer: SocketAddr) {
        self.node.journal().knock(peer.ip(), Refusal::Malformed, self.node.clock().now());
    }
}

impl Api {
    /// Works in the pool, and keeps the event before the answer goes out.
    fn work(
        &self,
        mut access: Box<Access>,
        job: impl FnOnce(&Access) -> Response + Send + 'static,
    ) -> Step<Response> {
        access.undone = Failure::Unavailable;
        Step::Later(self.pool.run(move || {
            let told = access.begin();
            let response = told.run(&access.node, &access, || job(&access));
            match told.left(&access.node, &access, response) {
                (response, Some(event)) => recorded(&access, response, &event),
                (response, None) => response,
            }
        }))
    }

    /// Keeps the event of what was done in memory; one that has to be durable in the pool.
    fn tell(&self, mut access: Box<Access>, response: Response) -> Step<Response> {
        match access.begin().left(&self.node, &access, response) {
            (response, Some(event)) => {
                Step::Later(self.pool.run(move || recorded(&access, response, &event)))
            }
            (response, None) => Step::Now(response),
        }
    }
}

fn private_route(serves: Serves, method: Method, rest: &[&str]) -> Result<Private, Response> {
    match rest {
        ["transit", ..] if serves == Serves::Log => Err(answer::no_route()),
        ["transit", below @ ..] => transit::Operation::route(method, below).map(Private::Transit),
        ["audit", below @ ..] => audit::Operation::route(method, below).map(Private::Audit),
        below => sys::Operation::route(method, below).map(Private::Sys),
    }
}

/// A name in a path. Vault has no path where one is wrong.
pub(crate) fn name(text: &str) -> Result<Name, Response> {
    Name::parse(text).map_err(|error| Response::errors(StatusCode::NOT_FOUND, &[&error.to_string()]))
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}
