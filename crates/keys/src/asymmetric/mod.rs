//! Keys with a public half. Each family is one file; the table [`KINDS`] says which family an algorithm belongs to.

mod agreement;
pub(crate) mod documents;

mod draws;
mod ecdsa;
mod ed25519;
mod expanded;
mod forms;
mod hpke;
mod inner;
mod kem;
mod kinds;
mod ml_dsa;
mod oaep;
mod options;
mod pairwise;
mod rsa;
mod rsa_checks;
mod rsa_options;
pub(crate) mod self_test;
#[cfg(feature = "slh-dsa")]
mod slh_dsa;
#[cfg(not(feature = "slh-dsa"))]
mod slh_dsa {
    //! A build without the crate has none of these keys.
    pub(super) const KINDS: &[super::kinds::Kind] = &[];
}
mod stored;
mod x25519;

pub(crate) use kinds::{generate, import, import_public, load, parse_public, supports};
pub(crate) use stored::material;
