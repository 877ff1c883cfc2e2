//! Makes and uses keys in software on RustCrypto, and seals data in envelopes; it keeps no key, decides on no
//! use of one, and takes no nonce from a caller.
//!
//! ```
//! use strongroom_core::Provider;
//! use strongroom_keys::{RustCrypto, envelope::{self, Context, KeyId}};
//!
//! # fn main() -> Result<(), envelope::EnvelopeError> {
//! let provider = RustCrypto::new();
//! let (mac, key) = (provider.hmac(&[7; 32]), KeyId { id: [1; 16], version: 1 });
//! let context = Context::new(&provider, &[b"kms", b""])?;
//! let sealed = envelope::seal(&provider, &*mac, key, &context, b"attack at dawn")?;
//! let opened = envelope::open(&provider, &*mac, key, &context, &sealed)?;
//! assert_eq!(*opened, b"attack at dawn");
//! # Ok(()) }
//! ```
//!
//! [`RustCrypto`] is a [`Provider`](strongroom_core::Provider): a value that the barrier and the capabilities
//! are given. Whoever computes elsewhere gives them another one, and the [`envelope`] works with it all the same.

mod aead;
mod ahead;
mod asymmetric;
mod der;
pub mod envelope;
mod format;
mod hash;
mod import_error;
mod kbkdf;
mod key_wrap;
mod mac;
mod pairwise;
mod passphrase;
mod random;
mod rustcrypto;
mod secret_rng;
mod self_test;
mod software;
mod symmetric;
mod transport;
mod verifier;

pub use ahead::Ahead;
pub use asymmetric::documents::{
    private_from_der, private_from_pem, private_to_der, private_to_pem, public_der, public_from_der,
    public_from_pem, public_pem,
};
pub use der::{ecdsa_from_der, ecdsa_to_der};
pub use format::KeyFormat;
pub use hash::Hash;
pub use import_error::ImportError;
pub use kbkdf::kbkdf;
pub use key_wrap::KeyWrap;
pub use random::SystemRandom;
pub use rustcrypto::RustCrypto;
pub use secret_rng::SecretRng;
pub use self_test::{SelfTestFailed, self_test, self_test_of};
pub use transport::Transport;
pub use verifier::{verify, verify_with};
