//! FIPS 205. A build has it with the feature `slh-dsa`.

use std::sync::Arc;

use slh_dsa::{
    ParameterSet, Signature, SigningKey, VerifyingKey,
    signature::{Keypair as _, Verifier as _},
};
use strongroom_core::{Algorithm, Cost, Key, KeyError, PublicKey, Random, SignOptions};
use zeroize::Zeroizing;

use super::{
    draws::draw,
    kinds::{Family, Kind, kind},
    options::only_message,
};

pub(super) const KINDS: &[Kind] = &[
    kind::<SlhDsa<slh_dsa::Sha2_128s>>(Algorithm::SlhDsaSha2_128s),
    kind::<SlhDsa<slh_dsa::Sha2_128f>>(Algorithm::SlhDsaSha2_128f),
    kind::<SlhDsa<slh_dsa::Sha2_192s>>(Algorithm::SlhDsaSha2_192s),
    kind::<SlhDsa<slh_dsa::Sha2_192f>>(Algorithm::SlhDsaSha2_192f),
    kind::<SlhDsa<slh_dsa::Sha2_256s>>(Algorithm::SlhDsaSha2_256s),
    kind::<SlhDsa<slh_dsa::Sha2_256f>>(Algorithm::SlhDsaSha2_256f),
    kind::<SlhDsa<slh_dsa::Shake128f>>(Algorithm::SlhDsaShake128f),
    kind::<SlhDsa<slh_dsa::Shake192f>>(Algorithm::SlhDsaShake192f),
    kind::<SlhDsa<slh_dsa::Shake256f>>(Algorithm::SlhDsaShake256f),
];

/// Pure, with an empty context. Hedged unless the options say otherwise.
pub(super) struct SlhDsa<P: ParameterSet> {
    signing: SigningKey<P>,
    half: SlhDsaPublic<P>,
    random: Arc<dyn Random>,
}

pub(super) struct SlhDsaPublic<P: ParameterSet> {
    verifying: VerifyingKey<P>,
    public: PublicKey,
}

/// The n of FIPS 205, table 2: how long each of SK.seed, SK.prf, PK.seed and PK.root is.
const fn n(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::SlhDsaSha2_128s | Algorithm::SlhDsaSha2_128f | Algorithm::SlhDsaShake128f => 16,
        Algorithm::SlhDsaSha2_192s | Algorithm::SlhDsaSha2_192f | Algorithm::SlhDsaShake192f => 24,
        _ => 32,
    }
}

/// The key of SK.seed ‖ SK.prf ‖ PK.seed, each of n bytes, with the root that follows from them.
fn grown<P: ParameterSet>(algorithm: Algorithm, seeds: &[u8]) -> Result<SigningKey<P>, KeyError> {
    let n = n(algorithm);
    // The library takes parts of this length alone.
    let [secret, prf, public] = [0, 1, 2].map(|part| seeds.get(part * n..(part + 1) * n));
    match (secret, prf, public) {
        (Some(secret), Some(prf), Some(public)) => Ok(SigningKey::slh_keygen_internal(secret, prf, public)),
        _ => Err(KeyError::Invalid),
    }
}

fn written<P: ParameterSet>(signing: &SigningKey<P>) -> Zeroizing<Vec<u8>> {
    let bytes = Zeroizing::new(signing.to_bytes());
    Zeroizing::new(bytes.to_vec())
}

impl<P: ParameterSet> SlhDsaPublic<P> {
    fn new(algorithm: Algorithm, verifying: VerifyingKey<P>) -> Self {
        let bytes = verifying.to_vec();
        Self { verifying, public: PublicKey { algorithm, bytes } }
    }
}

impl<P: ParameterSet + Send + Sync + 'static> Family for SlhDsa<P> {
    type Public = SlhDsaPublic<P>;

    /// The root is computed again: under one that is not of these seeds, or of another set, signatures would give the
    /// secrets away.
    fn parse(algorithm: Algorithm, material: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        if material.len() != 4 * n(algorithm) {
            return Err(KeyError::Invalid);
        }
        let signing = grown::<P>(algorithm, material)?;
        let half = SlhDsaPublic::new(algorithm, signing.verifying_key());
        if !material.ends_with(&half.public.bytes) {
            return Err(KeyError::Invalid);
        }
        Ok(Self { signing, half, random: random.clone() })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        _: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError> {
        let verifying = VerifyingKey::try_from(bytes).map_err(|_| KeyError::Invalid)?;
        Ok(SlhDsaPublic::new(algorithm, verifying))
    }

    fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let seeds = draw(random, 3 * n(algorithm))?;
        Ok(written(&grown::<P>(algorithm, &seeds)?))
    }
}

impl<P: ParameterSet + Send + Sync + 'static> Key for SlhDsa<P> {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn cost(&self) -> Cost {
        Cost::Slow
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        only_message(options)?;
        let fresh = match options.deterministic {
            true => None,
            false => Some(draw(&*self.random, n(self.algorithm()))?),
        };
        let fresh = fresh.as_ref().map(|fresh| fresh.as_slice());
        let signature = self.signing.try_sign_with_context(message, b"", fresh);
        Ok(signature.map_err(|_| KeyError::Failed)?.to_vec())
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.half.verify(message, signature, options)
    }
}

impl<P: ParameterSet + Send + Sync + 'static> Key for SlhDsaPublic<P> {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        only_message(options)?;
        Ok(Signature::<P>::try_from(signature)
            .is_ok_and(|signature| self.verifying.verify(message, &signature).is_ok()))
    }
}
