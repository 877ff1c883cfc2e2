//! Keys, messages and texts carry a mark, which then stands in no error and in nothing that prints. Each public
//! function has its row: a new one without fails.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
};

use secrecy::SecretSlice;
use strongroom_core::{
    Algorithm, KeyError, Provider, PublicKey, SignOptions, Stored, surface::public_functions,
};
use strongroom_keys::{
    Hash, KeyWrap, RustCrypto, ecdsa_from_der, ecdsa_to_der, envelope, kbkdf, private_from_der,
    private_from_pem, private_to_der, private_to_pem, public_der, public_from_der, public_from_pem,
    public_pem, verify, verify_with,
};

const MARK: &str = "canary-2zL7";

/// What a call answers, as it prints.
type Call = (&'static str, fn(Algorithm) -> String);

/// Every function that takes or gives something that may be secret, or a caller's bytes.
const CALLS: &[Call] = &[
    ("private_from_der", |of| shown(private_from_der(of, marked().as_bytes()))),
    ("private_from_pem", |of| {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", marked());
        shown(private_from_pem(of, &pem)) + &shown(private_from_pem(of, &marked()))
    }),
    ("private_to_der", |of| shown(private_to_der(of, &key()))),
    ("private_to_pem", |of| shown(private_to_pem(of, &key()))),
    ("public_from_der", |of| shown(public_from_der(of, marked().as_bytes()))),
    ("public_from_pem", |of| shown(public_from_pem(of, &marked()))),
    ("public_der", |of| errors(public_der(&public(of)))),
    ("public_pem", |of| errors(public_pem(&public(of)))),
    ("ecdsa_to_der", |_| errors(ecdsa_to_der(marked().as_bytes()))),
    ("ecdsa_from_der", |_| errors(ecdsa_from_der(marked().as_bytes()))),
    ("verify", |of| shown(verify(&public(of), marked().as_bytes(), marked().as_bytes()))),
    ("verify_with", |of| {
        shown(verify_with(&public(of), marked().as_bytes(), marked().as_bytes(), &SignOptions::default()))
    }),
    ("kbkdf", |_| {
        let stored = RustCrypto::new().software().generate(Algorithm::KbkdfHmacSha256).unwrap();
        let key = RustCrypto::new().software().load(&stored).unwrap();
        errors(kbkdf(&*key, marked().as_bytes(), 0)) + &format!("{stored:?}")
    }),
    ("KeyWrap::wrap", |_| {
        errors(KeyWrap::Kw.wrap(&key(), marked().as_bytes()))
            + &errors(KeyWrap::Kwp.wrap(MARK.as_bytes(), &key()))
    }),
    ("KeyWrap::unwrap", |_| errors(KeyWrap::Kwp.unwrap(&key(), marked().as_bytes()))),
    ("envelope::seal", |_| {
        let provider = RustCrypto::new();
        let context = envelope::Context::new(&provider, &[marked().as_bytes()]).unwrap();
        let mac = provider.hmac(&key());
        let id = envelope::KeyId { id: [1; 16], version: 0 };
        format!("{context:?}") + &shown(envelope::seal(&provider, &*mac, id, &context, marked().as_bytes()))
    }),
    ("envelope::open", |_| {
        let provider = RustCrypto::new();
        let context = envelope::Context::new(&provider, &[marked().as_bytes()]).unwrap();
        let mac = provider.hmac(&key());
        let id = envelope::KeyId { id: [1; 16], version: 1 };
        let sealed = envelope::seal(&provider, &*mac, id, &context, marked().as_bytes()).unwrap();
        shown(envelope::open(&provider, &*mac, id, &context, marked().as_bytes()))
            + &errors(envelope::open(&provider, &*mac, id, &context, sealed.split_at(1).1))
    }),
    ("envelope::from_text", |_| shown(envelope::from_text(&marked()))),
    ("envelope::Header::parse", |_| shown(envelope::Header::parse(marked().as_bytes()))),
    ("load and import", |of| {
        let stored = Stored { algorithm: of, secret: SecretSlice::from(key().to_vec()), public: None };
        format!("{stored:?}") + &errors(RustCrypto::new().software().load(&stored).map(drop))
    }),
];

/// What computes on public bytes, or takes none.
const OPEN: &[&str] = &["envelope::to_text", "self_test", "self_test_of"];

fn marked() -> String {
    format!("{MARK} with more than enough bytes behind it")
}

/// A mark as a key of 32 bytes.
fn key() -> [u8; 32] {
    *b"canary-2zL7 and 20 bytes as key."
}

fn public(algorithm: Algorithm) -> PublicKey {
    PublicKey { algorithm, bytes: key().to_vec() }
}

fn shown<T: Debug, E: Debug + Display>(answer: Result<T, E>) -> String {
    match answer {
        Ok(value) => format!("{value:?}\n"),
        Err(error) => format!("{error} {error:?}\n"),
    }
}

/// Where bytes are the answer, as they must be, only the refusal counts.
fn errors<T, E: Debug + Display>(answer: Result<T, E>) -> String {
    answer.err().map(|error| format!("{error} {error:?}\n")).unwrap_or_default()
}

#[test]
fn nothing_of_a_key_or_a_message_is_in_what_prints() {
    let bytes: Vec<_> = MARK.bytes().map(|byte| byte.to_string()).collect();
    for (function, call) in CALLS {
        for algorithm in Algorithm::ALL {
            let answer = call(algorithm);
            assert!(!answer.contains(MARK) && !answer.contains(&bytes.join(", ")), "{function}: {answer}");
        }
    }
    // An error of keys has no place for one.
    assert!(size_of::<KeyError>() <= size_of::<usize>());
    assert_eq!(Hash::Sha256.digest(b"").len(), 32);
}

#[test]
fn every_public_function_of_the_crate_has_its_row() {
    let found = public_functions(env!("CARGO_MANIFEST_DIR"), "").unwrap();
    let last = |row: &'static str| row.rsplit("::").next().unwrap().to_owned();
    let rows = CALLS.iter().map(|(function, _)| *function).chain(OPEN.iter().copied());
    let rows: BTreeSet<_> = rows.map(last).collect();
    let missing: Vec<_> = found.difference(&rows).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
}
