//! A backup's key for one recipient: HPKE (RFC 9180) in base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! AES-256-GCM, with a label as info and the link of all that precedes as aad.

use hpke::{
    Deserializable, Kem as KemTrait, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256,
    kem::X25519HkdfSha256, setup_receiver, single_shot_open, single_shot_seal_with_rng,
};
use strongroom_core::{KeyError, Provider};
use strongroom_keys::SecretRng;
use zeroize::Zeroizing;

use crate::{Recipient, RecoveryKey};

pub(crate) type Kem = X25519HkdfSha256;
pub(crate) type PrivateKey = <Kem as KemTrait>::PrivateKey;
type EncappedKey = <Kem as KemTrait>::EncappedKey;

/// The key of one backup.
pub(crate) type FileKey = Zeroizing<[u8; 32]>;

/// enc (32) ‖ ciphertext (32) ‖ tag (16).
pub(crate) const WRAPPED: usize = ENC + 32 + 16;
const ENC: usize = 32;

const INFO: &[u8] = b"strongroom/v1/backup/key";

pub(crate) fn seal(
    provider: &dyn Provider,
    recipient: &Recipient,
    aad: &[u8; 32],
    key: &FileKey,
) -> Result<Vec<u8>, KeyError> {
    let public =
        <Kem as KemTrait>::PublicKey::from_bytes(recipient.as_bytes()).map_err(|_| KeyError::Invalid)?;
    let mut rng = SecretRng::new(provider.random());
    let sealed = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        INFO,
        key.as_slice(),
        aad,
        &mut rng,
    );
    if rng.failed() {
        return Err(KeyError::Random);
    }
    let (encapped, sealed) = sealed.map_err(|_| KeyError::Failed)?;
    Ok([encapped.to_bytes().as_slice(), &sealed].concat())
}

/// None for everything that does not open.
pub(crate) fn open(key: &RecoveryKey, aad: &[u8; 32], wrapped: &[u8]) -> Option<FileKey> {
    let (encapped, sealed) = wrapped.split_first_chunk::<ENC>()?;
    let encapped = EncappedKey::from_bytes(encapped).ok()?;
    let opened = single_shot_open::<AesGcm256, HkdfSha256, Kem>(
        &OpModeR::Base,
        &key.private()?,
        &encapped,
        INFO,
        sealed,
        aad,
    );
    let opened = Zeroizing::new(opened.ok()?);
    opened.as_slice().try_into().map(Zeroizing::new).ok()
}

/// Whether a shared secret with this point depends on the other side's key. "Recipients MUST check whether the DH
/// result is the all-zero value" (RFC 9180, section 7.1.4): it is for every key, or for none.
pub(crate) fn is_usable(public: &[u8; 32]) -> bool {
    let Ok(private) = PrivateKey::from_bytes(&[0x40; 32]) else { return false };
    let Ok(point) = EncappedKey::from_bytes(public) else { return false };
    setup_receiver::<AesGcm256, HkdfSha256, Kem>(&OpModeR::Base, &private, &point, INFO).is_ok()
}
