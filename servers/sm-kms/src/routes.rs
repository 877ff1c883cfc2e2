use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use strongroom_core::{Caller, Name, RequestId, from_memory};
use strongroom_identity::Token;
use strongroom_serve::{Body, Head, Limits, Method, Pool, Response, Service, StatusCode, Step};

use crate::{
    Node, Open,
    answer::{self, Reply},
    sys, transit,
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
}

/// Who calls, and what it may use.
#[derive(Debug)]
pub struct Access {
    pub(crate) open: Open,
    pub(crate) caller: Caller,
    pub(crate) token: Token,
    pub(crate) token_text: SecretString,
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
            return Step::Now(Err(match operation {
                Ok(Private::Sys(operation)) => operation.anonymous(&Reply::new(request)),
                _ => answer::denied(),
            }));
        };
        let token_text = text.to_secret();
        let admitted = move |open, token, token_text| {
            operation.map(|operation| admitted(open, token, token_text, request, operation))
        };
        match from_memory(|| open.tokens.cached(text.expose())) {
            Some(Ok(Some(token))) => Step::Now(admitted(open, token, token_text)),
            None | Some(Ok(None)) => {
                Step::Later(self.pool.run(move || match open.tokens.check(token_text.expose_secret()) {
                    Ok(Some(token)) => admitted(open, token, token_text),
                    Ok(None) => Err(answer::denied()),
                    Err(error) => Err(answer::store_failed(&error)),
                }))
            }
            Some(Err(error)) => Step::Now(Err(answer::store_failed(&error))),
        }
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

fn admitted(
    open: Open,
    token: Token,
    token_text: SecretString,
    request: RequestId,
    operation: Private,
) -> Route {
    let caller = open.tokens.caller(&token, Some(request));
    Route::Private(operation, Box::new(Access { open, caller, token, token_text }))
}

impl Service for Api {
    type Admitted = Route;

    fn admit(&self, head: &Head<'_>) -> Step<Result<Route, Response>> {
        if !matches!(head.namespace().map(|name| name.trim_end_matches('/')), None | Some("" | "root")) {
            return Step::Now(Err(answer::no_route()));
        }
        let lists = match head.lists() {
            Ok(lists) => lists,
            Err(error) => return Step::Now(Err(error.into())),
        };
        let segments = head.path().segments();
        let ["v1", rest @ ..] = &*segments else { return Step::Now(Err(answer::nothing())) };
        if rest.is_empty() && !head.path().ends_with_slash() {
            return Step::Now(Err(answer::nothing()));
        }
        let slash = head.path().ends_with_slash();
        match sys::Public::route(head.method(), rest) {
            Some(public) if !slash => Step::Now(public.map(Route::Open)),
            // A slash at the end stands only behind what is listed.
            _ if slash && !lists => self.private(head, Err(answer::no_route())),
            _ => self.private(head, private_route(if lists { Method::List } else { head.method() }, rest)),
        }
    }

    fn body_limit(&self, admitted: &Route, limits: &Limits) -> usize {
        match admitted {
            Route::Private(Private::Transit(operation), _) => operation.body_limit(limits),
            Route::Private(Private::Sys(_), _) | Route::Open(_) => SMALL_BODY,
        }
    }

    fn handle(&self, head: &Head<'_>, admitted: Route, body: Body) -> Step<Response> {
        let id = head.request_id();
        match admitted {
            Route::Open(public) => {
                let node = Arc::clone(&self.node);
                match public.query(head) {
                    Ok(query) => self.later(move || public.answer(&node, &query, &body)),
                    Err(error) => Step::Now(error.into()),
                }
            }
            Route::Private(Private::Sys(operation), access) => {
                let node = Arc::clone(&self.node);
                let page = match operation.page(head) {
                    Ok(page) => page,
                    Err(refusal) => return Step::Now(refusal),
                };
                self.later(move || operation.answer(&node, &access, &page, &Reply::new(id), &body))
            }
            Route::Private(Private::Transit(operation), access) => {
                let page = match operation.page(head) {
                    Ok(page) => page,
                    Err(refusal) => return Step::Now(refusal),
                };
                if operation.inline(&access, body.len())
                    && let Some(answer) = from_memory(|| operation.answer(&access, &page, id, &body))
                {
                    return Step::Now(answer);
                }
                self.later(move || operation.answer(&access, &page, id, &body))
            }
        }
    }
}

impl Api {
    fn later(&self, job: impl FnOnce() -> Response + Send + 'static) -> Step<Response> {
        Step::Later(self.pool.run(job))
    }
}

fn private_route(method: Method, rest: &[&str]) -> Result<Private, Response> {
    match rest {
        ["transit", below @ ..] => transit::Operation::route(method, below).map(Private::Transit),
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
