use std::sync::Arc;

use p256::elliptic_curve::{PublicKey as Point, SecretKey, ecdh::diffie_hellman};
use strongroom_core::{Algorithm, Key, KeyError, PublicKey, Random};
use zeroize::Zeroizing;

use super::{
    ecdsa::{SecCurve, draw_scalar, parse_point, parse_scalar, point_bytes},
    kinds::Family,
};

/// SP 800-56A revision 3, section 5.7.1.2: the shared secret is x of d·Q, as long as the field.
pub(super) struct Ecdh<C: SecCurve> {
    secret: SecretKey<C>,
    half: EcdhPublic,
}

/// A point that others agree with: it does nothing of itself.
pub(super) struct EcdhPublic(PublicKey);

impl EcdhPublic {
    fn new<C: SecCurve>(algorithm: Algorithm, point: &Point<C>) -> Self {
        Self(PublicKey { algorithm, bytes: point_bytes(point) })
    }
}

impl<C: SecCurve> Family for Ecdh<C> {
    type Public = EcdhPublic;

    fn parse(algorithm: Algorithm, scalar: &[u8], _: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let secret = parse_scalar::<C>(scalar)?;
        Ok(Self { half: EcdhPublic::new(algorithm, &secret.public_key()), secret })
    }

    fn parse_public(algorithm: Algorithm, bytes: &[u8], _: &Arc<dyn Random>) -> Result<EcdhPublic, KeyError> {
        Ok(EcdhPublic::new::<C>(algorithm, &parse_point(bytes)?))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw_scalar::<C>(random)
    }
}

impl<C: SecCurve> Key for Ecdh<C> {
    fn algorithm(&self) -> Algorithm {
        self.half.0.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    /// The point is checked to be on the curve, and these curves have no other subgroup: the secret is never that
    /// of the point at infinity.
    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let point: Point<C> = parse_point(peer).map_err(|_| KeyError::Failed)?;
        let shared = diffie_hellman(self.secret.to_nonzero_scalar(), point.as_affine());
        Ok(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
    }
}

impl Key for EcdhPublic {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.0)
    }
}
