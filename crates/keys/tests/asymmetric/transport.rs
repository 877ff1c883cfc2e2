//! Keys on their way to the holder of an RSA key: whatever does not unwrap is one error.

use strongroom_core::{Algorithm, KeyError, OaepHash, Provider as _};
use strongroom_keys::{KeyWrap, Transport};

use crate::support::{PROVIDER, generate, sealing};

const HASHES: [OaepHash; 3] = [OaepHash::Sha256, OaepHash::Sha384, OaepHash::Sha512];
const KEY: &[u8] = b"a key of any length";

fn ways() -> impl Iterator<Item = Transport> {
    HASHES.into_iter().flat_map(|hash| [Transport::Oaep(hash), Transport::AesKwp(hash)])
}

#[test]
fn a_key_comes_back_from_each_way_and_from_no_other() {
    let (_, key, half) = generate(Algorithm::Rsa2048);
    for way in ways() {
        let wrapped = way.wrap(&*half, PROVIDER.random(), KEY).unwrap();
        for other in ways() {
            let found = other.unwrap(&*key, PROVIDER.random(), &wrapped);
            if way == other {
                assert_eq!(*found.unwrap(), KEY);
            } else {
                assert_eq!(found.err(), Some(KeyError::Failed), "{way:?} {other:?}");
            }
        }
    }
}

#[test]
fn a_wrapped_key_with_any_change_is_one_error() {
    let (_, key, half) = generate(Algorithm::Rsa2048);
    for way in [Transport::Oaep(OaepHash::Sha256), Transport::AesKwp(OaepHash::Sha256)] {
        let wrapped = way.wrap(&*half, PROVIDER.random(), KEY).unwrap();
        let unwrap = |bytes: &[u8]| way.unwrap(&*key, PROVIDER.random(), bytes);
        assert!(unwrap(&wrapped).is_ok());
        for place in (0..wrapped.len()).step_by(5).chain([wrapped.len() - 1]) {
            let mut changed = wrapped.clone();
            changed[place] ^= 1 << (place % 8);
            assert_eq!(unwrap(&changed).err(), Some(KeyError::Failed), "{way:?} {place}");
        }
        for length in [0, 1, 8, 255, 256, 257, 264, 271, wrapped.len() - 1] {
            let cut = &wrapped[..length.min(wrapped.len() - 1)];
            assert_eq!(unwrap(cut).err(), Some(KeyError::Failed), "{way:?} {length}");
        }
        assert_eq!(unwrap(&[&wrapped[..], &[0]].concat()).err(), Some(KeyError::Failed));
        assert_eq!(unwrap(&[&wrapped[..], &[0; 8]].concat()).err(), Some(KeyError::Failed));
        assert_eq!(unwrap(&vec![0xff; wrapped.len()]).err(), Some(KeyError::Failed));
    }
}

/// The ephemeral key is one of AES-256: what a shorter one wrapped is refused like a damaged one.
#[test]
fn an_ephemeral_key_of_another_length_is_refused() {
    let (_, key, half) = generate(Algorithm::Rsa2048);
    for length in [0, 16, 24, 31, 33, 64] {
        let ephemeral = vec![7; length];
        let sealed = half.seal(&ephemeral, &sealing(Algorithm::Rsa2048)).unwrap();
        let mut wrapping = ephemeral.clone();
        wrapping.resize(if length == 16 || length == 24 { length } else { 32 }, 7);
        let wrapped = [sealed, KeyWrap::Kwp.wrap(&wrapping, KEY).unwrap()].concat();
        let found = Transport::AesKwp(OaepHash::Sha256).unwrap(&*key, PROVIDER.random(), &wrapped);
        assert_eq!(found.err(), Some(KeyError::Failed), "{length}");
    }
}

#[test]
fn sha_1_unwraps_and_never_wraps() {
    let (_, _, half) = generate(Algorithm::Rsa2048);
    for way in [Transport::Oaep(OaepHash::LegacySha1), Transport::AesKwp(OaepHash::LegacySha1)] {
        assert_eq!(way.wrap(&*half, PROVIDER.random(), KEY), Err(KeyError::Unsupported));
    }
}

#[test]
fn only_rsa_wraps_and_only_what_fits() {
    let (_, key, half) = generate(Algorithm::HpkeP256);
    let (_, _, rsa) = generate(Algorithm::Rsa2048);
    for way in ways() {
        assert_eq!(way.wrap(&*half, PROVIDER.random(), KEY), Err(KeyError::Unsupported));
        assert_eq!(way.unwrap(&*key, PROVIDER.random(), &[0; 300]).err(), Some(KeyError::Unsupported));
        assert_eq!(way.wrap(&*rsa, PROVIDER.random(), b""), Err(KeyError::Invalid));
    }
    // 256 bytes of modulus less 2 · 32 + 2.
    let direct = Transport::Oaep(OaepHash::Sha256);
    assert!(direct.wrap(&*rsa, PROVIDER.random(), &[1; 190]).is_ok());
    assert_eq!(direct.wrap(&*rsa, PROVIDER.random(), &[1; 191]), Err(KeyError::Invalid));
}
