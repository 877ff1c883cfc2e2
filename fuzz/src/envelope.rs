//! The sealed envelope: nothing opens but what was sealed, and each envelope has one spelling.

use strongroom_core::{Mac, Provider};
use strongroom_keys::{
    RustCrypto,
    envelope::{self, Context, EnvelopeError, Header, KeyId, OVERHEAD},
};

use crate::{Seed, fixed, input::Input};

const KEY: KeyId = KeyId { id: [0x10; 16], version: 3 };
const SECRET: [u8; 32] = [0x42; 32];
const PARTS: [&[u8]; 2] = [b"fuzz", b"context"];
const TEXT: &[u8] = b"a plaintext";

/// The first byte tells what the others are: an envelope, its text, or what to seal and how to damage it.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() {
        0 => bytes(input.rest()),
        1 => text(&String::from_utf8_lossy(input.rest())),
        _ => sealed(&mut input),
    }
}

/// - A header is read exactly where the format says that there is one, and says what stands there.
/// - What opens under the known key is what sealing makes with the same salt and nonce; nothing opens under
///   another key, version or context.
fn bytes(envelope: &[u8]) {
    let provider = fixed::provider(1);
    let expected = key_in(envelope);
    assert_eq!(Header::parse(envelope).ok().map(|header| header.key), expected);
    let mac = provider.hmac(&SECRET);
    let context = Context::new(&provider, &PARTS).expect("within limits");
    match envelope::open(&provider, &*mac, KEY, &context, envelope) {
        Ok(plaintext) => {
            let drawn = [&envelope[24..48], &envelope[80..92]].concat();
            let replayed = envelope::seal(&fixed::replaying(drawn), &*mac, KEY, &context, &plaintext);
            assert_eq!(replayed.as_deref(), Ok(envelope), "a second envelope of the same");
        }
        Err(error) => assert_eq!(error, why(expected)),
    }
    let other = provider.hmac(&[0x43; 32]);
    assert_eq!(opened(&provider, &*other, KEY, &PARTS, envelope), Err(why(expected)));
    assert_eq!(opened(&provider, &*mac, KEY, &PARTS[..1], envelope), Err(why(expected)));
    let next = KeyId { version: KEY.version + 1, ..KEY };
    assert_eq!(opened(&provider, &*mac, next, &PARTS, envelope), Err(why(expected)));
}

/// A text has one envelope, and an envelope one text.
fn text(text: &str) {
    if let Ok(envelope) = envelope::from_text(text) {
        assert_eq!(envelope::to_text(&envelope), text);
    }
    assert_eq!(envelope::from_text(&envelope::to_text(text.as_bytes())).as_deref(), Ok(text.as_bytes()));
}

/// - Sealing then opening gives the plaintext; the header names the key; the length is as documented.
/// - A damaged envelope, another key, version, id or context does not open.
fn sealed(input: &mut Input<'_>) {
    let provider = fixed::provider(2);
    let key = KeyId { id: input.array(), version: input.u32() };
    let secret = input.array();
    let parts: Vec<&[u8]> = (0..input.byte() % 4).map(|_| input.short()).collect();
    let (damage, place, value) = (input.byte(), input.below(usize::MAX), input.byte());
    let plaintext = input.rest();
    let mac = provider.hmac(&secret);
    let context = Context::new(&provider, &parts).expect("within limits");
    let envelope = envelope::seal(&provider, &*mac, key, &context, plaintext);
    if key.version == 0 {
        return assert_eq!(envelope, Err(EnvelopeError::Malformed));
    }
    let envelope = envelope.expect("a key of version 1 or more seals");
    assert_eq!(envelope.len(), plaintext.len() + OVERHEAD);
    assert_eq!(key_in(&envelope), Some(key));
    assert_eq!(opened(&provider, &*mac, key, &parts, &envelope).as_deref(), Ok(plaintext));
    others(&provider, &secret, key, &parts, &envelope);
    let damaged = damaged(&envelope, damage, place, value);
    if damaged != envelope {
        assert_eq!(opened(&provider, &*mac, key, &parts, &damaged), Err(why(key_in(&damaged))));
    }
}

/// Everything else than what it was sealed with.
fn others(provider: &RustCrypto, secret: &[u8; 32], key: KeyId, parts: &[&[u8]], envelope: &[u8]) {
    let failed = Err(EnvelopeError::OpenFailed);
    let mut other = *secret;
    other[31] ^= 1;
    let (mac, other) = (provider.hmac(secret), provider.hmac(&other));
    assert_eq!(opened(provider, &*other, key, parts, envelope), failed);
    let version = KeyId { version: key.version ^ 1, ..key };
    assert_eq!(opened(provider, &*mac, version, parts, envelope), failed);
    let mut id = key;
    id.id[0] ^= 0x80;
    assert_eq!(opened(provider, &*mac, id, parts, envelope), failed);
    let more = [parts, &[b"".as_slice()]].concat();
    assert_eq!(opened(provider, &*mac, key, &more, envelope), failed);
    if parts.len() > 1 {
        let joined = [parts[0], parts[1]].concat();
        assert_eq!(opened(provider, &*mac, key, &[&[&*joined], &parts[2..]].concat(), envelope), failed);
    }
}

fn damaged(envelope: &[u8], damage: u8, place: usize, value: u8) -> Vec<u8> {
    let mut damaged = envelope.to_vec();
    let place = place % damaged.len();
    match damage % 4 {
        0 => damaged[place] ^= value,
        1 => damaged.truncate(place),
        2 => damaged.push(value),
        _ => drop(damaged.remove(place)),
    }
    damaged
}

fn opened(
    provider: &RustCrypto,
    mac: &dyn Mac,
    key: KeyId,
    parts: &[&[u8]],
    envelope: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let context = Context::new(provider, parts).expect("within limits");
    envelope::open(provider, mac, key, &context, envelope).map(|plaintext| plaintext.to_vec())
}

/// The key that an envelope names, by the format's description alone.
fn key_in(envelope: &[u8]) -> Option<KeyId> {
    let version = u32::from_be_bytes(envelope.get(20..24)?.try_into().ok()?);
    let named = envelope.len() >= 108 && envelope.starts_with(b"SR\x01\x01") && version > 0;
    named.then(|| KeyId { id: envelope[4..20].try_into().expect("16 bytes"), version })
}

fn why(key: Option<KeyId>) -> EnvelopeError {
    key.map_or(EnvelopeError::Malformed, |_| EnvelopeError::OpenFailed)
}

/// Envelopes whole and damaged, their texts, and what to seal.
pub fn seeds() -> Vec<Seed> {
    let valid = known(KEY, &PARTS, TEXT);
    let with = |at: usize, byte: u8| {
        let mut changed = valid.clone();
        changed[at] = byte;
        changed
    };
    let raw = |name: &str, envelope: &[u8]| Seed::new(name, [&[0], envelope].concat());
    let text = |name: &str, text: &str| Seed::new(name, [&[1], text.as_bytes()].concat());
    let base64url = envelope::to_text(&valid);
    let to_seal = |damage: u8, parts: &[u8], plaintext: &[u8]| {
        [&[2][..], &[7; 16], &[0, 0, 0, 1], &[9; 32], parts, &[damage, 0, 60, 1], plaintext].concat()
    };
    vec![
        raw("valid", &valid),
        raw("valid-empty-plaintext", &known(KEY, &PARTS, b"")),
        raw("one-byte-short-of-the-shortest", &known(KEY, &PARTS, b"")[..OVERHEAD - 1]),
        raw("header-alone", &valid[..48]),
        raw("longer-than-sealed", &[&valid[..], &[0]].concat()),
        raw("other-magic", &with(1, b'S')),
        raw("other-format", &with(2, 2)),
        raw("other-suite", &with(3, 2)),
        raw("version-zero", &with(23, 0)),
        raw("version-of-another-key", &known(KeyId { version: u32::MAX, ..KEY }, &PARTS, TEXT)),
        raw("context-of-another", &known(KEY, &[b"fuzzcontext"], TEXT)),
        raw("salt-changed", &with(30, 0)),
        raw("commitment-changed", &with(60, 0)),
        raw("nonce-changed", &with(85, 0)),
        raw("tag-changed", &with(valid.len() - 1, 0)),
        text("text-valid", &base64url),
        text("text-padded", &format!("{base64url}=")),
        text("text-in-the-other-alphabet", "-_-_+/+/"),
        text("text-with-bits-to-spare", "AB"),
        text("text-with-a-line-end", &format!("{base64url}\n")),
        Seed::new("seal-and-flip", to_seal(0, &[2, 1, b'a', 1, b'b'], TEXT)),
        Seed::new("seal-and-truncate", to_seal(1, &[0], TEXT)),
        Seed::new("seal-and-extend", to_seal(2, &[1, 0], b"")),
        Seed::new("seal-and-remove-a-byte", to_seal(3, &[3, 0, 0, 0], TEXT)),
        Seed::new("seal-under-version-zero", [&[2u8][..], &[7; 16], &[0; 4], &[9; 32]].concat()),
    ]
}

fn known(key: KeyId, parts: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
    let provider = fixed::provider(3);
    let context = Context::new(&provider, parts).expect("within limits");
    envelope::seal(&provider, &*provider.hmac(&SECRET), key, &context, plaintext).expect("seals")
}
