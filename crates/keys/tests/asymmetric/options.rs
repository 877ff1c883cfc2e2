//! How signatures are made: hash, digest, padding, salt, encoding, and what fits no key.

use strongroom_core::{
    Algorithm, Encoding, HashAlgorithm, Input, Key, KeyError, OaepHash, Padding, Provider as _, Salt,
    SealOptions, SignOptions,
};

use crate::support::{PROVIDER, generate};

const HASHES: [HashAlgorithm; 8] = HashAlgorithm::ALL;
const CURVES: [(Algorithm, usize, HashAlgorithm); 4] = [
    (Algorithm::EcdsaP256, 64, HashAlgorithm::Sha256),
    (Algorithm::EcdsaP384, 96, HashAlgorithm::Sha384),
    (Algorithm::EcdsaP521, 132, HashAlgorithm::Sha512),
    (Algorithm::EcdsaSecp256k1, 64, HashAlgorithm::Sha256),
];
const TEXT: &[u8] = b"a message";

fn verified(key: &dyn Key, input: &[u8], signature: &[u8], options: SignOptions) -> Result<bool, KeyError> {
    key.verify(input, signature, &options)
}

#[test]
fn a_message_and_its_digest_have_the_same_signature_under_every_hash() {
    for (algorithm, length, own) in CURVES {
        let (_, key, half) = generate(algorithm);
        for hash in HASHES {
            let digest = PROVIDER.hash(hash, &[TEXT]);
            let signature = key.sign(TEXT, &SignOptions::hash(hash)).unwrap();
            assert_eq!(signature.len(), length);
            assert_eq!(key.sign(&digest, &SignOptions::digest(hash)).unwrap(), signature);
            assert_eq!(key.sign(TEXT, &SignOptions::default()).unwrap() == signature, hash == own);
            assert_eq!(verified(&*half, &digest, &signature, SignOptions::digest(hash)), Ok(true));
            for other in HASHES.into_iter().filter(|other| *other != hash) {
                assert_eq!(verified(&*half, TEXT, &signature, SignOptions::hash(other)), Ok(false));
            }
        }
    }
}

#[test]
fn der_and_fixed_say_the_same_and_are_not_taken_for_each_other() {
    for (algorithm, length, _) in CURVES {
        let (_, key, half) = generate(algorithm);
        let (fixed, der) =
            (SignOptions::default(), SignOptions { encoding: Encoding::Der, ..SignOptions::default() });
        let (short, long) = (key.sign(TEXT, &fixed).unwrap(), key.sign(TEXT, &der).unwrap());
        assert_eq!(verified(&*half, TEXT, &long, der), Ok(true));
        assert_eq!(verified(&*half, TEXT, &long, fixed), Ok(false));
        assert_eq!(verified(&*half, TEXT, &short, der), Ok(false));
        assert_eq!(long[0], 0x30);
        assert!(long.len() > length && long.len() < length + 10);
        // The same in BER: a length that is longer than it has to be.
        let body = usize::from(long[1] == 0x81) + 2;
        let ber = [&[0x30, 0x82, 0, (long.len() - body) as u8], &long[body..]].concat();
        assert_eq!(verified(&*half, TEXT, &ber, der), Ok(false), "{algorithm:?}");
    }
}

#[test]
fn secp256k1_makes_the_lower_s() {
    let (_, key, _) = generate(Algorithm::EcdsaSecp256k1);
    for number in 0..40_u8 {
        let signature = key.sign(&[number], &SignOptions::default()).unwrap();
        // n / 2 begins with 0x7f.
        assert!(signature[32] <= 0x7f);
    }
}

#[test]
fn rsa_signs_with_either_padding_every_hash_and_salts_of_every_length_that_fits() {
    let (_, key, half) = generate(Algorithm::Rsa2048);
    for hash in HASHES {
        let longest = (256 - 2 - hash.size()) as u16;
        let salts = [Salt::Digest, Salt::Bytes(0), Salt::Bytes(20), Salt::Bytes(longest), Salt::Auto];
        let pss = salts.map(Padding::Pss);
        for padding in pss.into_iter().chain([Padding::Pkcs1v15]) {
            let message = SignOptions { padding, ..SignOptions::hash(hash) };
            let digest = SignOptions { padding, ..SignOptions::digest(hash) };
            let signature = key.sign(TEXT, &message).unwrap();
            assert_eq!(signature.len(), 256);
            assert_eq!(verified(&*half, TEXT, &signature, message), Ok(true), "{message:?}");
            assert_eq!(verified(&*half, &PROVIDER.hash(hash, &[TEXT]), &signature, digest), Ok(true));
            assert_eq!(verified(&*half, b"another", &signature, message), Ok(false));
            let any = SignOptions { padding: Padding::Pss(Salt::Auto), ..message };
            assert_eq!(
                verified(&*half, TEXT, &signature, any),
                Ok(padding != Padding::Pkcs1v15),
                "{message:?}"
            );
            let other = SignOptions { padding: Padding::Pss(Salt::Bytes(21)), ..message };
            assert_eq!(verified(&*half, TEXT, &signature, other), Ok(false), "{message:?}");
            let pkcs1 = SignOptions { padding: Padding::Pkcs1v15, ..message };
            assert_eq!(verified(&*half, TEXT, &signature, pkcs1), Ok(padding == Padding::Pkcs1v15));
        }
        let too_long =
            SignOptions { padding: Padding::Pss(Salt::Bytes(longest + 1)), ..SignOptions::hash(hash) };
        assert_eq!(key.sign(TEXT, &too_long), Err(KeyError::Invalid));
        assert_eq!(verified(&*half, TEXT, &[0; 256], too_long), Err(KeyError::Invalid));
    }
}

#[test]
fn what_does_not_fit_a_key_is_an_error_and_no_signature() {
    let usual = SignOptions::default();
    let pkcs1 = SignOptions { padding: Padding::Pkcs1v15, ..usual };
    let salted = SignOptions { padding: Padding::Pss(Salt::Auto), ..usual };
    let der = SignOptions { encoding: Encoding::Der, ..usual };
    let fixed = SignOptions { deterministic: true, ..usual };
    let hashed = SignOptions::hash(HashAlgorithm::Sha512);
    let digest = SignOptions::digest(HashAlgorithm::Sha512);
    let table: [(Algorithm, &[SignOptions], &[SignOptions]); 4] = [
        (Algorithm::Ed25519, &[usual, fixed], &[pkcs1, salted, der, hashed, digest]),
        (Algorithm::MlDsa44, &[usual, fixed], &[pkcs1, salted, der, hashed, digest]),
        (Algorithm::EcdsaP384, &[usual, fixed, der, hashed], &[pkcs1, salted]),
        (Algorithm::Rsa2048, &[usual, pkcs1, salted, hashed], &[der, fixed]),
    ];
    for (algorithm, fitting, others) in table {
        let (_, key, half) = generate(algorithm);
        for options in fitting {
            let signature = key.sign(TEXT, options).unwrap();
            assert_eq!(half.verify(TEXT, &signature, options), Ok(true), "{algorithm:?} {options:?}");
        }
        for options in others {
            let input = if *options == digest { vec![1; 64] } else { TEXT.to_vec() };
            assert_eq!(key.sign(&input, options), Err(KeyError::Unsupported), "{algorithm:?} {options:?}");
            let verified = half.verify(&input, &[1; 64], options);
            assert_eq!(verified, Err(KeyError::Unsupported), "{algorithm:?} {options:?}");
        }
    }
}

#[test]
fn what_has_not_the_length_of_its_digest_is_refused() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP521, Algorithm::Rsa2048] {
        let (_, key, half) = generate(algorithm);
        for hash in HASHES {
            let options = SignOptions { input: Input::Digest(hash), ..SignOptions::default() };
            for length in [0, hash.size() - 1, hash.size() + 1] {
                assert_eq!(key.sign(&vec![1; length], &options), Err(KeyError::Invalid));
                assert_eq!(half.verify(&vec![1; length], &[1; 64], &options), Err(KeyError::Invalid));
            }
        }
    }
}

#[test]
fn ml_dsa_is_hedged_unless_asked_otherwise() {
    let (_, key, half) = generate(Algorithm::MlDsa65);
    let fixed = SignOptions { deterministic: true, ..SignOptions::default() };
    let sign = |options: &SignOptions| key.sign(TEXT, options).unwrap();
    assert_eq!(sign(&fixed), sign(&fixed));
    let hedged = sign(&SignOptions::default());
    assert_ne!(hedged, sign(&SignOptions::default()));
    assert_eq!(half.verify(TEXT, &hedged, &fixed), Ok(true));
}

#[test]
fn oaep_seals_what_fits_under_a_label_and_never_with_sha_1() {
    let (_, key, half) = generate(Algorithm::Rsa2048);
    for (hash, length) in [(OaepHash::Sha256, 190), (OaepHash::Sha384, 158), (OaepHash::Sha512, 126)] {
        let options = SealOptions::Oaep { hash, label: b"label" };
        for size in [0, 1, length] {
            let sealed = half.seal(&vec![7; size], &options).unwrap();
            assert_eq!(**key.open(&sealed, &options).unwrap(), vec![7; size]);
            let other = SealOptions::Oaep { hash, label: b"" };
            assert_eq!(key.open(&sealed, &other).err(), Some(KeyError::Failed));
        }
        assert_eq!(half.seal(&vec![7; length + 1], &options).err(), Some(KeyError::Invalid));
    }
    let old = SealOptions::Oaep { hash: OaepHash::LegacySha1, label: b"" };
    assert_eq!(half.seal(TEXT, &old).err(), Some(KeyError::Unsupported));
    assert_eq!(key.open(&[1; 256], &old).err(), Some(KeyError::Failed));
}
