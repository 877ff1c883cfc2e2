//! The envelope against vectors of an independent implementation, and against those who change one.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::sync::Mutex;

use proptest::prelude::*;
use serde::Deserialize;
use strongroom_core::{
    Aead, Algorithm, HashAlgorithm, KeyBackend, KeyError, Mac, Plaintext, Provider, Random,
};
use strongroom_keys::{
    RustCrypto,
    envelope::{self, Context, EnvelopeError, Header, KeyId, MAX_PLAINTEXT, OVERHEAD},
};
use zeroize::Zeroizing;

const KEY: KeyId = KeyId { id: [0x10; 16], version: 3 };

/// Answers with the bytes it was made of, once.
struct Fixed(Mutex<Vec<u8>>);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.0.lock().unwrap();
        let rest = left.split_off(bytes.len());
        bytes.copy_from_slice(&left);
        *left = rest;
    }

    fn fill_secret(&self, _: &mut [u8]) -> Result<(), KeyError> {
        Err(KeyError::Random)
    }
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    key: String,
    key_id: Option<String>,
    key_version: Option<u32>,
    salt: Option<String>,
    nonce: Option<String>,
    context: Vec<String>,
    plaintext: Option<String>,
    envelope: String,
    result: String,
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn context(provider: &dyn Provider, parts: &[String]) -> Context {
    let parts: Vec<_> = parts.iter().map(|part| unhex(part)).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Context::new(provider, &parts).unwrap()
}

/// Opens as a caller does: looks up the key that the header names.
fn open(case: &Case) -> Result<Plaintext, EnvelopeError> {
    let provider = RustCrypto::new();
    let stored = provider.software().import(Algorithm::Aes256Gcm, &unhex(&case.key))?;
    let key = provider.software().load(&stored)?;
    let sealed = unhex(&case.envelope);
    let named = Header::parse(&sealed)?.key;
    envelope::open(&provider, key.mac().unwrap(), named, &context(&provider, &case.context), &sealed)
}

/// Seals with the random bytes of the case.
fn seal(case: &Case) -> Vec<u8> {
    let drawn = [unhex(case.salt.as_ref().unwrap()), unhex(case.nonce.as_ref().unwrap())].concat();
    let provider = RustCrypto::with_random(Box::new(Fixed(Mutex::new(drawn))));
    let mac = provider.hmac(&unhex(&case.key).try_into().unwrap());
    let id = unhex(case.key_id.as_ref().unwrap()).try_into().unwrap();
    let key = KeyId { id, version: case.key_version.unwrap() };
    let context = context(&provider, &case.context);
    envelope::seal(&provider, &*mac, key, &context, &unhex(case.plaintext.as_ref().unwrap())).unwrap()
}

#[test]
fn every_vector_of_the_independent_implementation_passes_both_ways() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/envelope.json")).unwrap();
    assert_eq!(vectors.cases.len(), 29);
    for case in &vectors.cases {
        let opened = open(case);
        if case.result == "valid" {
            let plaintext = unhex(case.plaintext.as_ref().unwrap());
            assert_eq!(opened.as_deref(), Ok(&plaintext), "{}", case.name);
            assert_eq!(seal(case), unhex(&case.envelope), "{}", case.name);
        } else {
            assert!(opened.is_err(), "{}", case.name);
        }
    }
}

#[test]
fn a_vector_fails_for_the_reason_that_its_name_says() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/envelope.json")).unwrap();
    let malformed =
        ["magic", "format", "suite", "only a header", "one short of", "empty", "format 0", "suite 2"];
    for case in vectors.cases.iter().filter(|case| case.result != "valid") {
        let expected = match case.name.as_str() {
            "key of 16 bytes" => EnvelopeError::Key(KeyError::Invalid),
            name if malformed.iter().any(|word| name.contains(word)) => EnvelopeError::Malformed,
            _ => EnvelopeError::OpenFailed,
        };
        assert_eq!(open(case).err(), Some(expected), "{}", case.name);
    }
}

struct Bench {
    provider: RustCrypto,
    mac: Box<dyn Mac>,
    context: Context,
}

impl Bench {
    fn new() -> Self {
        let provider = RustCrypto::new();
        let mac = provider.hmac(&[0x55; 32]);
        let context = Context::new(&provider, &[b"kms", b"ledger"]).unwrap();
        Self { provider, mac, context }
    }

    fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        envelope::seal(&self.provider, &*self.mac, KEY, &self.context, plaintext).unwrap()
    }

    fn open(&self, sealed: &[u8]) -> Result<Plaintext, EnvelopeError> {
        envelope::open(&self.provider, &*self.mac, KEY, &self.context, sealed)
    }
}

#[test]
fn an_envelope_with_any_bit_flipped_does_not_open() {
    let bench = Bench::new();
    let sealed = bench.seal(b"seventeen bytes..");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            let error = bench.open(&changed).err();
            let expected = if at < 4 { EnvelopeError::Malformed } else { EnvelopeError::OpenFailed };
            assert_eq!(error, Some(expected), "byte {at} bit {bit}");
        }
    }
    assert_eq!(*bench.open(&sealed).unwrap(), b"seventeen bytes..");
}

#[test]
fn an_envelope_with_a_changed_header_does_not_open_under_the_key_that_it_names() {
    let bench = Bench::new();
    let sealed = bench.seal(b"text");
    for at in 4..48 {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let named = Header::parse(&changed).unwrap().key;
        let opened = envelope::open(&bench.provider, &*bench.mac, named, &bench.context, &changed);
        assert_eq!(opened.err(), Some(EnvelopeError::OpenFailed), "byte {at}");
    }
}

#[test]
fn another_key_id_version_or_context_does_not_open() {
    let bench = Bench::new();
    let (provider, context, sealed) = (&bench.provider, &bench.context, bench.seal(b"text"));
    let (same, other) = (&*bench.mac, &*provider.hmac(&[0x56; 32]));
    let (id, version) = (KeyId { id: [0x11; 16], ..KEY }, KeyId { version: 4, ..KEY });
    let parts =
        [vec![], vec!["kms"], vec!["kmsl", "edger"], vec!["ledger", "kms"], vec!["kms", "ledger", ""]];
    let contexts = parts.map(|parts| {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        Context::new(provider, &parts).unwrap()
    });
    let wrong = [(other, KEY, context), (same, id, context), (same, version, context)];
    for (mac, key, context) in wrong.into_iter().chain(contexts.iter().map(|context| (same, KEY, context))) {
        let opened = envelope::open(provider, mac, key, context, &sealed);
        assert_eq!(opened.err(), Some(EnvelopeError::OpenFailed), "{key:?} {context:?}");
    }
}

#[test]
fn version_0_is_neither_sealed_nor_read() {
    let bench = Bench::new();
    let zero = KeyId { version: 0, ..KEY };
    let sealed = envelope::seal(&bench.provider, &*bench.mac, zero, &bench.context, b"");
    assert_eq!(sealed, Err(EnvelopeError::Malformed));
    let mut sealed = bench.seal(b"");
    sealed[20..24].fill(0);
    assert_eq!(Header::parse(&sealed).err(), Some(EnvelopeError::Malformed));
}

#[test]
fn limits_hold_before_anything_is_computed() {
    let bench = Bench::new();
    let (provider, text) = (&bench.provider, vec![1; MAX_PLAINTEXT + 1]);
    let sealed = bench.seal(&text[1..]);
    assert_eq!(sealed.len(), OVERHEAD + MAX_PLAINTEXT);
    assert_eq!(bench.open(&sealed).unwrap().len(), MAX_PLAINTEXT);
    let sealed = envelope::seal(provider, &*bench.mac, KEY, &bench.context, &text);
    assert!(matches!(sealed, Err(EnvelopeError::TooLarge(_))));
    let longer = [bench.seal(b""), text.clone()].concat();
    assert!(matches!(bench.open(&longer), Err(EnvelopeError::TooLarge(_))));
    assert!(matches!(
        envelope::from_text(&envelope::to_text(&[longer, vec![0; 3]].concat())),
        Err(EnvelopeError::TooLarge(_))
    ));
    let part = &text[..65536];
    assert!(Context::new(provider, &[part; 16]).is_ok());
    assert!(matches!(Context::new(provider, &[part; 17]), Err(EnvelopeError::TooLarge(_))));
    assert!(matches!(Context::new(provider, &[&text[..65537]]), Err(EnvelopeError::TooLarge(_))));
}

#[test]
fn a_text_has_one_spelling() {
    let bench = Bench::new();
    let sealed = bench.seal(b"1234");
    let text = envelope::to_text(&sealed);
    assert_eq!(envelope::from_text(&text).unwrap(), sealed);
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    let mut trailing_bits = text.clone().into_bytes();
    *trailing_bits.last_mut().unwrap() += 1;
    let trailing_bits = String::from_utf8(trailing_bits).unwrap();
    for bad in
        [trailing_bits, format!("{text}="), format!("{text}\n"), format!(" {text}"), text.replace('A', "+")]
    {
        assert_eq!(envelope::from_text(&bad), Err(EnvelopeError::Malformed), "{bad}");
    }
}

#[test]
fn no_two_envelopes_of_the_same_text_are_the_same() {
    let bench = Bench::new();
    let (first, second) = (bench.seal(b"text"), bench.seal(b"text"));
    assert_ne!(first[24..48], second[24..48]);
    assert_ne!(first[48..80], second[48..80]);
    assert_ne!(first[92..], second[92..]);
}

/// A key in a token that has been pulled out, and a provider whose module refuses.
struct Broken(RustCrypto);

impl Mac for Broken {
    fn mac(&self, _: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        Err(KeyError::Failed)
    }
}

impl Aead for Broken {
    fn seal(&self, _: &[u8; 32], _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), KeyError> {
        Err(KeyError::Failed)
    }
    fn open(&self, _: &[u8; 32], _: &[u8], _: &[u8]) -> Result<Plaintext, KeyError> {
        Err(KeyError::Unsupported)
    }
}

impl Provider for Broken {
    fn random(&self) -> &dyn Random {
        self.0.random()
    }
    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.0.hash(algorithm, parts)
    }
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.sha256(parts)
    }
    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.0.hmac(key)
    }
    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.0.hkdf(secret, salt, info)
    }
    fn aead(&self) -> &dyn Aead {
        self
    }
    fn software(&self) -> &dyn KeyBackend {
        self.0.software()
    }
}

#[test]
fn a_key_that_does_not_answer_is_not_mistaken_for_a_forgery() {
    let (bench, broken) = (Bench::new(), Broken(RustCrypto::new()));
    let sealed = bench.seal(b"text");
    let opened = envelope::open(&bench.provider, &broken, KEY, &bench.context, &sealed);
    assert_eq!(opened.err(), Some(EnvelopeError::Key(KeyError::Failed)));
    let opened = envelope::open(&broken, &*bench.mac, KEY, &bench.context, &sealed);
    assert_eq!(opened.err(), Some(EnvelopeError::Key(KeyError::Unsupported)));
    for (provider, mac) in [(&broken as &dyn Provider, &*bench.mac), (&bench.provider, &broken)] {
        let sealed = envelope::seal(provider, mac, KEY, &bench.context, b"text");
        assert_eq!(sealed, Err(EnvelopeError::Key(KeyError::Failed)));
    }
}

#[test]
fn errors_and_contexts_say_nothing_of_what_was_sealed() {
    let bench = Bench::new();
    let sealed = bench.seal(b"text");
    let error = bench.open(&sealed[..sealed.len() - 1]).unwrap_err();
    assert_eq!(error.to_string(), "the envelope does not open");
    assert!(std::error::Error::source(&error).is_none());
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        secret: [u8; 32],
        id: [u8; 16],
        version in 1u32..,
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..=16),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let provider = RustCrypto::new();
        let (mac, key) = (provider.hmac(&secret), KeyId { id, version });
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let context = Context::new(&provider, &parts).unwrap();
        let sealed = envelope::seal(&provider, &*mac, key, &context, &plaintext).unwrap();
        prop_assert_eq!(sealed.len(), sealed.capacity());
        prop_assert_eq!(sealed.len(), plaintext.len() + OVERHEAD);
        prop_assert_eq!(Header::parse(&sealed).unwrap().key, key);
        let text = envelope::to_text(&sealed);
        let sealed = envelope::from_text(&text).unwrap();
        let opened = envelope::open(&provider, &*mac, key, &context, &sealed).unwrap();
        prop_assert_eq!(&*opened, &plaintext);
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        magic: bool,
    ) {
        let bench = Bench::new();
        if magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(b"SR\x01\x01");
        }
        prop_assert!(bench.open(&bytes).is_err());
        if let Ok(header) = Header::parse(&bytes) {
            let opened = envelope::open(&bench.provider, &*bench.mac, header.key, &bench.context, &bytes);
            prop_assert_eq!(opened.err(), Some(EnvelopeError::OpenFailed));
        }
    }
}
