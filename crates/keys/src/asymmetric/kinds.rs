use std::sync::Arc;

use strongroom_core::{Algorithm, Key, KeyError, PublicKey, Random, Stored};
use zeroize::Zeroizing;

use super::{
    agreement::Ecdh, ecdsa::Ecdsa, ed25519::Ed25519, hpke::Hpke, kem::KemKey, ml_dsa::MlDsa, pairwise::check,
    rsa::Rsa, slh_dsa, stored, x25519::X25519,
};

/// What makes a key of its material, which is as [`KeyBackend::import`](strongroom_core::KeyBackend::import) says.
type Parse = fn(Algorithm, &[u8], &Arc<dyn Random>) -> Result<Arc<dyn Key>, KeyError>;

type Canonical = fn(Algorithm, &[u8], &Arc<dyn Random>) -> Result<Material, KeyError>;
type Generate = fn(Algorithm, &dyn Random) -> Result<Material, KeyError>;
type Material = Zeroizing<Vec<u8>>;

/// Keys that compute alike.
pub(super) trait Family: Key + Sized + 'static {
    /// A key of which the public half alone is there.
    type Public: Key + 'static;

    /// Parses and expands; checks that these bytes are a key.
    fn parse(algorithm: Algorithm, material: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError>;

    /// The same for a public half.
    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError>;

    /// The material of a new key.
    fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Material, KeyError>;

    /// The material as it is kept: the one way to write it down, where there are several.
    fn canonical(
        algorithm: Algorithm,
        material: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<Material, KeyError> {
        let _ = (algorithm, random);
        Ok(Zeroizing::new(material.to_vec()))
    }
}

pub(super) struct Kind {
    algorithm: Algorithm,
    parse: Parse,
    parse_public: Parse,
    canonical: Canonical,
    generate: Generate,
}

const KINDS: [Kind; 22] = [
    kind::<Ed25519>(Algorithm::Ed25519),
    kind::<Ecdsa<p256::NistP256>>(Algorithm::EcdsaP256),
    kind::<Ecdsa<p384::NistP384>>(Algorithm::EcdsaP384),
    kind::<Ecdsa<p521::NistP521>>(Algorithm::EcdsaP521),
    kind::<Ecdsa<k256::Secp256k1>>(Algorithm::EcdsaSecp256k1),
    kind::<Rsa>(Algorithm::Rsa2048),
    kind::<Rsa>(Algorithm::Rsa3072),
    kind::<Rsa>(Algorithm::Rsa4096),
    kind::<MlDsa<ml_dsa::MlDsa44>>(Algorithm::MlDsa44),
    kind::<MlDsa<ml_dsa::MlDsa65>>(Algorithm::MlDsa65),
    kind::<MlDsa<ml_dsa::MlDsa87>>(Algorithm::MlDsa87),
    kind::<Ecdh<p256::NistP256>>(Algorithm::EcdhP256),
    kind::<Ecdh<p384::NistP384>>(Algorithm::EcdhP384),
    kind::<Ecdh<p521::NistP521>>(Algorithm::EcdhP521),
    kind::<X25519>(Algorithm::X25519),
    kind::<KemKey<ml_kem::MlKem512>>(Algorithm::MlKem512),
    kind::<KemKey<ml_kem::MlKem768>>(Algorithm::MlKem768),
    kind::<KemKey<ml_kem::MlKem1024>>(Algorithm::MlKem1024),
    kind::<KemKey<x_wing::XWingKem>>(Algorithm::XWing),
    kind::<Hpke<hpke::kem::X25519HkdfSha256>>(Algorithm::HpkeX25519),
    kind::<Hpke<hpke::kem::DhP256HkdfSha256>>(Algorithm::HpkeP256),
    kind::<Hpke<hpke::kem::XWing>>(Algorithm::HpkeXWing),
];

pub(super) const fn kind<F: Family>(algorithm: Algorithm) -> Kind {
    Kind {
        algorithm,
        parse: |algorithm, material, random| Ok(Arc::new(F::parse(algorithm, material, random)?)),
        parse_public: |algorithm, bytes, random| Ok(Arc::new(F::parse_public(algorithm, bytes, random)?)),
        canonical: F::canonical,
        generate: F::generate,
    }
}

impl Kind {
    fn of(algorithm: Algorithm) -> Result<&'static Self, KeyError> {
        KINDS
            .iter()
            .chain(slh_dsa::KINDS)
            .find(|kind| kind.algorithm == algorithm)
            .ok_or(KeyError::Unsupported)
    }

    /// A key that may be kept: its halves belong together.
    fn kept(&self, material: &[u8], random: &Arc<dyn Random>) -> Result<Stored, KeyError> {
        let algorithm = self.algorithm;
        let key = (self.parse)(algorithm, material, random)?;
        let public = key.public().ok_or(KeyError::Invalid)?.clone();
        let half = (self.parse_public)(algorithm, &public.bytes, random)?;
        check(&*key, &*half, || {
            let other = draw(algorithm, &**random)?;
            (self.parse)(algorithm, &other, random)
        })?;
        Ok(Stored { algorithm, secret: stored::secret(algorithm, material), public: Some(public) })
    }
}

/// Whether this build has the keys of an algorithm.
pub(crate) fn supports(algorithm: Algorithm) -> bool {
    Kind::of(algorithm).is_ok()
}

/// A new key, after a check that its halves belong together (pairwise consistency, FIPS 140-3 IG 10.3.A).
pub(crate) fn generate(algorithm: Algorithm, random: &Arc<dyn Random>) -> Result<Stored, KeyError> {
    Kind::of(algorithm)?.kept(&draw(algorithm, &**random)?, random)
}

/// The material of a new key.
pub(super) fn draw(algorithm: Algorithm, random: &dyn Random) -> Result<Material, KeyError> {
    (Kind::of(algorithm)?.generate)(algorithm, random)
}

/// Takes a key over, after the same check.
pub(crate) fn import(
    algorithm: Algorithm,
    material: &[u8],
    random: &Arc<dyn Random>,
) -> Result<Stored, KeyError> {
    let kind = Kind::of(algorithm)?;
    kind.kept(&(kind.canonical)(algorithm, material, random)?, random)
}

/// Takes over a public half alone.
pub(crate) fn import_public(public: &PublicKey, random: &Arc<dyn Random>) -> Result<Stored, KeyError> {
    let key = parse_public(public, random)?;
    let public = key.public().ok_or(KeyError::Invalid)?.clone();
    Ok(Stored { algorithm: public.algorithm, secret: stored::no_secret(), public: Some(public) })
}

/// A key of its material, ready for use.
pub(super) fn parse(
    algorithm: Algorithm,
    material: &[u8],
    random: &Arc<dyn Random>,
) -> Result<Arc<dyn Key>, KeyError> {
    (Kind::of(algorithm)?.parse)(algorithm, material, random)
}

/// A public half, ready for use.
pub(crate) fn parse_public(public: &PublicKey, random: &Arc<dyn Random>) -> Result<Arc<dyn Key>, KeyError> {
    (Kind::of(public.algorithm)?.parse_public)(public.algorithm, &public.bytes, random)
}

/// A key that is ready; of what has no secret, the public half.
pub(crate) fn load(stored: &Stored, random: &Arc<dyn Random>) -> Result<Arc<dyn Key>, KeyError> {
    let key = match &stored.public {
        Some(public) if stored::has_no_secret(stored) && public.algorithm == stored.algorithm => {
            parse_public(public, random)?
        }
        _ => parse(stored.algorithm, stored::material(stored)?, random)?,
    };
    // A public half that is not of this secret: the record was put together wrongly.
    if stored.public.is_some() && stored.public.as_ref() != key.public() {
        return Err(KeyError::Invalid);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use strongroom_core::Cost;

    use super::*;
    use crate::SystemRandom;

    /// As if the arithmetic of public halves went wrong: they are those of another key.
    fn broken(kind: &Kind) -> Kind {
        let parse_public: Parse = |algorithm, _, random| {
            let other = parse(algorithm, &draw(algorithm, &**random)?, random)?;
            super::parse_public(other.public().ok_or(KeyError::Invalid)?, random)
        };
        let Kind { algorithm, parse, parse_public: _, canonical, generate } = *kind;
        Kind { algorithm, parse, parse_public, canonical, generate }
    }

    #[test]
    fn a_key_whose_halves_do_not_fit_is_not_kept() {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        for kind in KINDS.iter().filter(|kind| kind.algorithm.generation() == Cost::Inline) {
            let material = draw(kind.algorithm, &*random).unwrap();
            assert!(kind.kept(&material, &random).is_ok(), "{:?}", kind.algorithm);
            assert!(broken(kind).kept(&material, &random).is_err(), "{:?}", kind.algorithm);
        }
    }
}
