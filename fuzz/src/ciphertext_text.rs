//! A ciphertext as Vault's clients know it, `vault:v1:…`: one text per ciphertext.

use base64::{Engine, engine::general_purpose::STANDARD};
use strongroom_core::{Algorithm, Provider, Purpose};
use strongroom_keys::envelope::{self, Context, Header, KeyId};
use strongroom_kms::{ciphertext_version, from_text, to_text};

use crate::{Seed, fixed};

/// - A text that is read is the only one of its ciphertext, and names the version that stands in it.
/// - Bytes have a text exactly if they are a ciphertext, and that text reads back as these bytes.
pub fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(ciphertext) = from_text(text)
    {
        assert_eq!(to_text(&ciphertext).ok().as_deref(), Some(text));
        let version = ciphertext_version(&ciphertext).expect("was read");
        assert!(text.starts_with(&format!("vault:v{version}:")));
    }
    assert_eq!(to_text(data).is_ok(), Header::parse(data).is_ok() || has_raw_head(data));
    if let Ok(text) = to_text(data) {
        assert_eq!(from_text(&text).ok().as_deref(), Some(data));
    }
}

/// Whether bytes begin as what a key made that encrypts messages itself: which kind it is for, and the version.
fn has_raw_head(data: &[u8]) -> bool {
    let kinds = Algorithm::known().filter(|algorithm| algorithm.purpose() == Purpose::Aead);
    let heads: Vec<_> = kinds.map(|algorithm| [b'S', b'R', 2, algorithm.number()]).collect();
    data.len() >= 8 && heads.iter().any(|head| data.starts_with(head))
}

/// Texts and ciphertexts, and texts that nearly are.
pub fn seeds() -> Vec<Seed> {
    let sealed = |version: u32, plaintext: &[u8]| {
        let provider = fixed::provider(4);
        let context = Context::new(&provider, &[b"kms", b""]).expect("within limits");
        let key = KeyId { id: [0x20; 16], version };
        envelope::seal(&provider, &*provider.hmac(&[1; 32]), key, &context, plaintext).expect("seals")
    };
    let one = sealed(1, b"orders");
    let text = to_text(&one).expect("a ciphertext");
    let base64 = STANDARD.encode(&one);
    let other = |text: String| text.into_bytes();
    vec![
        Seed::new("valid", text.clone()),
        Seed::new("valid-largest-version", to_text(&sealed(u32::MAX, b"")).expect("a ciphertext")),
        Seed::new("bytes", one.clone()),
        Seed::new("bytes-truncated", &one[..one.len() - 8]),
        Seed::new("version-of-another", other(format!("vault:v2:{base64}"))),
        Seed::new("version-with-a-zero-in-front", other(format!("vault:v01:{base64}"))),
        Seed::new("version-with-a-plus", other(format!("vault:v+1:{base64}"))),
        Seed::new("version-too-large", other(format!("vault:v4294967297:{base64}"))),
        Seed::new("version-missing", other(format!("vault:v:{base64}"))),
        Seed::new("prefix-missing", other(format!("v1:{base64}"))),
        Seed::new("prefix-in-capitals", other(format!("VAULT:v1:{base64}"))),
        Seed::new("base64-without-padding", text.trim_end_matches('=')),
        Seed::new("base64-padded-twice", other(format!("{text}=="))),
        Seed::new("base64-of-urls", other(text.replace('+', "-").replace('/', "_"))),
        Seed::new("base64-with-a-space", other(format!("vault:v1: {base64}"))),
        Seed::new("third-field", other(format!("{text}:x"))),
        Seed::new("version-zero", to_text(&one).expect("a ciphertext").replace("AAAAB", "AAAAA")),
        Seed::new("nothing-inside", "vault:v1:"),
    ]
}
