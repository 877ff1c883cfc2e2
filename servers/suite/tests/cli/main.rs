//! The binary `strongroom` from end to end: what it promises to those who start it, and against what happens to
//! it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

#[cfg(test)]
mod dev;
#[cfg(test)]
mod first_start;
#[cfg(test)]
mod support;
