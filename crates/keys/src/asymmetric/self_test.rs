use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use strongroom_core::{
    Algorithm, Key, KeyError, OaepHash, Padding, Purpose, Random, SealOptions, SignOptions,
};

use super::kinds;
use crate::self_test::KnownAnswer;

const MESSAGE: &[u8] = b"known answer";

/// A key that is there for this alone.
const RSA: &[u8] = include_bytes!("self_test_rsa_2048.der");

/// Known answers of everything here that computes: for each a key from a fixed stream, and the SHA-256 of its public half
/// and of what it makes of a fixed message. What must be refused is refused as well. The answers were made by the code
/// whose tests hold it against Wycheproof, OpenSSL and pyca: a build that gives others computes wrongly, or draws its
/// randomness in another order.
pub(crate) const ROWS: &[KnownAnswer] = &[
    ("ECDSA P-384", || {
        holds(Algorithm::EcdsaP384, "e65249f039a2e20021e647854ed836cb2eaf1495e1570754ec829191edece3ab")
    }),
    ("ECDSA P-521", || {
        holds(Algorithm::EcdsaP521, "89fd39c15f7632d4fba26af5a8f8131ff3c6aeb7b2224f6b8a037336a1d51b62")
    }),
    ("ECDSA secp256k1", || {
        holds(Algorithm::EcdsaSecp256k1, "049391fec0d1dc03fc97885d183b21b8e2462ca8b75bfb066b513ddae37e6d63")
    }),
    ("RSA PKCS#1 v1.5, PSS and OAEP", || {
        holds(Algorithm::Rsa2048, "30ab01d93f639da7a579818567ff10a3e1aeb04d805aa6bd21ba7be622273eb3")
    }),
    ("ML-DSA-44", || {
        holds(Algorithm::MlDsa44, "eed86b420df18e81d1621f90ac6133019740b0674d56bcde13126b8c7715bd71")
    }),
    ("ML-DSA-65", || {
        holds(Algorithm::MlDsa65, "fda01eeb9d940cf388e0b1692263249012eb680ff205c1a5394b0c96dbb4139c")
    }),
    ("ML-DSA-87", || {
        holds(Algorithm::MlDsa87, "d65c6567eaf1622b830766a71e89302008a515a75fa8094d6193d9e10499f304")
    }),
    ("ECDH P-256", || {
        holds(Algorithm::EcdhP256, "7e36a50fc2e55d1bf924e8a8d2d0dd4eb776e874cf235add7b0bbf9cbef31957")
    }),
    ("ECDH P-384", || {
        holds(Algorithm::EcdhP384, "f0907f96904a37f3d06f00631723fe597ffab65087459b8600d234087aba37c0")
    }),
    ("ECDH P-521", || {
        holds(Algorithm::EcdhP521, "0060011432d9f89054bd5720511fb5ff9f63272448db0a860a4d2c8b66849eb6")
    }),
    ("X25519", || {
        holds(Algorithm::X25519, "c27deb54f2cbaa46205a74ff3bad9150bdb1f73242b84ae1b1005583ff2ed688")
    }),
    ("ML-KEM-512", || {
        holds(Algorithm::MlKem512, "f27b7ff259c228ebe218cc8c35d2b2153f97634c26becefcd13401e6a371caa5")
    }),
    ("ML-KEM-768", || {
        holds(Algorithm::MlKem768, "3b64a45b9e41f6b19920d15c6b285990003599d915a9185ab23b3e1a1ec3d868")
    }),
    ("ML-KEM-1024", || {
        holds(Algorithm::MlKem1024, "fda11fe4d2dd2a385de9cad0012fba3087cc7e10e130beb9569853bf73ab4ea0")
    }),
    ("X-Wing", || {
        holds(Algorithm::XWing, "9e96a33a302abe50d65e90de99e2f82ac0adec7aa8bc7aed71b330b2c72a6161")
    }),
    ("HPKE X25519", || {
        holds(Algorithm::HpkeX25519, "37b5c4716a3a0a9ad3a8cadc8aea89eca2e83b1a6ca73f455335501d781479ee")
    }),
    ("HPKE P-256", || {
        holds(Algorithm::HpkeP256, "4d0c85ac6406b54aa9712169df6c4c80b394a6c939ed549fd22753e0f60dcb15")
    }),
    ("HPKE X-Wing", || {
        holds(Algorithm::HpkeXWing, "65216786e4ab7a20be1ae4e918dfe8f23bc21efeb6102f1bd08f51ae7b0ba38e")
    }),
];

/// One of each way in which FIPS 205 hashes (sections 11.1, 11.2.1 and 11.2.2): the other sets differ in numbers alone. Of
/// two the root of a key is enough, as signatures take their time.
#[cfg(feature = "slh-dsa")]
pub(crate) const SLH_DSA_ROWS: &[KnownAnswer] = &[
    ("SLH-DSA-SHA2-128f", || {
        holds(Algorithm::SlhDsaSha2_128f, "7319a1e363791a7ee803fb1833c0191f14989788036e9eb5c93b6b39de9d965b")
    }),
    ("SLH-DSA-SHA2-192f", || {
        rooted(Algorithm::SlhDsaSha2_192f, "37170891507ed16f4acee696cc91eecd7959fc562e698b9a1e499c70ab14c601")
    }),
    ("SLH-DSA-SHAKE-128f", || {
        rooted(Algorithm::SlhDsaShake128f, "d326c0dca06dab9641c7f585820f3898dc1e84850872f656f2c0df293600a9dc")
    }),
];

/// Whether the public half of the key from the fixed stream has this SHA-256.
#[cfg(feature = "slh-dsa")]
fn rooted(algorithm: Algorithm, answer: &str) -> bool {
    let random: Arc<dyn Random> = Arc::new(Stream::default());
    let public = key(algorithm, &random).ok().and_then(|key| key.public().cloned());
    public.is_some_and(|public| hex(&Sha256::digest(&public.bytes)) == answer)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn holds(algorithm: Algorithm, answer: &str) -> bool {
    transcript(algorithm).is_ok_and(|found| found == answer)
}

/// SHA-256 in counter mode, in place of randomness: the same in every run.
#[derive(Default)]
struct Stream(AtomicU64);

impl Random for Stream {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.iter_mut().zip(block).for_each(|(byte, next)| *byte = next);
        }
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.fill(bytes);
        Ok(())
    }
}

fn transcript(algorithm: Algorithm) -> Result<String, KeyError> {
    let random: Arc<dyn Random> = Arc::new(Stream::default());
    let key = key(algorithm, &random)?;
    let public = key.public().ok_or(KeyError::Invalid)?;
    let made = match algorithm.purpose() {
        Purpose::Sign => signed(&*key, &SignOptions { deterministic: true, ..SignOptions::default() })?,
        Purpose::SignAndOpen => {
            // What takes no randomness first.
            let pkcs1 = SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::default() };
            let oaep = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"label" };
            [signed(&*key, &pkcs1)?, signed(&*key, &SignOptions::default())?, sealed(&*key, &oaep)?].concat()
        }
        Purpose::Open => sealed(&*key, &SealOptions::Hpke { info: b"info", aad: b"aad" })?,
        Purpose::Agree => agreed(&*key, &*self::key(algorithm, &random)?)?,
        Purpose::Decapsulate => encapsulated(&*key)?,
        _ => return Err(KeyError::Unsupported),
    };
    let digest = Sha256::new().chain_update(&public.bytes).chain_update(made).finalize();
    Ok(hex(&digest))
}

fn key(algorithm: Algorithm, random: &Arc<dyn Random>) -> Result<Arc<dyn Key>, KeyError> {
    match algorithm {
        Algorithm::Rsa2048 => kinds::parse(algorithm, RSA, random),
        _ => kinds::parse(algorithm, &kinds::draw(algorithm, &**random)?, random),
    }
}

fn signed(key: &dyn Key, options: &SignOptions) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(MESSAGE, options)?;
    let verified =
        key.verify(MESSAGE, &signature, options)? && !key.verify(b"another", &signature, options)?;
    if verified { Ok(signature) } else { Err(KeyError::Failed) }
}

fn sealed(key: &dyn Key, options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
    let sealed = key.seal(MESSAGE, options)?;
    let mut changed = sealed.clone();
    changed.iter_mut().for_each(|byte| *byte ^= 1);
    let right = *key.open(&sealed, options)? == MESSAGE && key.open(&changed, options).is_err();
    if right { Ok(sealed) } else { Err(KeyError::Failed) }
}

fn agreed(key: &dyn Key, other: &dyn Key) -> Result<Vec<u8>, KeyError> {
    let public = |key: &dyn Key| key.public().map(|public| public.bytes.clone()).ok_or(KeyError::Invalid);
    let secret = key.agree(&public(other)?)?;
    let right = other.agree(&public(key)?)? == secret && key.agree(&[]).is_err();
    if right { Ok(secret.to_vec()) } else { Err(KeyError::Failed) }
}

fn encapsulated(key: &dyn Key) -> Result<Vec<u8>, KeyError> {
    let made = key.encapsulate()?;
    let mut changed = made.ciphertext.clone();
    changed.iter_mut().for_each(|byte| *byte ^= 1);
    let right =
        key.decapsulate(&made.ciphertext)? == made.secret && key.decapsulate(&changed)? != made.secret;
    if right { Ok([made.ciphertext.as_slice(), &made.secret].concat()) } else { Err(KeyError::Failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_answer_comes_out() {
        for (name, holds) in ROWS {
            assert!(holds(), "{name}");
        }
    }

    #[cfg(feature = "slh-dsa")]
    #[test]
    fn every_known_answer_of_slh_dsa_comes_out() {
        for (name, holds) in SLH_DSA_ROWS {
            assert!(holds(), "{name}");
        }
    }

    #[test]
    fn every_kind_has_one_and_no_two_have_the_same() {
        let sizes = |algorithm: &Algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096);
        let all = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_asymmetric()).filter(sizes);
        let answers: std::collections::BTreeSet<_> =
            all.map(|algorithm| transcript(algorithm).unwrap_or_default()).collect();
        assert_eq!(answers.len(), ROWS.len() + 2);
        assert!(!holds(Algorithm::Ed25519, "") && !answers.contains(""));
    }
}
