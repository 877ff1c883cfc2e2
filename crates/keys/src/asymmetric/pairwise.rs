use std::sync::Arc;

use strongroom_core::{Algorithm, Key, KeyError, OaepHash, Purpose, SealOptions, SignOptions};

const MESSAGE: &[u8] = b"pairwise consistency";

/// Whether a key and its public half belong together, by using both. `another` makes one more key, where it takes two.
///
/// # Errors
/// [`KeyError::Invalid`] if not.
pub(super) fn check(
    key: &dyn Key,
    half: &dyn Key,
    another: impl FnOnce() -> Result<Arc<dyn Key>, KeyError>,
) -> Result<(), KeyError> {
    let fits = match key.algorithm().purpose() {
        Purpose::Sign => signs(key, half)?,
        Purpose::SignAndOpen => signs(key, half)? && opens(key, half)?,
        Purpose::Open => opens(key, half)?,
        Purpose::Agree => agrees(key, half, &*another()?)?,
        Purpose::Decapsulate => {
            let made = half.encapsulate()?;
            *key.decapsulate(&made.ciphertext)? == *made.secret
        }
        _ => return Err(KeyError::Unsupported),
    };
    if fits { Ok(()) } else { Err(KeyError::Invalid) }
}

fn signs(key: &dyn Key, half: &dyn Key) -> Result<bool, KeyError> {
    let options = SignOptions::default();
    half.verify(MESSAGE, &key.sign(MESSAGE, &options)?, &options)
}

fn opens(key: &dyn Key, half: &dyn Key) -> Result<bool, KeyError> {
    let options = match key.algorithm() {
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" }
        }
        _ => SealOptions::Hpke { info: b"", aad: b"" },
    };
    Ok(*key.open(&half.seal(MESSAGE, &options)?, &options)? == *MESSAGE)
}

fn agrees(key: &dyn Key, half: &dyn Key, another: &dyn Key) -> Result<bool, KeyError> {
    let public = |key: &dyn Key| key.public().map(|public| public.bytes.clone()).ok_or(KeyError::Invalid);
    Ok(*key.agree(&public(another)?)? == *another.agree(&public(half)?)?)
}
