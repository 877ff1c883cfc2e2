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

#[cfg(test)]
mod tests {
    use strongroom_core::{Algorithm, Cost, Random};

    use super::*;
    use crate::{
        SystemRandom,
        asymmetric::kinds::{draw, parse, parse_public},
    };

    fn key(algorithm: Algorithm) -> Arc<dyn Key> {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        parse(algorithm, &draw(algorithm, &*random).unwrap(), &random).unwrap()
    }

    fn half(key: &dyn Key) -> Arc<dyn Key> {
        parse_public(key.public().unwrap(), &(Arc::new(SystemRandom) as Arc<dyn Random>)).unwrap()
    }

    #[test]
    fn halves_of_two_keys_do_not_pass_and_those_of_one_do() {
        let quick =
            |algorithm: &Algorithm| algorithm.is_asymmetric() && algorithm.generation() == Cost::Inline;
        let all = Algorithm::ALL.into_iter().filter(quick).chain([Algorithm::Rsa2048]);
        for algorithm in all {
            let (one, two) = (key(algorithm), key(algorithm));
            let checked = |half: &dyn Key| check(&*one, half, || Ok(key(algorithm)));
            assert_eq!(checked(&*half(&*one)), Ok(()), "{algorithm:?}");
            assert!(checked(&*half(&*two)).is_err(), "{algorithm:?}");
        }
    }
}
