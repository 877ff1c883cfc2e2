//! The text of a share. Its checksum is the BCH code of BIP 173 with the constant of BIP 350: over 88 digits it
//! finds any four that are wrong, and so any two neighbours that changed places. No table is looked up by a digit.

use base32ct::{Base32Unpadded, Encoding};
use zeroize::Zeroizing;

use crate::{ShareError, share::BODY};

const PREFIX: &str = "strongroom-share-";
/// The body, two bits that are zero, and a checksum of 30 bits: 440 bits, so no digit is left half used.
const SIZE: usize = BODY + 4;
const DIGITS: usize = SIZE * 8 / 5;
const CHECKSUM: u32 = 0x2bc8_30a3;

pub(crate) fn encode(slot: [u8; 16], index: u8, body: &[u8]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; SIZE]);
    for (to, from) in bytes.iter_mut().zip(body.iter().take(BODY)) {
        *to = *from;
    }
    let sum = remainder(digits(&bytes)) ^ CHECKSUM;
    if let Some(end) = bytes.last_chunk_mut() {
        *end = sum.to_be_bytes();
    }
    let mut text = Zeroizing::new([0; DIGITS]);
    // The lengths are constants that fit, so the encoding does not fail.
    let digits = Base32Unpadded::encode(bytes.as_slice(), text.as_mut_slice()).unwrap_or_default();
    let header = header(slot, index);
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + header.len() + 1 + DIGITS));
    [PREFIX, &header, "-", digits].iter().for_each(|part| text.push_str(part));
    text
}

/// The body of a share; nothing if the text does not begin as that of a share.
pub(crate) fn decode(text: &str) -> Result<Option<Zeroizing<[u8; BODY]>>, ShareError> {
    let text = plain(text);
    let Some(rest) = text.strip_prefix(PREFIX) else { return Ok(None) };
    let (_, typed) = rest.rsplit_once('-').ok_or(ShareError::Malformed)?;
    if typed.len() != DIGITS {
        return Err(ShareError::Malformed);
    }
    let mut bytes = Zeroizing::new([0; SIZE]);
    Base32Unpadded::decode(typed, bytes.as_mut_slice()).map_err(|_| ShareError::Damaged)?;
    let (body, end) = bytes.split_first_chunk::<BODY>().ok_or(ShareError::Malformed)?;
    let whole = end.first().is_some_and(|first| first >> 6 == 0);
    if remainder(digits(&bytes)) != CHECKSUM || !whole {
        return Err(ShareError::Damaged);
    }
    Ok(Some(Zeroizing::new(*body)))
}

/// Whether what a person reads at the beginning is the slot and the index of the share.
pub(crate) fn is_headed(text: &str, slot: [u8; 16], index: u8) -> bool {
    let text = plain(text);
    let rest = text.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('-'));
    rest.is_some_and(|(typed, _)| typed == header(slot, index))
}

fn header(slot: [u8; 16], index: u8) -> String {
    let [a, b, c, d, ..] = slot;
    format!("{:08x}-{index}", u32::from_be_bytes([a, b, c, d]))
}

/// Without capitals, spaces and line breaks.
fn plain(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    text.chars().filter(|char| !char.is_whitespace()).for_each(|char| plain.push(char.to_ascii_lowercase()));
    plain
}

/// Five bits each.
fn digits(bytes: &[u8; SIZE]) -> impl Iterator<Item = u8> {
    let (groups, _) = bytes.as_chunks::<5>();
    groups.iter().flat_map(|[a, b, c, d, e]| {
        let group = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
        (0..8).rev().map(move |at| (group >> (5 * at)) as u8 & 31)
    })
}

/// The remainder of the digits, as the polynomial over GF(32) that BIP 173 has, by its generator.
fn remainder(digits: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    digits.fold(1, |sum, digit| {
        let (top, shifted) = (sum >> 25, (sum & 0x01ff_ffff) << 5 ^ u32::from(digit));
        GENERATOR.iter().zip(0..).fold(shifted, |sum, (generator, bit)| {
            // All ones where the bit is set, else zero.
            sum ^ generator & (top >> bit & 1).wrapping_neg()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Valid strings of BIP 350 in its own alphabet.
    const BIP_350: [&str; 4] = [
        "a1lqfn3a",
        "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
        "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
        "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    ];

    #[test]
    fn the_code_is_the_one_of_bip_350() {
        for text in BIP_350 {
            let (human, data) = text.rsplit_once('1').unwrap();
            let high = human.bytes().map(|byte| byte >> 5);
            let low = human.bytes().map(|byte| byte & 31);
            let data = data.chars().map(|char| "qpzry9x8gf2tvdw0s3jn54khce6mua7l".find(char).unwrap() as u8);
            assert_eq!(remainder(high.chain([0]).chain(low).chain(data)), CHECKSUM, "{text}");
        }
    }

    #[test]
    fn any_four_wrong_digits_are_found() {
        // The code is linear: four errors are missed only if two of them leave the same remainder as the others.
        let zero = remainder([0; DIGITS].into_iter());
        let error =
            |place, value| remainder((0..DIGITS).map(|at| if at == place { value } else { 0 })) ^ zero;
        let errors: Vec<[u32; 32]> =
            (0..DIGITS).map(|place| std::array::from_fn(|value| error(place, value as u8))).collect();
        let mut remainders = vec![0];
        for (place, first) in errors.iter().enumerate() {
            remainders.extend(&first[1..]);
            for second in &errors[..place] {
                first[1..].iter().for_each(|one| remainders.extend(second[1..].iter().map(|two| one ^ two)));
            }
        }
        let all = remainders.len();
        remainders.sort_unstable();
        remainders.dedup();
        assert_eq!((all, remainders.len()), (1 + 88 * 31 + 88 * 87 / 2 * 31 * 31, all));
    }
}
