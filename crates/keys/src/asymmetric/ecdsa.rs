use std::sync::Arc;

use ecdsa::{
    EcdsaCurve, Signature,
    elliptic_curve::{
        CurveArithmetic, FieldBytes, FieldBytesSize, NonZeroScalar, ProjectivePoint, PublicKey as Point,
        SecretKey,
        array::typenum::Unsigned as _,
        bigint::BitOps as _,
        sec1::{FromSec1Point, ModulusSize, ToSec1Point},
    },
    hazmat::{sign_prehashed_rfc6979, verify_prehashed},
};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use strongroom_core::{
    Algorithm, Encoding, HashAlgorithm, Key, KeyError, Padding, PublicKey, Random, SignOptions,
};
use zeroize::Zeroizing;

use super::{
    draws::draw,
    kinds::Family,
    options::{Digested, digested},
};

/// How often a scalar is drawn. One that is zero or not less than n is drawn again (rejection sampling, FIPS 186-5,
/// section A.2.2), which happens once in 2^32 draws at most: a source that needs a fourth draw is broken.
const DRAWS: usize = 3;

/// The curves, as SEC1 writes their points.
pub(super) trait SecCurve:
    CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>>
    + ecdsa::elliptic_curve::Curve<FieldBytesSize: ModulusSize>
{
}

impl<C> SecCurve for C where
    C: CurveArithmetic<AffinePoint: FromSec1Point<C> + ToSec1Point<C>>
        + ecdsa::elliptic_curve::Curve<FieldBytesSize: ModulusSize>
{
}

/// Curves for signatures.
pub(super) trait SigningCurve: EcdsaCurve + SecCurve {
    /// The hash that is as strong as the curve.
    const HASH: HashAlgorithm;

    fn to_der(signature: &Signature<Self>) -> Vec<u8>;
    fn from_der(bytes: &[u8]) -> Option<Signature<Self>>;
}

macro_rules! signing_curve {
    ($curve:ty, $hash:ident) => {
        impl SigningCurve for $curve {
            const HASH: HashAlgorithm = HashAlgorithm::$hash;

            fn to_der(signature: &Signature<Self>) -> Vec<u8> {
                signature.to_der().as_bytes().to_vec()
            }

            fn from_der(bytes: &[u8]) -> Option<Signature<Self>> {
                Signature::from_der(bytes).ok()
            }
        }
    };
}

signing_curve!(p256::NistP256, Sha256);
signing_curve!(p384::NistP384, Sha384);
signing_curve!(p521::NistP521, Sha512);
signing_curve!(k256::Secp256k1, Sha256);

/// FIPS 186-5, section 6, with the deterministic k of RFC 6979 by the hash of the message.
pub(super) struct Ecdsa<C: SigningCurve> {
    secret: SecretKey<C>,
    half: EcdsaPublic<C>,
}

pub(super) struct EcdsaPublic<C: SigningCurve> {
    point: ProjectivePoint<C>,
    public: PublicKey,
}

impl<C: SigningCurve> EcdsaPublic<C> {
    fn new(algorithm: Algorithm, point: &Point<C>) -> Self {
        Self { point: point.to_projective(), public: PublicKey { algorithm, bytes: point_bytes(point) } }
    }
}

/// The secret scalar: 0 < d < n, as long as n, big-endian.
pub(super) fn parse_scalar<C: SecCurve>(material: &[u8]) -> Result<SecretKey<C>, KeyError> {
    let bytes = <&FieldBytes<C>>::try_from(material).map_err(|_| KeyError::Invalid)?;
    let scalar = NonZeroScalar::<C>::from_repr(*bytes).into_option().ok_or(KeyError::Invalid)?;
    Ok(SecretKey::from(scalar))
}

/// A point that is not compressed, on the curve and not at infinity (SEC 1, section 2.3.4): 0x04 ‖ x ‖ y.
pub(super) fn parse_point<C: SecCurve>(bytes: &[u8]) -> Result<Point<C>, KeyError> {
    if bytes.first() != Some(&4) {
        return Err(KeyError::Invalid);
    }
    Point::from_sec1_bytes(bytes).map_err(|_| KeyError::Invalid)
}

pub(super) fn point_bytes<C: SecCurve>(point: &Point<C>) -> Vec<u8> {
    point.to_sec1_point(false).as_bytes().to_vec()
}

pub(super) fn draw_scalar<C: SecCurve>(random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let length = FieldBytesSize::<C>::USIZE;
    let used = C::ORDER.bit_width() as usize % 8;
    for _ in 0..DRAWS {
        let mut bytes = draw(random, length)?;
        if let Some(first) = bytes.first_mut().filter(|_| used > 0) {
            *first &= 0xff >> (8 - used);
        }
        if parse_scalar::<C>(&bytes).is_ok() {
            return Ok(bytes);
        }
    }
    Err(KeyError::Random)
}

impl<C: SigningCurve> Family for Ecdsa<C> {
    type Public = EcdsaPublic<C>;

    fn parse(algorithm: Algorithm, scalar: &[u8], _: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let secret = parse_scalar::<C>(scalar)?;
        Ok(Self { half: EcdsaPublic::new(algorithm, &secret.public_key()), secret })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        _: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError> {
        Ok(EcdsaPublic::new(algorithm, &parse_point(bytes)?))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw_scalar::<C>(random)
    }
}

impl<C: SigningCurve> Key for Ecdsa<C> {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        let Digested { hash, bytes } = checked::<C>(message, options)?;
        let scalar = self.secret.to_nonzero_scalar();
        let (signature, _) = match hash {
            HashAlgorithm::Sha224 => sign_prehashed_rfc6979::<C, Sha224>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha256 => sign_prehashed_rfc6979::<C, Sha256>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha384 => sign_prehashed_rfc6979::<C, Sha384>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha512 => sign_prehashed_rfc6979::<C, Sha512>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha3_224 => sign_prehashed_rfc6979::<C, Sha3_224>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha3_256 => sign_prehashed_rfc6979::<C, Sha3_256>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha3_384 => sign_prehashed_rfc6979::<C, Sha3_384>(&scalar, &bytes, &[]),
            HashAlgorithm::Sha3_512 => sign_prehashed_rfc6979::<C, Sha3_512>(&scalar, &bytes, &[]),
        };
        Ok(match options.encoding {
            Encoding::Fixed => signature.to_bytes().to_vec(),
            Encoding::Der => C::to_der(&signature),
        })
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.half.verify(message, signature, options)
    }
}

impl<C: SigningCurve> Key for EcdsaPublic<C> {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        let digest = checked::<C>(message, options)?;
        let Some(signature) = decode::<C>(signature, options.encoding) else {
            return Ok(false);
        };
        // A signature counts with either value of s (FIPS 186-5, section 6.4.2); the verifier for secp256k1 takes
        // the lower one only.
        let signature = if C::NORMALIZE_S { signature.normalize_s() } else { signature };
        Ok(verify_prehashed(&self.point, &digest.bytes, &signature).is_ok())
    }
}

fn checked<'a, C: SigningCurve>(input: &'a [u8], options: &SignOptions) -> Result<Digested<'a>, KeyError> {
    if options.padding != Padding::default() {
        return Err(KeyError::Unsupported);
    }
    digested(input, options, C::HASH)
}

fn decode<C: SigningCurve>(signature: &[u8], encoding: Encoding) -> Option<Signature<C>> {
    match encoding {
        Encoding::Fixed => Signature::from_slice(signature).ok(),
        // DER gives a value one encoding (X.690, section 10): what does not come back the same was not DER.
        Encoding::Der => C::from_der(signature).filter(|parsed| C::to_der(parsed) == signature),
    }
}
