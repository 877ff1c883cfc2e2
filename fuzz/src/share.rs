//! A share of an unseal secret: typed in by people, so what is wrong with it is told, and nothing wrong passes.

use std::sync::Arc;

use strongroom_barrier::{Share, ShareError, Unlock, UnsealError};
use strongroom_core::Provider;
use strongroom_keys::RustCrypto;

use crate::{
    Seed,
    database::{DATABASE, open, restored},
    fixed,
    input::Input,
};

/// The first byte tells what the others are: bytes, a text, bytes that get their checksum here, or how to damage
/// a share that was handed out.
pub fn run(data: &[u8]) {
    let provider = fixed::provider(5);
    let mut input = Input::new(data);
    match input.byte() {
        0 => drop(bytes(&provider, input.rest())),
        1 => text(&provider, &String::from_utf8_lossy(input.rest())),
        2 => checksummed(&provider, &mut input),
        _ => damaged(&provider, &mut input),
    }
}

/// - Bytes are read as a share exactly if they have its length, checksum, format, threshold and index.
/// - Each of its texts reads back as these bytes, in capitals as well, and one of them in groups.
fn bytes(provider: &RustCrypto, bytes: &[u8]) -> Option<Share> {
    let read = Share::from_bytes(provider, bytes);
    assert_eq!(read.as_ref().err().copied(), why_not(provider, bytes));
    let share = read.ok()?;
    assert_eq!((&share.slot()[..], share.threshold(), share.index()), (&bytes[1..17], bytes[17], bytes[18]));
    let (hex, base64) = (share.expose_hex(), share.expose_base64());
    let typed = share.expose_text();
    let grouped = typed.replace('-', " - ").to_uppercase();
    for text in [&*hex, &*base64, &*typed, &grouped, &hex.to_uppercase(), &format!(" {}\n", *base64)] {
        let again = Share::parse(provider, text).expect("a share's own text");
        assert_eq!(again.expose_hex(), hex);
    }
    assert_eq!(format!("{share:?}"), "Share");
    Some(share)
}

/// What is wrong with these bytes, by the format's description alone.
fn why_not(provider: &RustCrypto, bytes: &[u8]) -> Option<ShareError> {
    let Some((body, sum)) = bytes.split_last_chunk::<4>().filter(|_| bytes.len() == 55) else {
        return Some(ShareError::Malformed);
    };
    if *sum != checksum(provider, body) {
        return Some(ShareError::Damaged);
    }
    let valid = body[0] == 1 && body[17] > 0 && body[18] > 0;
    (!valid).then_some(ShareError::Malformed)
}

fn checksum(provider: &RustCrypto, body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = provider.sha256(&[b"strongroom/v1/share/checksum", body]);
    [a, b, c, d]
}

/// A text that is read as a share is its hex or its base64, but for space around it and capitals in hex, or the text
/// that people type, but for space and capitals.
fn text(provider: &RustCrypto, text: &str) {
    let Ok(share) = Share::parse(provider, text) else { return };
    let typed: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    let text = text.trim();
    let (hex, base64) = (share.expose_hex(), share.expose_base64());
    let known = text == *base64 || text.eq_ignore_ascii_case(&hex);
    assert!(known || typed.eq_ignore_ascii_case(&share.expose_text()));
}

/// Bytes with the right checksum, as one who knows the format would make them: no database takes them.
fn checksummed(provider: &RustCrypto, input: &mut Input<'_>) {
    let mut body = input.array::<51>();
    if input.byte().is_multiple_of(2) {
        body[0] = 1;
        body[1..17].copy_from_slice(&DATABASE.shares[0].slot());
    }
    let whole = [&body[..], &checksum(provider, &body)].concat();
    if let Some(share) = bytes(provider, &whole) {
        opened(&[share]);
    }
}

/// A share that was handed out, with one byte changed, repaired or not: it is refused, alone and with a good one.
fn damaged(provider: &RustCrypto, input: &mut Input<'_>) {
    let (which, place, flipped, repair) = (input.byte(), input.byte(), input.byte(), input.byte());
    let share = &DATABASE.shares[usize::from(which) % DATABASE.shares.len()];
    let mut whole = hex(&share.expose_hex());
    whole[usize::from(place) % 55] ^= flipped;
    if repair % 2 == 1 {
        let sum = checksum(provider, &whole[..51]);
        whole[51..].copy_from_slice(&sum);
    }
    if let Some(changed) = bytes(provider, &whole) {
        let good = DATABASE.shares.iter().find(|good| good.index() != share.index()).expect("three of them");
        opened(&[changed.clone(), good.clone()]);
        opened(&[good.clone(), changed]);
    }
}

/// Two shares that were handed out open the database; with any other one among them, they do not.
fn opened(shares: &[Share]) {
    let sealed = open(&Arc::new(restored(&DATABASE.rows)));
    for share in shares {
        assert_eq!(sealed.check_share(share).is_ok(), handed_out(share));
    }
    let unsealed = sealed.unseal(&Unlock::Shares(shares)).map(drop);
    match (shares.iter().all(handed_out), shares.len() > 1) {
        (true, true) => assert!(unsealed.is_ok()),
        (true, false) => {
            assert!(matches!(unsealed, Err(UnsealError::Share(ShareError::Missing { missing: 1 }))))
        }
        (false, _) => {
            assert!(matches!(unsealed, Err(UnsealError::Share(ShareError::Wrong | ShareError::Foreign))))
        }
    }
}

fn handed_out(share: &Share) -> bool {
    DATABASE.shares.iter().any(|known| known.expose_hex() == share.expose_hex())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex")).collect()
}

/// Shares and their texts, whole and damaged.
pub fn seeds() -> Vec<Seed> {
    let provider = fixed::provider(5);
    let body = [&[1][..], &[0xa5; 16], &[2, 1], &[0x5a; 31], &[0xfb]].concat();
    let whole = [&body[..], &checksum(&provider, &body)].concat();
    let share = Share::from_bytes(&provider, &whole).expect("made as the format says");
    let (hex_text, base64) = (share.expose_hex().to_string(), share.expose_base64().to_string());
    let typed = share.expose_text().to_string();
    let with = |at: usize, byte: u8| {
        let mut changed = whole.clone();
        changed[at] = byte;
        changed
    };
    let raw = |name: &str, bytes: &[u8]| Seed::new(name, [&[0], bytes].concat());
    let text = |name: &str, text: &str| Seed::new(name, [&[1], text.as_bytes()].concat());
    let summed = |name: &str, body: &[u8], keep: u8| Seed::new(name, [&[2], body, &[keep]].concat());
    let damage = |name: &str, how: [u8; 4]| Seed::new(name, [&[3], &how[..]].concat());
    vec![
        raw("valid", &whole),
        raw("truncated", &whole[..54]),
        raw("one-byte-more", &[&whole[..], &[0]].concat()),
        raw("checksum-changed", &with(54, whole[54] ^ 1)),
        raw("value-changed", &with(30, whole[30] ^ 1)),
        text("typed", &typed),
        text("typed-in-capitals-and-groups", &typed.to_uppercase().replace('-', " - ")),
        text("typed-with-a-wrong-digit", &typed.replacen('a', "b", 1)),
        text("typed-truncated", &typed[..typed.len() - 1]),
        text("typed-for-another-index", &typed.replacen("-1-", "-2-", 1)),
        text("hex", &hex_text),
        text("hex-in-capitals", &hex_text.to_uppercase()),
        text("hex-with-a-wrong-digit", &hex_text.replacen('0', "g", 1)),
        text("hex-truncated", &hex_text[..109]),
        text("hex-of-wide-digits", &"０".repeat(110)),
        text("base64", &base64),
        text("base64-with-space-around", &format!(" \t{base64}\r\n")),
        text("base64-with-space-inside", &format!("{} {}", &base64[..38], &base64[38..])),
        text("base64-without-padding", base64.trim_end_matches('=')),
        text("base64-of-urls", &base64.replace('+', "-").replace('/', "_")),
        text("base64-with-bits-to-spare", &format!("{}/==", &base64[..73])),
        summed("body-of-a-share", &body, 1),
        summed("other-format", &with(0, 2)[..51], 1),
        summed("threshold-zero", &with(17, 0)[..51], 1),
        summed("threshold-one", &with(17, 1)[..51], 0),
        summed("index-zero", &with(18, 0)[..51], 1),
        summed("index-of-another", &with(18, 2)[..51], 0),
        summed("slot-of-the-database", &body, 0),
        damage("flip-and-leave", [0, 40, 1, 0]),
        damage("flip-and-repair", [1, 40, 1, 1]),
        damage("flip-the-index-and-repair", [0, 18, 3, 1]),
        damage("flip-the-threshold-and-repair", [0, 17, 3, 1]),
        damage("flip-nothing", [2, 0, 0, 0]),
    ]
}
