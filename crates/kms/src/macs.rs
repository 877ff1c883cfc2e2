use std::sync::Arc;

use secrecy::ExposeSecret;
use strongroom_core::{Action, HashAlgorithm, Key, KeyError, Name, Provider, Purpose, Time};

use crate::{Code, KmsError, Operation, Rings, loaded::Loaded, states::KeyUse};

/// What a key of HMAC is derived for, beside the ring's id.
const INFO: &[u8] = b"strongroom kms hmac";

/// There are no keys of HMAC with SHA-512/256.
const NO_HMAC: KmsError = KmsError::Invalid("there are no keys of HMAC with this hash: choose another one");

/// HMAC with a hash that is asked for. A ring of HMAC computes with its own hash and no other. Every version of any other ring
/// has beside its key one of HMAC for each hash: HKDF-SHA-256 (RFC 5869) of the secret, in the form
/// that [`KeyBackend::import`](strongroom_core::KeyBackend::import) takes, with the ring's id as salt and the hash and the version in `info`.
impl Rings {
    /// The code of a message, by the newest version or one that the ring's `min_encryption_version` allows.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::WrongType`] for a ring of CMAC, and [`KmsError::Invalid`] for another hash than
    /// that of a ring of HMAC.
    pub fn mac_with(
        &self,
        name: &Name,
        version: Option<u32>,
        hash: HashAlgorithm,
        message: &[u8],
    ) -> Result<Code, KmsError> {
        let provider = self.provider();
        self.with_ring(Action::Mac, name, |ring| {
            if is_own(ring, hash)? {
                let how = (Operation::Mac, Purpose::Mac);
                let (version, code) =
                    ring.make(provider, how, None, version, |key| key.compute_mac(message))?;
                return Ok(Code { version, bytes: code.to_vec() });
            }
            let now = ring.admit(Operation::Mac, None)?;
            let version = ring.protecting(version, now)?;
            let key = beside(provider, ring, (version, KeyUse::Protect), now, hash)?;
            Ok(Code { version, bytes: key.compute_mac(message)?.to_vec() })
        })
    }

    /// Whether a code is this ring's for this message and this hash; a truncated one is not.
    ///
    /// # Errors
    /// As for [`Rings::mac_with`]; a wrong code is `Ok(false)`.
    pub fn verify_mac_with(
        &self,
        name: &Name,
        hash: HashAlgorithm,
        message: &[u8],
        code: &Code,
    ) -> Result<bool, KmsError> {
        let provider = self.provider();
        self.with_ring(Action::VerifyMac, name, |ring| {
            let verify = |key: &dyn Key| key.verify_mac(message, &code.bytes);
            if is_own(ring, hash)? {
                let how = (Operation::VerifyMac, Purpose::Mac);
                return ring.look(provider, how, None, code.version, verify);
            }
            let now = ring.admit(Operation::VerifyMac, None)?;
            if code.version < ring.view.min_decryption_version {
                return Err(KmsError::TooOld);
            }
            let key = beside(provider, ring, (code.version, KeyUse::Process), now, hash)?;
            Ok(verify(&*key)?)
        })
    }
}

/// Whether the ring's own keys compute HMAC with this hash, or have others beside them for it.
fn is_own(ring: &Loaded, hash: HashAlgorithm) -> Result<bool, KmsError> {
    let algorithm = ring.view.algorithm;
    match algorithm.purpose() {
        Purpose::Mac if hash.hmac() == Some(algorithm) => Ok(true),
        Purpose::Mac if HashAlgorithm::ALL.iter().any(|hash| hash.hmac() == Some(algorithm)) => {
            Err(KmsError::Invalid("a key of HMAC has one hash: for another one, make a key of its type"))
        }
        Purpose::Mac => Err(KmsError::WrongType),
        _ => Ok(false),
    }
}

/// The key of HMAC that a version has beside its own. There is none where only the public half is here.
fn beside(
    provider: &dyn Provider,
    ring: &Loaded,
    (version, what): (u32, KeyUse),
    now: Time,
    hash: HashAlgorithm,
) -> Result<Arc<dyn Key>, KmsError> {
    let (software, algorithm) = (provider.software(), hash.hmac().ok_or(NO_HMAC)?);
    let info = [INFO, &[algorithm.number()], &version.to_be_bytes()].concat();
    let secret = ring.with_stored(version, what, now, |stored| match software.export(stored) {
        Ok(material) => Ok(provider.hkdf(material.expose_secret(), &ring.view.id, &info)),
        Err(KeyError::Unsupported) => Err(KmsError::NoSecret),
        Err(error) => Err(error.into()),
    })?;
    Ok(software.load(&software.import(algorithm, &*secret)?)?)
}
