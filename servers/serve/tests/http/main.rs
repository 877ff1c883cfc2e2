//! Attacks on a real server over real sockets, and the promises that hold against them.
#![expect(clippy::expect_used, reason = "a test ends at the first surprise")]

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod support;
#[cfg(all(test, unix))]
mod tls;
