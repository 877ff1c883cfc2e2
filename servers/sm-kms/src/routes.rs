use std::{fmt, sync::Arc};

use strongroom_core::{Caller, Name, RequestId};
use strongroom_identity::Token;
use strongroom_serve::{Body, Head, Method, Pool, Response, Service, StatusCode, Step};

use crate::{
    Node, Open,
    answer::{self, Reply},
    sys, transit,
};

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
    pub(crate) token_text: secrecy::SecretString,
}

impl Api {
    /// Answers for `node`; what waits for storage runs in `pool`.
    pub fn new(node: Arc<Node>, pool: Pool) -> Self {
        Self { node, pool }
    }

    fn private(&self, head: &Head<'_>, operation: Private) -> Step<Result<Route, Response>> {
        let Some(open) = self.node.open() else {
            let sealed =
                matches!(operation, Private::Sys(sys::Operation::Seal)) && self.node.sealed().is_some();
            // What is sealed needs no token to stay so.
            return Step::Now(Err(if sealed {
                Response::empty(StatusCode::NO_CONTENT)
            } else {
                answer::sealed()
            }));
        };
        let Some(text) = head.token() else { return Step::Now(Err(answer::denied())) };
        let request = head.request_id();
        let token_text = text.to_secret();
        match open.tokens.cached(text.expose()) {
            Ok(Some(token)) => Step::Now(Ok(admitted(open, token, token_text, request, operation))),
            Ok(None) => Step::Later(self.pool.run(move || {
                use secrecy::ExposeSecret;
                match open.tokens.check(token_text.expose_secret()) {
                    Ok(Some(token)) => Ok(admitted(open, token, token_text, request, operation)),
                    Ok(None) => Err(answer::denied()),
                    Err(error) => Err(answer::store_failed(&error)),
                }
            })),
            Err(error) => Step::Now(Err(answer::store_failed(&error))),
        }
    }
}

fn admitted(
    open: Open,
    token: Token,
    token_text: secrecy::SecretString,
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
        let Some(("v1", rest)) = segments.split_first().map(|(first, rest)| (*first, rest)) else {
            return Step::Now(Err(Response::errors(StatusCode::NOT_FOUND, &[])));
        };
        if let Some(public) = sys::Public::route(head.method(), rest) {
            return Step::Now(public.map(Route::Open));
        }
        match private_route(head.method(), lists, rest) {
            Ok(operation) => self.private(head, operation),
            // An unknown path is no news to those who may not ask.
            Err(refusal) => match (self.node.open(), head.token()) {
                (None, _) => Step::Now(Err(answer::sealed())),
                (Some(_), None) => Step::Now(Err(answer::denied())),
                (Some(open), Some(token)) => match open.tokens.cached(token.expose()) {
                    Ok(Some(_)) => Step::Now(Err(refusal)),
                    _ => {
                        let text = token.to_secret();
                        Step::Later(self.pool.run(move || {
                            use secrecy::ExposeSecret;
                            match open.tokens.check(text.expose_secret()) {
                                Ok(Some(_)) => Err(refusal),
                                _ => Err(answer::denied()),
                            }
                        }))
                    }
                },
            },
        }
    }

    fn handle(&self, head: &Head<'_>, admitted: Route, body: Body) -> Step<Response> {
        let reply = Reply::new(head.request_id());
        match admitted {
            Route::Open(public) => {
                let node = Arc::clone(&self.node);
                match public.query(head) {
                    Ok(query) => self.step(false, move || public.answer(&node, &query, &body)),
                    Err(error) => Step::Now(error.into()),
                }
            }
            Route::Private(Private::Sys(operation), access) => {
                let node = Arc::clone(&self.node);
                self.step(false, move || operation.answer(&node, &access, &reply))
            }
            Route::Private(Private::Transit(operation), access) => {
                let page = match transit::Page::of(head) {
                    Ok(page) => page,
                    Err(refusal) => return Step::Now(refusal),
                };
                let inline = operation.inline(&access, body.len());
                self.step(inline, move || operation.answer(&access, &page, reply, &body))
            }
        }
    }
}

impl Api {
    fn step(&self, inline: bool, job: impl FnOnce() -> Response + Send + 'static) -> Step<Response> {
        if inline { Step::Now(job()) } else { Step::Later(self.pool.run(job)) }
    }
}

fn private_route(method: Method, lists: bool, rest: &[&str]) -> Result<Private, Response> {
    match rest {
        ["transit", below @ ..] => transit::Operation::route(method, lists, below).map(Private::Transit),
        below => sys::Operation::route(method, below).map(Private::Sys),
    }
}

/// A name in a path.
pub(crate) fn name(text: &str) -> Result<Name, Response> {
    Name::parse(text).map_err(|error| answer::bad_request(&error.to_string()))
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}
