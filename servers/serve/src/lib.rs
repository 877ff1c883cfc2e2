//! What Strongroom's HTTP servers share: they listen, speak TLS 1.3 and HTTP/1.1, limit, take requests apart,
//! hand slow work to pools, count, and shut down. It knows no key, secret or policy: that is a [`Service`].
//!
//! ```no_run
//! use strongroom_serve::{Body, Head, Limits, Response, Server, Service, StatusCode, Step, Tls, asked_to_end};
//! # struct Transit;
//! # impl Service for Transit {
//! #     type Admitted = ();
//! #     fn admit(&self, _: &Head<'_>) -> Step<Result<(), Response>> { Step::Now(Ok(())) }
//! #     fn handle(&self, _: &Head<'_>, (): (), _: Body) -> Step<Response> { Step::Now(Response::empty(StatusCode::NO_CONTENT)) }
//! # }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = Tls::from_files("server.pem", "server.key")?;
//! let server = Server::bind("0.0.0.0:8200".parse()?, Some(tls), Limits::default())?;
//! server.run(Transit, asked_to_end()?).await?;
//! # Ok(()) }
//! ```
//!
//! # The way of a request
//!
//! 1. The head arrives within [`Limits::header_timeout`] and [`Limits::header`], or the connection ends.
//! 2. The [`Path`] is brought into its only spelling; a path with more than one is 400. Two tokens, headers that
//!    came twice, unknown methods: refused.
//! 3. [`Service::admit`] checks the token and routes. Until it agrees, nothing of the body is read.
//! 4. The body is read within [`Limits::body_timeout`] and the smaller of [`Limits::body`] and
//!    [`Service::body_limit`], into memory that is wiped.
//! 5. [`Service::handle`] parses it with [`json`] and answers: at once, or by a [`Pool`].
//! 6. The answer is written within [`Limits::answer_timeout`], and wiped.
//!
//! # What is not wiped
//!
//! Bytes on their way pass through buffers of the HTTP and TLS libraries that are reused and freed without
//! being wiped: a token's header, the body as it came, and the head of an answer. So do texts with escapes on
//! their way through the JSON parser.

mod body;
mod connection;
pub mod json;
mod knocks;
mod limits;
mod memory;
mod metrics;
mod path;
mod pool;
mod program;
mod request;
mod response;
mod server;
mod service;
mod signal;
mod stack;
mod tls;
mod watch;

pub use hyper::{StatusCode, header};
pub use json::JsonError;
pub use knocks::Knocks;
pub use limits::Limits;
pub use memory::{MemoryGuard, guard_memory};
pub use metrics::{Metrics, Probes};
pub use path::{InvalidPath, MAX_SEGMENTS, Path, Segments};
pub use pool::{Busy, Pending, Pool};
pub use program::{LogFormat, report, start_log};
pub use request::{Head, InvalidQuery, Method, Token};
pub use response::Response;
pub use server::{BindError, Server};
pub use service::{Body, Service, Step};
pub use signal::asked_to_end;
pub use stack::{DEEP, wiping_stack};
pub use tls::{Tls, TlsError};
