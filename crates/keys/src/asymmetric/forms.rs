use p256::pkcs8::{ObjectIdentifier, der::AnyRef, spki::AlgorithmIdentifierRef};
use strongroom_core::Algorithm;

use crate::ImportError;

/// How keys of an algorithm stand in PKCS#8 and SubjectPublicKeyInfo.
pub(super) struct Form {
    algorithm: Algorithm,
    oid: ObjectIdentifier,
    parameters: Parameters,
    pub(super) inner: Inner,
}

enum Parameters {
    Absent,
    /// RFC 3279, section 2.3.1.
    Null,
    /// A named curve: RFC 5480, section 2.1.1.
    Curve(ObjectIdentifier),
}

/// What is inside the private key's octet string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
    /// `CurvePrivateKey`, one more octet string (RFC 8410, section 7).
    OctetString,
    /// `RSAPrivateKey` (RFC 8017, appendix A.1.2).
    Pkcs1,
    /// The secrets and the public key one after the other (RFC 9909, section 6).
    Raw,
    /// The seed, as `[0]`, or with the expanded key (RFC 9881, section 6; RFC 9935, section 6).
    Seed,
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const P256: Parameters = Parameters::Curve(oid("1.2.840.10045.3.1.7"));
const P384: Parameters = Parameters::Curve(oid("1.3.132.0.34"));
const P521: Parameters = Parameters::Curve(oid("1.3.132.0.35"));
const SECP256K1: Parameters = Parameters::Curve(oid("1.3.132.0.10"));
const X25519: ObjectIdentifier = oid("1.3.101.110");
const ED25519: ObjectIdentifier = oid("1.3.101.112");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");

const FORMS: [Form; 29] = [
    curve(Algorithm::EcdsaP256, P256),
    curve(Algorithm::EcdsaP384, P384),
    curve(Algorithm::EcdsaP521, P521),
    curve(Algorithm::EcdsaSecp256k1, SECP256K1),
    curve(Algorithm::EcdhP256, P256),
    curve(Algorithm::EcdhP384, P384),
    curve(Algorithm::EcdhP521, P521),
    curve(Algorithm::HpkeP256, P256),
    form(Algorithm::Ed25519, ED25519, Parameters::Absent, Inner::OctetString),
    form(Algorithm::X25519, X25519, Parameters::Absent, Inner::OctetString),
    form(Algorithm::HpkeX25519, X25519, Parameters::Absent, Inner::OctetString),
    form(Algorithm::Rsa2048, RSA, Parameters::Null, Inner::Pkcs1),
    form(Algorithm::Rsa3072, RSA, Parameters::Null, Inner::Pkcs1),
    form(Algorithm::Rsa4096, RSA, Parameters::Null, Inner::Pkcs1),
    seeded(Algorithm::MlDsa44, "2.16.840.1.101.3.4.3.17"),
    seeded(Algorithm::MlDsa65, "2.16.840.1.101.3.4.3.18"),
    seeded(Algorithm::MlDsa87, "2.16.840.1.101.3.4.3.19"),
    seeded(Algorithm::MlKem512, "2.16.840.1.101.3.4.4.1"),
    seeded(Algorithm::MlKem768, "2.16.840.1.101.3.4.4.2"),
    seeded(Algorithm::MlKem1024, "2.16.840.1.101.3.4.4.3"),
    raw(Algorithm::SlhDsaSha2_128s, "2.16.840.1.101.3.4.3.20"),
    raw(Algorithm::SlhDsaSha2_128f, "2.16.840.1.101.3.4.3.21"),
    raw(Algorithm::SlhDsaSha2_192s, "2.16.840.1.101.3.4.3.22"),
    raw(Algorithm::SlhDsaSha2_192f, "2.16.840.1.101.3.4.3.23"),
    raw(Algorithm::SlhDsaSha2_256s, "2.16.840.1.101.3.4.3.24"),
    raw(Algorithm::SlhDsaSha2_256f, "2.16.840.1.101.3.4.3.25"),
    raw(Algorithm::SlhDsaShake128f, "2.16.840.1.101.3.4.3.27"),
    raw(Algorithm::SlhDsaShake192f, "2.16.840.1.101.3.4.3.29"),
    raw(Algorithm::SlhDsaShake256f, "2.16.840.1.101.3.4.3.31"),
];

const fn form(algorithm: Algorithm, oid: ObjectIdentifier, parameters: Parameters, inner: Inner) -> Form {
    Form { algorithm, oid, parameters, inner }
}

const fn curve(algorithm: Algorithm, curve: Parameters) -> Form {
    form(algorithm, EC, curve, Inner::Sec1)
}

const fn seeded(algorithm: Algorithm, text: &str) -> Form {
    form(algorithm, oid(text), Parameters::Absent, Inner::Seed)
}

const fn raw(algorithm: Algorithm, text: &str) -> Form {
    form(algorithm, oid(text), Parameters::Absent, Inner::Raw)
}

impl Form {
    /// [`ImportError::OnlyRaw`] for keys that have no form of these.
    pub(super) fn of(algorithm: Algorithm) -> Result<&'static Self, ImportError> {
        FORMS.iter().find(|form| form.algorithm == algorithm).ok_or(ImportError::OnlyRaw)
    }

    pub(super) fn identifier(&self) -> AlgorithmIdentifierRef<'_> {
        let parameters = match &self.parameters {
            Parameters::Absent => None,
            Parameters::Null => Some(AnyRef::NULL),
            Parameters::Curve(curve) => Some(curve.into()),
        };
        AlgorithmIdentifierRef { oid: self.oid, parameters }
    }

    /// Whether a document is of this algorithm, with its parameters.
    pub(super) fn is(&self, found: &AlgorithmIdentifierRef<'_>) -> Result<(), ImportError> {
        if *found == self.identifier() { Ok(()) } else { Err(ImportError::OtherType) }
    }

    /// The curve, of which a document may speak once more.
    pub(super) fn curve(&self) -> Option<ObjectIdentifier> {
        match self.parameters {
            Parameters::Curve(curve) => Some(curve),
            _ => None,
        }
    }
}
