use std::sync::Arc;

use ml_dsa::{
    EncodedVerifyingKey, MlDsaParams, Seed, Signature, SigningKey, VerifyingKey,
    signature::{Keypair as _, Signer as _, Verifier as _},
};
use strongroom_core::{Algorithm, Key, KeyError, PublicKey, Random, SignOptions};
use zeroize::Zeroizing;

use super::{
    draws::{Draws, draw},
    kinds::Family,
    options::only_message,
};

const SEED: usize = 32;

/// FIPS 204, pure, with an empty context. Hedged unless the options say otherwise.
pub(super) struct MlDsa<P: MlDsaParams> {
    signing: SigningKey<P>,
    half: MlDsaPublic<P>,
    random: Arc<dyn Random>,
}

pub(super) struct MlDsaPublic<P: MlDsaParams> {
    verifying: VerifyingKey<P>,
    public: PublicKey,
}

impl<P: MlDsaParams> MlDsaPublic<P> {
    fn new(algorithm: Algorithm, verifying: VerifyingKey<P>) -> Self {
        let bytes = verifying.encode().to_vec();
        Self { verifying, public: PublicKey { algorithm, bytes } }
    }
}

impl<P: MlDsaParams + Send + Sync + 'static> Family for MlDsa<P> {
    type Public = MlDsaPublic<P>;

    fn parse(algorithm: Algorithm, seed: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let seed = <&Seed>::try_from(seed).map_err(|_| KeyError::Invalid)?;
        let signing = SigningKey::<P>::from_seed(seed);
        let half = MlDsaPublic::new(algorithm, signing.verifying_key());
        Ok(Self { signing, half, random: random.clone() })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        _: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError> {
        let encoded = <&EncodedVerifyingKey<P>>::try_from(bytes).map_err(|_| KeyError::Invalid)?;
        Ok(MlDsaPublic::new(algorithm, VerifyingKey::decode(encoded)))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw(random, SEED)
    }
}

impl<P: MlDsaParams + Send + Sync + 'static> Key for MlDsa<P> {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        only_message(options)?;
        let signature = if options.deterministic {
            self.signing.try_sign(message).map_err(|_| KeyError::Failed)?
        } else {
            let expanded = self.signing.expanded_key();
            // The message is short of nothing that could fail: only the source of randomness can.
            expanded.sign_randomized(message, b"", &mut Draws(&*self.random)).map_err(|_| KeyError::Random)?
        };
        Ok(signature.encode().to_vec())
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.half.verify(message, signature, options)
    }
}

impl<P: MlDsaParams + Send + Sync + 'static> Key for MlDsaPublic<P> {
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
