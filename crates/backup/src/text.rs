//! How 32 bytes are written down: a prefix that says what they are, then base32 (RFC 4648, section 6; lower case,
//! no padding) of the bytes and a check of 8. 40 bytes are 64 digits without a bit left over, so a key has one
//! spelling. The alphabet has no 0, 1 and 8.

use base32ct::{Base32Unpadded, Encoding};
use strongroom_keys::Hash;
use zeroize::Zeroizing;

const BYTES: usize = 32;
const CHECK: usize = 8;
const DIGITS: usize = (BYTES + CHECK) * 8 / 5;

/// A text is not a key of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Not the prefix or the length of such a key.
    #[error("not such a key: enter the whole text, with its prefix")]
    Malformed,
    /// Its check does not fit.
    #[error("the key is damaged: check it for a typing error")]
    Damaged,
    /// The check fits, but no key has these bytes.
    #[error("these bytes are no key of this kind")]
    Unusable,
}

pub(crate) fn encode(prefix: &str, bytes: &[u8; BYTES]) -> Zeroizing<String> {
    let mut checked = Zeroizing::new([0; BYTES + CHECK]);
    for (to, from) in checked.iter_mut().zip(bytes.iter().copied().chain(check(prefix, bytes))) {
        *to = from;
    }
    let mut digits = Zeroizing::new([0; DIGITS]);
    // The lengths are constants that fit, so the encoding does not fail.
    let digits = Base32Unpadded::encode(checked.as_slice(), digits.as_mut_slice()).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + DIGITS));
    text.push_str(prefix);
    text.push_str(digits);
    text
}

pub(crate) fn decode(prefix: &str, text: &str) -> Result<Zeroizing<[u8; BYTES]>, KeyTextError> {
    let digits = text.strip_prefix(prefix).ok_or(KeyTextError::Malformed)?;
    if digits.len() != DIGITS {
        return Err(KeyTextError::Malformed);
    }
    let mut checked = Zeroizing::new([0; BYTES + CHECK]);
    Base32Unpadded::decode(digits, checked.as_mut_slice()).map_err(|_| KeyTextError::Damaged)?;
    let (bytes, sum) = checked.split_first_chunk::<BYTES>().ok_or(KeyTextError::Malformed)?;
    if sum != check(prefix, bytes) {
        return Err(KeyTextError::Damaged);
    }
    Ok(Zeroizing::new(*bytes))
}

/// The first bytes of SHA-256 over the prefix and the bytes. A check of 256 random bits tells nothing about them.
fn check(prefix: &str, bytes: &[u8; BYTES]) -> [u8; CHECK] {
    let message = Zeroizing::new([prefix.as_bytes(), bytes].concat());
    Hash::Sha256.digest(&message).first_chunk().copied().unwrap_or_default()
}
