use std::mem::size_of;

use strongroom_core::Algorithm;

use crate::{Ring, RingVersion};

/// What an allocation takes beside what was asked for.
const ALLOCATION: usize = 16;

/// The memory of a ring before any key is ready: what it shows, and a secret of each length given.
pub(crate) fn ring(view: &Ring, secrets: impl Iterator<Item = usize>, each_key: usize) -> usize {
    let public =
        |version: &RingVersion| version.public.as_ref().map_or(0, |key| key.bytes.len() + ALLOCATION);
    let shown: usize = view.versions.iter().map(public).sum();
    let kept: usize = secrets.map(|secret| secret + ALLOCATION).sum();
    // A public half stands in what the ring shows and beside its secret.
    size_of::<Ring>() + view.versions.len() * (size_of::<RingVersion>() + each_key) + 2 * shown + kept
}

/// The memory of a key that is ready with its public half, rounded up from what was measured; `tests/memory.rs` holds
/// the sum to what the system says.
pub(crate) const fn key(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Rsa2048 => 5_000,
        Algorithm::Rsa3072 => 7_000,
        Algorithm::Rsa4096 => 9_200,
        // The matrix of the public key is kept, expanded.
        Algorithm::MlDsa44 => 96_000,
        Algorithm::MlDsa65 => 160_000,
        Algorithm::MlDsa87 => 264_000,
        Algorithm::MlKem512 => 4_600,
        Algorithm::MlKem768 => 6_600,
        Algorithm::MlKem1024 => 8_600,
        Algorithm::XWing | Algorithm::HpkeXWing => 5_200,
        _ => 768,
    }
}
