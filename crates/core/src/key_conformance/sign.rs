use super::{Subject, damaged, done, sampled};
use crate::{Algorithm, Encoding, HashAlgorithm, Input, Key, KeyError, Padding, Salt, SignOptions};

const TEXT: &[u8] = b"a message";

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let signature = done(on.key.sign(b"text", &SignOptions::default()));
    done(key.verify(b"text", &signature, &SignOptions::default()))
}

pub(super) fn check(on: &Subject<'_>) {
    what_was_changed_is_no_signature(on);
    a_signature_is_right_under_its_own_options_alone(on);
    a_digest_has_the_length_of_its_hash(on);
    a_message_and_its_digest_are_the_same(on);
    without_randomness_a_signature_is_the_same_again(on);
}

fn what_was_changed_is_no_signature(on: &Subject<'_>) {
    let signature = done(on.key.sign(TEXT, &SignOptions::default()));
    let right =
        |message: &[u8], signature: &[u8]| done(on.key.verify(message, signature, &SignOptions::default()));
    assert!(right(TEXT, &signature));
    assert!(right(b"", &done(on.key.sign(b"", &SignOptions::default()))));
    assert!(damaged(TEXT).all(|wrong| !right(&wrong, &signature)), "{:?}", on.algorithm);
    let wrong = sampled(&signature).find(|wrong| right(TEXT, wrong));
    assert_eq!(wrong, None, "{:?}: a signature that was changed", on.algorithm);
}

/// Every hash with every padding and encoding.
fn every_option() -> impl Iterator<Item = SignOptions> {
    let pss = [Salt::Digest, Salt::Bytes(20), Salt::Auto].map(Padding::Pss);
    let paddings = pss.into_iter().chain([Padding::Pkcs1v15]);
    let written = paddings.flat_map(|padding| {
        [Encoding::Fixed, Encoding::Der].map(|encoding| SignOptions {
            padding,
            encoding,
            ..SignOptions::default()
        })
    });
    let hashes = HashAlgorithm::ALL.map(Some).into_iter().chain([None]);
    let hashes: Vec<_> = hashes.map(Input::Message).collect();
    written.flat_map(move |options| {
        hashes.clone().into_iter().map(move |input| SignOptions { input, ..options })
    })
}

/// The hash of a message, where none is named.
fn hash(algorithm: Algorithm, input: Input) -> Option<HashAlgorithm> {
    match (input, algorithm) {
        (Input::Message(Some(hash)) | Input::Digest(hash), _) => Some(hash),
        (_, Algorithm::EcdsaP384) => Some(HashAlgorithm::Sha384),
        (_, Algorithm::EcdsaP521) => Some(HashAlgorithm::Sha512),
        (_, Algorithm::EcdsaP256 | Algorithm::EcdsaSecp256k1) => Some(HashAlgorithm::Sha256),
        _ if algorithm.modulus_bits().is_some() => Some(HashAlgorithm::Sha256),
        _ => None,
    }
}

/// Whether a signature that was made as `made` says is one for who asks as `asked` says.
fn fits(algorithm: Algorithm, made: &SignOptions, asked: &SignOptions) -> bool {
    let any_salt = asked.padding == Padding::Pss(Salt::Auto) && matches!(made.padding, Padding::Pss(_));
    hash(algorithm, made.input) == hash(algorithm, asked.input)
        && made.encoding == asked.encoding
        && (made.padding == asked.padding || any_salt)
}

/// What a backend has not is `Unsupported` for who signs and for who verifies.
fn a_signature_is_right_under_its_own_options_alone(on: &Subject<'_>) {
    let mut signatures = Vec::new();
    for options in every_option() {
        match on.key.sign(TEXT, &options) {
            Ok(signature) => signatures.push((options, signature)),
            Err(error) => {
                let both = (error, on.key.verify(TEXT, &[7; 64], &options));
                let unsupported = (KeyError::Unsupported, Err(KeyError::Unsupported));
                assert_eq!(both, unsupported, "{:?} {options:?}", on.algorithm);
            }
        }
    }
    let usual = SignOptions::default();
    assert!(signatures.iter().any(|(options, _)| *options == usual), "{:?}", on.algorithm);
    for (made, signature) in &signatures {
        for (asked, _) in &signatures {
            let found = done(on.key.verify(TEXT, signature, asked));
            assert_eq!(found, fits(on.algorithm, made, asked), "{:?} {made:?} {asked:?}", on.algorithm);
        }
    }
}

/// The hashes that this key knows.
fn hashes(on: &Subject<'_>) -> impl Iterator<Item = HashAlgorithm> {
    let knows = |hash: &HashAlgorithm| on.key.sign(TEXT, &SignOptions::hash(*hash)).is_ok();
    HashAlgorithm::ALL.into_iter().filter(knows)
}

fn a_digest_has_the_length_of_its_hash(on: &Subject<'_>) {
    for hash in hashes(on) {
        let (options, digest) = (SignOptions::digest(hash), vec![0x5a; hash.size()]);
        let signature = done(on.key.sign(&digest, &options));
        assert!(done(on.key.verify(&digest, &signature, &options)), "{:?} {hash:?}", on.algorithm);
        let (_, shorter) = digest.split_last().expect("a digest has bytes");
        for wrong in [&[], shorter, &[digest.as_slice(), &[0]].concat()] {
            assert_eq!(on.key.sign(wrong, &options), Err(KeyError::Invalid), "{:?} {hash:?}", on.algorithm);
            let verified = on.key.verify(wrong, &signature, &options);
            assert_eq!(verified, Err(KeyError::Invalid), "{:?} {hash:?}", on.algorithm);
        }
    }
}

/// FIPS 180-4 and FIPS 202: of "abc", by two hashes whose digests have the same length.
const DIGESTS: [(HashAlgorithm, [u8; 32]); 2] = [
    (
        HashAlgorithm::Sha256,
        [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ],
    ),
    (
        HashAlgorithm::Sha3_256,
        [
            0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2, 0x04, 0x5c, 0x17, 0x2d, 0x6b, 0xd3, 0x90, 0xbd,
            0x85, 0x5f, 0x08, 0x6e, 0x3e, 0x9d, 0x52, 0x5b, 0x46, 0xbf, 0xe2, 0x45, 0x11, 0x43, 0x15, 0x32,
        ],
    ),
];

fn a_message_and_its_digest_are_the_same(on: &Subject<'_>) {
    let known: Vec<_> = hashes(on).collect();
    for (hash, digest) in DIGESTS.into_iter().filter(|(hash, _)| known.contains(hash)) {
        let (message, digested) = (SignOptions::hash(hash), SignOptions::digest(hash));
        let signature = done(on.key.sign(b"abc", &message));
        assert!(done(on.key.verify(&digest, &signature, &digested)), "{:?} {hash:?}", on.algorithm);
        let signature = done(on.key.sign(&digest, &digested));
        assert!(done(on.key.verify(b"abc", &signature, &message)), "{:?} {hash:?}", on.algorithm);
    }
}

fn without_randomness_a_signature_is_the_same_again(on: &Subject<'_>) {
    let options = SignOptions { deterministic: true, ..SignOptions::default() };
    match on.key.sign(TEXT, &options) {
        Err(error) => assert_eq!(error, KeyError::Unsupported, "{:?}", on.algorithm),
        Ok(signature) => {
            assert_eq!(done(on.key.sign(TEXT, &options)), signature, "{:?}", on.algorithm);
            assert!(done(on.key.verify(TEXT, &signature, &SignOptions::default())), "{:?}", on.algorithm);
        }
    }
}
