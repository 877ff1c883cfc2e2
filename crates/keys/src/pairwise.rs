use strongroom_core::{Key, KeyError, Purpose};

const MESSAGE: &[u8] = b"a key that was just made";

/// Uses a new key in both directions, before anybody relies on it: what it seals it opens, what it signs it verifies (the
/// pairwise consistency test of FIPS 140-3, section 10.3.A, which asks for it only for pairs).
pub(crate) fn check(key: &dyn Key) -> Result<(), KeyError> {
    let consistent = match key.algorithm().purpose() {
        Purpose::Envelope => {
            let mac = key.mac().ok_or(KeyError::Failed)?;
            let [first, second] = mac.mac_two([MESSAGE, b""])?;
            first == mac.mac(&[MESSAGE])? && first != second
        }
        Purpose::Aead => {
            let mut sealed = Vec::new();
            key.encrypt(b"", MESSAGE, &mut sealed)?;
            *key.decrypt(b"", &sealed)? == MESSAGE
        }
        Purpose::Mac => {
            let code = key.compute_mac(MESSAGE)?;
            key.verify_mac(MESSAGE, &code)? && !key.verify_mac(b"", &code)?
        }
        Purpose::Derive => {
            let derived = key.derive(b"check", MESSAGE, 32)?;
            derived == key.derive(b"check", MESSAGE, 32)? && derived != key.derive(b"check", b"", 32)?
        }
        _ => false,
    };
    if consistent { Ok(()) } else { Err(KeyError::Failed) }
}
