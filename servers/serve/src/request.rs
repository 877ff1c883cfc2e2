use std::{borrow::Cow, fmt, net::SocketAddr};

use hyper::{
    HeaderMap, StatusCode,
    header::{ALLOW, AUTHORIZATION, HeaderName, HeaderValue, TRANSFER_ENCODING},
    http::request::Parts,
};
use secrecy::SecretString;
use strongroom_core::RequestId;

use crate::{InvalidPath, Limits, Path, Response, path::decode};

const VAULT_TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const VAULT_NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");

/// What a request says before its body: all that routing and the check of the token need. Its headers and its
/// query never print.
pub struct Head<'a> {
    method: Method,
    path: Path<'a>,
    query: Option<&'a str>,
    token: Option<Token<'a>>,
    namespace: Option<&'a str>,
    headers: &'a HeaderMap,
    request: RequestId,
    peer: SocketAddr,
}

impl<'a> Head<'a> {
    /// Takes the head apart; what has two meanings is refused here, before anybody routes by it.
    pub(crate) fn parse(
        parts: &'a Parts,
        request: RequestId,
        peer: SocketAddr,
        limits: &Limits,
    ) -> Result<Self, BadHead> {
        let headers = &parts.headers;
        if headers
            .get(TRANSFER_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        {
            return Err(BadHead::Coding);
        }
        Ok(Self {
            method: Method::parse(&parts.method).ok_or(BadHead::Method)?,
            path: Path::parse(parts.uri.path(), limits.path)?,
            query: parts.uri.query(),
            token: token(headers)?,
            namespace: only(headers, &VAULT_NAMESPACE)?.filter(|text| !text.is_empty()),
            headers,
            request,
            peer,
        })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path in its only spelling.
    pub fn path(&self) -> &Path<'a> {
        &self.path
    }

    /// The token that came along, not checked yet.
    pub fn token(&self) -> Option<Token<'a>> {
        self.token
    }

    /// The text of `X-Vault-Namespace`, as it came; an empty one counts as none.
    pub fn namespace(&self) -> Option<&'a str> {
        self.namespace
    }

    /// The id that this server gave to the request; unique, not secret.
    pub fn request_id(&self) -> RequestId {
        self.request
    }

    /// The other end of the connection; a proxy, if there is one.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// A header by its name in lower case, if it came once and is printable ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    }

    /// A parameter of the query; one without `=` is empty.
    ///
    /// # Errors
    /// [`InvalidQuery`] if it comes twice or does not decode to UTF-8.
    pub fn parameter(&self, name: &str) -> Result<Option<Cow<'a, str>>, InvalidQuery> {
        let mut found = None;
        for pair in self.query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decode(key, true).map_err(|_| InvalidQuery)? == name
                && found.replace(decode(value, true).map_err(|_| InvalidQuery)?).is_some()
            {
                return Err(InvalidQuery);
            }
        }
        Ok(found)
    }

    /// Whether this is a listing: the method LIST, or GET with `list=true`.
    ///
    /// # Errors
    /// [`InvalidQuery`] if `list` is no truth value, or comes twice.
    pub fn lists(&self) -> Result<bool, InvalidQuery> {
        match self.method {
            Method::List => Ok(true),
            Method::Get if self.query.is_some() => match self.parameter("list")?.as_deref() {
                Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
                None | Some("" | "false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
                Some(_) => Err(InvalidQuery),
            },
            _ => Ok(false),
        }
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, query: _, token, namespace, headers: _, request, peer } = self;
        write!(f, "Head({method:?} {path:?} {token:?} {namespace:?} {request} {peer})")
    }
}

/// A method that the suite's servers know. Every other one is 405.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "RFC 9110, section 9, RFC 5789, and LIST of Vault's clients")]
pub enum Method {
    Get,
    /// As GET; the server leaves out the body.
    Head,
    /// Vault's own method for listings.
    List,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    fn parse(method: &hyper::Method) -> Option<Self> {
        Some(match method.as_str() {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "LIST" => Self::List,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }
}

/// A token as it came with a request, lent from the request's headers. It never prints.
#[derive(Clone, Copy)]
pub struct Token<'a>(&'a str);

impl<'a> Token<'a> {
    /// The token in the clear; to be hashed and looked up, never compared or logged.
    pub fn expose(&self) -> &'a str {
        self.0
    }

    /// A copy that may outlive the request and is wiped on drop.
    pub fn to_secret(&self) -> SecretString {
        SecretString::from(self.0)
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A query parameter came twice, is not UTF-8, or has a value that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a query parameter is not valid")]
pub struct InvalidQuery;

impl From<InvalidQuery> for Response {
    fn from(error: InvalidQuery) -> Self {
        Response::errors(StatusCode::BAD_REQUEST, &[&error.to_string()])
    }
}

/// A head that is refused before the service sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHead {
    #[error("unsupported method")]
    Method,
    #[error("unsupported transfer coding")]
    Coding,
    #[error("two different tokens")]
    TwoTokens,
    #[error("a header came twice or is not printable ASCII")]
    Header,
    #[error(transparent)]
    Path(#[from] InvalidPath),
}

impl From<BadHead> for Response {
    fn from(error: BadHead) -> Self {
        match error {
            // Vault's answer names no reason.
            BadHead::Method => Response::errors(StatusCode::METHOD_NOT_ALLOWED, &[])
                .with_header(ALLOW, HeaderValue::from_static("GET, HEAD, LIST, POST, PUT, PATCH, DELETE")),
            // Where the body ends may be understood differently elsewhere, so nothing after it is read.
            BadHead::Coding => Response::errors(StatusCode::BAD_REQUEST, &[&error.to_string()]).closing(),
            BadHead::TwoTokens | BadHead::Header | BadHead::Path(_) => {
                Response::errors(StatusCode::BAD_REQUEST, &[&error.to_string()])
            }
        }
    }
}

/// `X-Vault-Token`, or `Authorization: Bearer` (RFC 6750, section 2.1); both only if they say the same.
fn token(headers: &HeaderMap) -> Result<Option<Token<'_>>, BadHead> {
    let vault = only(headers, &VAULT_TOKEN)?;
    let bearer = only(headers, &AUTHORIZATION)?.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match (vault.filter(|text| !text.is_empty()), bearer.filter(|text| !text.is_empty())) {
        (Some(one), Some(other)) if one != other => Err(BadHead::TwoTokens),
        (one, other) => Ok(one.or(other).map(Token)),
    }
}

/// A header that may come once at most.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, BadHead> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| BadHead::Header),
        (Some(_), Some(_)) => Err(BadHead::Header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(build: impl FnOnce(hyper::http::request::Builder) -> hyper::http::request::Builder) -> Parts {
        build(hyper::Request::builder().uri("/v1/x")).body(()).expect("a request").into_parts().0
    }

    fn parse(parts: &Parts) -> Result<Head<'_>, BadHead> {
        Head::parse(parts, RequestId([0; 16]), ([127, 0, 0, 1], 1).into(), &Limits::default())
    }

    #[test]
    fn two_different_tokens_are_refused() {
        let both = |one: &str, other: &str| {
            parts(|request| request.header("x-vault-token", one).header("authorization", other))
        };
        assert_eq!(parse(&both("a", "Bearer b")).expect_err("two"), BadHead::TwoTokens);
        assert_eq!(
            parse(&both("a", "bearer a")).expect("same").token().map(|token| token.expose()),
            Some("a")
        );
        assert_eq!(
            parse(&both("", "BEARER  b ")).expect("one").token().map(|token| token.expose()),
            Some("b")
        );
        assert_eq!(parse(&both("a", "Basic b")).expect("one").token().map(|token| token.expose()), Some("a"));
        let twice = parts(|request| request.header("x-vault-token", "a").header("x-vault-token", "a"));
        assert_eq!(parse(&twice).expect_err("twice"), BadHead::Header);
        assert!(
            parse(&parts(|request| request.header("x-vault-token", ""))).expect("none").token().is_none()
        );
    }

    #[test]
    fn debug_never_shows_the_token() {
        let parts = parts(|request| request.header("X-Vault-Token", "canary"));
        let head = parse(&parts).expect("a head");
        assert!(!format!("{:?}", head.token()).contains("canary"));
        assert!(!format!("{head:?}").contains("canary"));
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let query = |uri: &str| parts(|request| request.uri(uri));
        let lists = |uri: &str| parse(&query(uri)).expect("a head").lists();
        assert_eq!(lists("/v1/x?list=true"), Ok(true));
        assert_eq!(lists("/v1/x?l%69st=true"), Ok(true));
        assert_eq!(lists("/v1/x?a&b=1"), Ok(false));
        assert_eq!(lists("/v1/x?list=true&list=false"), Err(InvalidQuery));
        assert_eq!(lists("/v1/x?list=true&l%69st=true"), Err(InvalidQuery));
        assert_eq!(lists("/v1/x?list=maybe"), Err(InvalidQuery));
        assert_eq!(lists("/v1/x?a=%ff&list=true"), Ok(true));
        assert_eq!(lists("/v1/x?list=%ff"), Err(InvalidQuery));
        let parts = query("/v1/x?after=a+b%2Bc");
        assert_eq!(parse(&parts).expect("a head").parameter("after"), Ok(Some("a b+c".into())));
    }
}
