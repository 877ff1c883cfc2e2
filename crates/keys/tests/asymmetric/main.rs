//! What keys with a public half promise.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
#![expect(clippy::print_stderr, reason = "a test that lacks a tool says so")]

mod documents;
mod formats;
mod golden;
mod kinds;
mod malformed;
mod nist;
mod nist_post_quantum;
mod openssl;
mod options;
mod pyca;
#[path = "../rsp/mod.rs"]
mod rsp;
mod seeds;
#[cfg(feature = "slh-dsa")]
mod slh_dsa;
mod support;
#[path = "../tally/mod.rs"]
mod tally;
mod tampered;
mod transport;
mod vectors;
mod weak_rsa;
mod wycheproof_agreement;
mod wycheproof_ecdsa;
mod wycheproof_kem;
mod wycheproof_ml_dsa;
mod wycheproof_oaep;
mod wycheproof_rsa;
