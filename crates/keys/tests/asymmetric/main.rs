//! What keys with a public half promise.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod support;
mod wycheproof_agreement;
mod wycheproof_kem;
mod wycheproof_oaep;
mod wycheproof_signatures;
