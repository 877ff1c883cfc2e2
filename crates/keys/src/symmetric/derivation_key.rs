use std::sync::Arc;

use strongroom_core::{Algorithm, Key, KeyError, MAX_DERIVED, Random};
use zeroize::Zeroizing;

use super::{Made, mac_key::MacKey};
use crate::{kbkdf, mac::HmacSha256};

/// A key that serves nothing but deriving others.
pub(super) struct DerivationKey(MacKey<HmacSha256>);

impl DerivationKey {
    pub(super) fn expand(algorithm: Algorithm, key: &[u8], _: &Arc<dyn Random>) -> Made {
        Ok(Arc::new(Self(MacKey::new(algorithm, key)?)))
    }
}

impl Key for DerivationKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::KbkdfHmacSha256
    }

    /// The fixed input is Label ‖ 0x00 ‖ Context ‖ L (SP 800-108r1, section 4): as the label has no zero byte and L, the
    /// length in bits, has four, no two requests have the same.
    fn derive(&self, label: &[u8], context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if label.contains(&0) || !(1..=MAX_DERIVED).contains(&length) {
            return Err(KeyError::Invalid);
        }
        let bits = (length as u32 * 8).to_be_bytes();
        kbkdf(&self.0, &[label, &[0], context, &bits].concat(), length)
    }
}
