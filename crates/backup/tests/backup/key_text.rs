//! The texts of keys: one spelling, and no typing error passes.

use strongroom_backup::{KeyTextError, Recipient, RecoveryKey, SignerKey};
use strongroom_keys::Hash;

use crate::{
    forge::key_pair,
    support::{House, Ring},
};

/// No point of edwards25519 has this y.
pub(crate) const NO_POINT: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    bytes
};

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz234567";

/// Each kind: its prefix, a good text, and whether a text is read, and to the same again.
type Parse = fn(&str) -> Result<String, KeyTextError>;

fn kinds(house: &House) -> [(&'static str, String, Parse); 3] {
    [
        ("strongroom-recovery-", house.recovery.expose().to_string(), |text| {
            RecoveryKey::parse(text).map(|key| key.expose().to_string())
        }),
        ("strongroom-recipient-", house.recovery.recipient().to_string(), |text| {
            Recipient::parse(text).map(|key| key.to_string())
        }),
        ("strongroom-signer-", Ring::new(7).key().to_string(), |text| {
            SignerKey::parse(text).map(|key| key.to_string())
        }),
    ]
}

/// 32 bytes as text, with a check that fits.
pub(crate) fn text(prefix: &str, bytes: &[u8; 32]) -> String {
    let check = Hash::Sha256.digest(&[prefix.as_bytes(), bytes].concat());
    let all = [bytes.as_slice(), &check[..8]].concat();
    let digit = |group: &[u8], at: usize| {
        let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        ALPHABET.as_bytes()[(bits >> (35 - 5 * at) & 31) as usize] as char
    };
    let digits = all.chunks(5).flat_map(|group| (0..8).map(move |at| digit(group, at)));
    prefix.chars().chain(digits).collect()
}

#[test]
fn a_key_comes_back_from_its_text() {
    for (prefix, good, parse) in kinds(&House::new()) {
        assert!(good.starts_with(prefix));
        assert_eq!(good.len(), prefix.len() + 64);
        assert_eq!(parse(&good).unwrap(), good);
    }
    let (private, public) = key_pair(3);
    let key = RecoveryKey::parse(&text("strongroom-recovery-", &private)).unwrap();
    assert_eq!(key.recipient().to_string(), text("strongroom-recipient-", &public));
    assert_eq!(key.recipient().to_string().parse::<Recipient>(), Ok(key.recipient()));
}

#[test]
fn every_wrong_digit_is_found() {
    for (prefix, good, parse) in kinds(&House::new()) {
        for at in prefix.len()..good.len() {
            for digit in (0x20..0x7fu8).map(char::from).filter(|digit| !good[at..].starts_with(*digit)) {
                let bad = format!("{}{digit}{}", &good[..at], &good[at + 1..]);
                assert_eq!(parse(&bad), Err(KeyTextError::Damaged), "{at}: {digit}");
            }
        }
    }
}

#[test]
fn digits_that_changed_places_are_found() {
    for (prefix, good, parse) in kinds(&House::new()) {
        for (left, right) in (prefix.len()..64 + prefix.len())
            .flat_map(|left| (left + 1..good.len()).map(move |right| (left, right)))
        {
            let mut bad = good.clone().into_bytes();
            bad.swap(left, right);
            let bad = String::from_utf8(bad).unwrap();
            assert_eq!(parse(&bad).is_err(), bad != good, "{left}, {right}");
        }
    }
}

#[test]
fn there_is_one_spelling() {
    for (prefix, good, parse) in kinds(&House::new()) {
        let bad = [
            format!(" {good}"),
            format!("{good}\n"),
            format!("{good}="),
            good.to_uppercase(),
            good[..good.len() - 1].to_owned(),
            format!("{good}a"),
            good[1..].to_owned(),
            good.replacen(prefix, "strongroom-", 1),
            prefix.to_owned(),
            String::new(),
            "ä".repeat(64),
        ];
        for bad in bad {
            assert_eq!(parse(&bad), Err(KeyTextError::Malformed), "{bad:?}");
        }
        let digits = &good[prefix.len()..];
        assert_eq!(parse(&format!("{prefix}{}", digits.to_uppercase())), Err(KeyTextError::Damaged));
        assert_eq!(parse(&format!("{prefix}{}", "ä".repeat(32))), Err(KeyTextError::Damaged));
    }
}

#[test]
fn no_kind_passes_for_another() {
    let house = House::new();
    for (at, (_, good, _)) in kinds(&house).into_iter().enumerate() {
        for (other, (prefix, _, parse)) in
            kinds(&house).into_iter().enumerate().filter(|(other, _)| *other != at)
        {
            assert_eq!(parse(&good), Err(KeyTextError::Malformed), "{at} as {other}");
            // Nor with its prefix exchanged: the check covers it.
            let exchanged = format!("{prefix}{}", &good[good.len() - 64..]);
            assert_eq!(parse(&exchanged), Err(KeyTextError::Damaged), "{at} as {other}");
        }
    }
}

#[test]
fn a_private_key_has_its_ignored_bits_set_as_the_standard_sets_them() {
    let (private, _) = key_pair(3);
    for (at, bit) in [(0, 0), (0, 1), (0, 2), (31, 6), (31, 7)] {
        let mut bytes = private;
        bytes[at] ^= 1 << bit;
        let parsed = RecoveryKey::parse(&text("strongroom-recovery-", &bytes));
        assert_eq!(parsed.err(), Some(KeyTextError::Unusable));
    }
}

/// A number below 2^255, little-endian.
fn number(hex: &str) -> [u8; 32] {
    let mut bytes: Vec<_> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    bytes.reverse();
    bytes.try_into().unwrap()
}

#[test]
fn a_recipient_is_no_point_of_small_order_and_has_one_spelling() {
    let zeros = "0".repeat(63);
    let small = [
        format!("{zeros}0"),
        format!("{zeros}1"),
        // The points of order 8, and p - 1.
        "00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0".to_owned(),
        "57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f".to_owned(),
        format!("7{}ec", "f".repeat(61)),
    ];
    // p, p + 1, and 9 with the bit that X25519 ignores.
    let twice =
        [format!("7{}ed", "f".repeat(61)), format!("7{}ee", "f".repeat(61)), format!("8{}9", "0".repeat(62))];
    for hex in small.iter().chain(&twice) {
        let parsed = Recipient::parse(&text("strongroom-recipient-", &number(hex)));
        assert_eq!(parsed, Err(KeyTextError::Unusable), "{hex}");
    }
    // The base point is one, if not a good one.
    assert!(Recipient::parse(&text("strongroom-recipient-", &number(&format!("{zeros}9")))).is_ok());
}

#[test]
fn bytes_that_are_no_point_are_no_signer() {
    assert_eq!(SignerKey::parse(&text("strongroom-signer-", &NO_POINT)), Err(KeyTextError::Unusable));
}
