//! The text form has one spelling of each ciphertext.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use strongroom_core::{Algorithm, Purpose};
use strongroom_keys::envelope::{Header, OVERHEAD};
use strongroom_kms::{KmsError, ciphertext_version, from_text, label, parse_label, to_text, with_context};

use crate::support::{name, rings, verdict};

/// A ciphertext of version 1 whose base64 ends in `=`, and its text without the prefix.
fn text() -> (Vec<u8>, String) {
    let rings = rings();
    rings.create(&name("aes"), Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&name("aes"), b"12345", b"").unwrap();
    assert_eq!(sealed.len() % 3, 2);
    let text = to_text(&sealed).unwrap();
    let base64 = text.strip_prefix("vault:v1:").unwrap().to_owned();
    assert!(base64.ends_with('=') && !base64.ends_with("=="));
    (sealed, base64)
}

#[test]
fn every_other_spelling_is_refused() {
    let (sealed, base64) = text();
    assert_eq!(from_text(&format!("vault:v1:{base64}")).unwrap(), sealed);
    for prefix in [
        "",
        "vault",
        "vault:",
        "vault:v",
        "vault:v:",
        "vault:1:",
        "v1:",
        "Vault:v1:",
        "vault:V1:",
        "vault:v01:",
        "vault:v001:",
        "vault:v+1:",
        "vault:v-1:",
        "vault:v1 :",
        "vault:v 1:",
        " vault:v1:",
        "\u{feff}vault:v1:",
        "vault:v1::",
        "vault:v1:v1:",
        "vault:v0:",
        "vault:v2:",
        "vault:v10:",
        "vault:v0x1:",
        "vault:v\u{661}:",
        "vault:v4294967297:",
        "vault:v1.0:",
        "vault:v1\0:",
        "vault:v1:\n",
    ] {
        refused(&format!("{prefix}{base64}"));
    }
    let open = base64.trim_end_matches('=');
    let last = open.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = alphabet.find(last).unwrap();
    assert_eq!(bits % 4, 0, "two bits at the end stand for nothing");
    let trailing = |more: usize| {
        let letter = &alphabet[bits + more..=bits + more];
        format!("vault:v1:{}{letter}=", &open[..open.len() - 1])
    };
    assert_eq!(from_text(&trailing(0)).unwrap(), sealed);
    (1..4).for_each(|more| refused(&trailing(more)));
    for spelled in [
        open.to_owned(),
        format!("{open}=="),
        format!("{open}= "),
        format!("{open}=\n"),
        format!("{open}=A"),
        format!("{}\n{}", &base64[..8], &base64[8..]),
        format!("{} {}", &base64[..8], &base64[8..]),
        format!("{}\0", base64),
        format!("{}*{}", &base64[..8], &base64[9..]),
        String::new(),
    ] {
        refused(&format!("vault:v1:{spelled}"));
    }
}

fn refused(text: &str) {
    assert!(matches!(from_text(text), Err(KmsError::Invalid(_))), "{text:?}");
}

#[test]
fn the_url_alphabet_is_refused() {
    let (mut sealed, _) = text();
    // In the salt, where every byte is allowed: both letters that the alphabets differ in.
    sealed[24..30].copy_from_slice(&[0xfb, 0xff, 0xfe, 0xfb, 0xff, 0xfe]);
    let standard = to_text(&sealed).unwrap();
    assert!(standard.contains('+') && standard.contains('/'));
    assert_eq!(from_text(&standard).unwrap(), sealed);
    refused(&standard.replace('+', "-"));
    refused(&standard.replace('/', "_"));
    refused(&standard.replace('+', "-").replace('/', "_"));
}

#[test]
fn what_is_no_ciphertext_has_no_text() {
    let (sealed, _) = text();
    for bytes in [&b""[..], b"text", &sealed[..OVERHEAD - 1], &sealed[1..]] {
        assert_eq!(verdict(to_text(bytes)), "invalid");
        refused(&format!("vault:v1:{}", STANDARD.encode(bytes)));
    }
}

#[test]
fn a_text_longer_than_any_ciphertext_is_refused_before_it_is_decoded() {
    // Not even base64: the length alone is looked at.
    let text = format!("vault:v1:{}", "*".repeat(30 << 20));
    let Err(KmsError::Invalid(why)) = from_text(&text) else { panic!("it was taken") };
    assert!(why.contains("longer"), "{why}");
}

/// Bytes that begin as a ciphertext does.
fn envelope() -> impl Strategy<Value = Vec<u8>> {
    (1..=u32::MAX, any::<[u8; 16]>(), prop::collection::vec(any::<u8>(), OVERHEAD - 24..OVERHEAD + 60))
        .prop_map(|(version, id, rest)| [&b"SR\x01\x01"[..], &id, &version.to_be_bytes(), &rest].concat())
}

proptest! {
    #[test]
    fn bytes_become_a_text_and_these_bytes_again(bytes in envelope()) {
        let text = to_text(&bytes).unwrap();
        let version = Header::parse(&bytes).unwrap().key.version;
        let prefix = format!("vault:v{version}:");
        prop_assert!(text.starts_with(&prefix));
        prop_assert_eq!(from_text(&text).unwrap(), bytes);
    }

    /// Whatever is taken is the one text of its bytes.
    #[test]
    fn a_changed_text_is_refused_or_is_another_ciphertext(
        bytes in envelope(),
        at in any::<prop::sample::Index>(),
        put in prop_oneof![Just(String::new()), "[ -~]{1,3}", any::<char>().prop_map(String::from)],
    ) {
        let text = to_text(&bytes).unwrap();
        let at = at.index(text.len());
        let changed = format!("{}{put}{}", &text[..at], &text[at + 1..]);
        if let Ok(taken) = from_text(&changed) {
            prop_assert_eq!(to_text(&taken).unwrap(), changed.clone());
            prop_assert_eq!(taken == bytes, changed == text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![".*", "vault:v[0-9]{0,12}:[A-Za-z0-9+/=]{0,300}"]) {
        if let Ok(bytes) = from_text(&text) {
            prop_assert_eq!(to_text(&bytes).unwrap(), text);
        }
    }
}

#[test]
fn the_text_of_every_kind_of_ciphertext_names_its_version_and_no_other() {
    let rings = rings();
    for algorithm in Algorithm::ALL {
        let ring = name(&format!("{algorithm:?}"));
        if !matches!(algorithm.purpose(), Purpose::Envelope | Purpose::Aead) {
            continue;
        }
        rings.create(&ring, algorithm).unwrap();
        rings.rotate(&ring).unwrap();
        let sealed = rings.encrypt(&ring, b"12345", b"").unwrap();
        let text = to_text(&sealed).unwrap();
        assert_eq!(
            (ciphertext_version(&sealed).unwrap(), from_text(&text).unwrap()),
            (2, sealed),
            "{ring:?}"
        );
        for other in [1, 3] {
            refused(&text.replacen("v2", &format!("v{other}"), 1));
        }
    }
}

/// Bytes of which the context and the rest are cut at every place give as many different results.
#[test]
fn no_two_pairs_of_context_and_data_are_bound_alike() {
    let bytes = b"0123456789";
    let all = (1..=bytes.len()).map(|cut| with_context(&bytes[..cut], &bytes[cut..]).unwrap());
    assert_eq!(all.collect::<HashSet<_>>().len(), bytes.len());
    assert_eq!(verdict(with_context(b"", bytes)), "invalid");
}

proptest! {
    #[test]
    fn a_label_is_read_as_it_was_written(version: u32, bytes: Vec<u8>) {
        let text = label(version, &bytes);
        prop_assert_eq!(parse_label(&text).unwrap(), (version, bytes));
    }

    #[test]
    fn any_text_is_no_label_or_the_one_that_is_written(text in "(vault:v)?[0-9+]{0,3}:?[A-Za-z0-9+/=]{0,12}") {
        if let Ok((version, bytes)) = parse_label(&text) {
            prop_assert_eq!(label(version, &bytes), text);
        }
    }
}
