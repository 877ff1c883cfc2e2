use std::sync::Arc;

use strongroom_core::{Action, HashAlgorithm, Key, Name, Provider, Purpose};

use crate::{Code, KmsError, Rings, loaded::Loaded};

/// What a key of HMAC is derived for, beside the ring's id.
const INFO: &[u8] = b"strongroom kms hmac";

/// HMAC with a hash that is asked for. A ring of HMAC computes with its own hash and no other. Every version of any other ring
/// has beside its key one of HMAC for each hash: HKDF-SHA-256 (RFC 5869) of the secret as it is stored, with the ring's id
/// as salt and the hash and the version in `info`.
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
        self.with_ring(Action::Mac, name, |ring| {
            if is_own(ring, hash)? {
                let made =
                    ring.make(self.provider(), Purpose::Mac, version, |key| key.compute_mac(message))?;
                return Ok(Code { version: made.0, bytes: made.1.to_vec() });
            }
            let version = ring.sealing(version)?;
            let key = beside(self.provider(), ring, version, hash)?;
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
        self.with_ring(Action::VerifyMac, name, |ring| {
            let verify = |key: &dyn Key| key.verify_mac(message, &code.bytes);
            if is_own(ring, hash)? {
                return ring.look(self.provider(), Purpose::Mac, code.version, verify);
            }
            ring.allows_opening(code.version)?;
            Ok(verify(&*beside(self.provider(), ring, code.version, hash)?)?)
        })
    }
}

/// Whether the ring's own keys compute HMAC with this hash, or have others beside them for it.
fn is_own(ring: &Loaded, hash: HashAlgorithm) -> Result<bool, KmsError> {
    let algorithm = ring.view.algorithm;
    match algorithm.purpose() {
        Purpose::Mac if algorithm == hash.hmac() => Ok(true),
        Purpose::Mac if HashAlgorithm::ALL.iter().any(|hash| hash.hmac() == algorithm) => {
            Err(KmsError::Invalid("a key of HMAC has one hash: for another one, make a key of its type"))
        }
        Purpose::Mac => Err(KmsError::WrongType),
        _ => Ok(false),
    }
}

/// The key of HMAC that a version has beside its own.
fn beside(
    provider: &dyn Provider,
    ring: &Loaded,
    version: u32,
    hash: HashAlgorithm,
) -> Result<Arc<dyn Key>, KmsError> {
    let algorithm = hash.hmac();
    let info = [INFO, &[algorithm.number()], &version.to_be_bytes()].concat();
    let secret = provider.hkdf(ring.stored(version)?.expose(), &ring.view.id, &info);
    let software = provider.software();
    Ok(software.load(&software.import(algorithm, &*secret)?)?)
}
