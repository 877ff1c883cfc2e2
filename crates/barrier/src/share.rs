use std::fmt;

use base64ct::{Base64, Encoding};
use strongroom_core::Provider;
use zeroize::Zeroizing;

use crate::share_text;

/// One share of a slot's secret (Shamir, k of n over GF(2⁸)).
///
/// Its bytes: format `01` ‖ slot id (16) ‖ threshold (1) ‖ index (1, from 1) ‖ value (32) ‖ the first 4 bytes
/// of SHA-256 over all before. The last four tell a damaged share from a wrong one without any slot.
///
/// As text it is `strongroom-share-c038af63-2-` and 88 digits: the first 8 hex digits of its slot's id, its index,
/// then everything but the last four bytes in base32 (RFC 4648, lower case), with a checksum made for typing:
/// it finds any four wrong digits, and any two that changed places. Capitals, spaces and line breaks make no
/// difference.
#[derive(Clone)]
pub struct Share(Zeroizing<[u8; Self::SIZE]>);

/// A share cannot be used, or a set of shares does not give the secret. Says which and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not the text or length of a share.
    #[error("not a share: enter all of it, as it was given out")]
    Malformed,
    /// Its checksum does not fit.
    #[error("the share is damaged: check it for a typing error")]
    Damaged,
    /// It belongs to another slot or database.
    #[error("the share belongs to another slot or database, or to a slot that was removed or replaced")]
    Foreign,
    /// It names this slot, but is not one of its shares.
    #[error("the share is not one of this slot's: it was changed or replaced")]
    Wrong,
    /// This share is there already.
    #[error("share {0} was entered twice: enter another one")]
    Doubled(u8),
    /// It is right, but nothing opens by its set before that is confirmed.
    #[error("the share is right, but its set is not confirmed yet: use the old shares until then")]
    Proposed,
    /// More shares are needed.
    #[error("{missing} more shares are needed")]
    Missing {
        /// How many.
        missing: u8,
    },
}

/// How a secret is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// How many shares are made, at most 255.
    pub shares: u8,
    /// How many of them give the secret: at least 1, at most `shares`.
    pub threshold: u8,
}

/// All but the checksum.
pub(crate) const BODY: usize = 51;

/// Index and value.
const POINT: std::ops::Range<usize> = 18..51;

impl Share {
    /// The length of a share, in bytes.
    pub const SIZE: usize = 55;

    /// Reads a share from its text, or from hex or standard base64 as clients of Vault have it. What a typing
    /// error did to it shows here, without any database.
    ///
    /// # Errors
    /// [`ShareError::Malformed`] or [`ShareError::Damaged`].
    pub fn parse(provider: &dyn Provider, text: &str) -> Result<Self, ShareError> {
        if let Some(body) = share_text::decode(text)? {
            let share = Self::of_body(provider, &body);
            let same = share_text::is_headed(text, share.slot(), share.index());
            return if same { share.checked() } else { Err(ShareError::Damaged) };
        }
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        let text = text.trim();
        let length = if text.len() == 2 * Self::SIZE {
            decode_hex(text, &mut bytes)
        } else {
            Base64::decode(text, bytes.as_mut_slice()).ok().map(<[u8]>::len)
        };
        if length == Some(Self::SIZE) {
            Self::from_bytes(provider, bytes.as_slice())
        } else {
            Err(ShareError::Malformed)
        }
    }

    /// Reads a share from its bytes.
    ///
    /// # Errors
    /// [`ShareError::Malformed`] or [`ShareError::Damaged`].
    pub fn from_bytes(provider: &dyn Provider, bytes: &[u8]) -> Result<Self, ShareError> {
        let bytes: [u8; Self::SIZE] = bytes.try_into().map_err(|_| ShareError::Malformed)?;
        let share = Self(Zeroizing::new(bytes));
        if share.0.last_chunk() != Some(&checksum(provider, &share.0)) {
            return Err(ShareError::Damaged);
        }
        share.checked()
    }

    /// The share as text. Whoever calls this hands it to its custodian.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let (body, _) = self.0.split_at(BODY);
        share_text::encode(self.slot(), self.index(), body)
    }

    /// The share as base64 with padding. Whoever calls this hands it to its custodian.
    pub fn expose_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(self.0.as_slice()))
    }

    /// The share as hex. Whoever calls this hands it to its custodian.
    pub fn expose_hex(&self) -> Zeroizing<String> {
        let digit = |nibble: u8| char::from(nibble + if nibble < 10 { b'0' } else { b'a' - 10 });
        let mut text = Zeroizing::new(String::with_capacity(2 * Self::SIZE));
        for byte in self.0.iter() {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        text
    }

    /// The slot that it belongs to.
    pub fn slot(&self) -> [u8; 16] {
        self.0.get(1..17).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    }

    /// How many shares the slot asks for.
    pub fn threshold(&self) -> u8 {
        self.0.get(17).copied().unwrap_or_default()
    }

    /// Which of the slot's shares it is, from 1.
    pub fn index(&self) -> u8 {
        self.0.get(18).copied().unwrap_or_default()
    }

    /// What a slot's record keeps of it. A share has 256 random bits, so its hash tells nothing else.
    pub(crate) fn fingerprint(&self, provider: &dyn Provider) -> [u8; 32] {
        provider.sha256(&[b"strongroom/v1/share", self.0.as_slice()])
    }

    /// A point as vsss-rs takes it: index, then value. Whoever calls this wipes it.
    pub(crate) fn point(&self) -> Vec<u8> {
        self.0.get(POINT).unwrap_or_default().to_vec()
    }

    pub(crate) fn new(
        provider: &dyn Provider,
        slot: [u8; 16],
        threshold: u8,
        index: u8,
        value: &[u8; 32],
    ) -> Self {
        let mut body = Zeroizing::new([0; BODY]);
        let head = [1].into_iter().chain(slot).chain([threshold, index]);
        for (to, from) in body.iter_mut().zip(head.chain(value.iter().copied())) {
            *to = from;
        }
        Self::of_body(provider, &body)
    }

    /// All but the checksum, which is made.
    fn of_body(provider: &dyn Provider, body: &[u8; BODY]) -> Self {
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        for (to, from) in bytes.iter_mut().zip(body) {
            *to = *from;
        }
        let sum = checksum(provider, &bytes);
        if let Some(end) = bytes.last_chunk_mut() {
            *end = sum;
        }
        Self(bytes)
    }

    /// A point at 0 would be the secret itself, and none has fewer than one share.
    fn checked(self) -> Result<Self, ShareError> {
        let valid = self.0.first() == Some(&1) && self.index() > 0 && self.threshold() > 0;
        if valid { Ok(self) } else { Err(ShareError::Malformed) }
    }
}

/// Hex of exactly the length of a share. Without branches on the digits: a share is a secret.
fn decode_hex(text: &str, bytes: &mut [u8; Share::SIZE]) -> Option<usize> {
    let mut wrong = 0;
    for (to, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let (high, low) = (nibble(*high), nibble(*low));
        wrong |= (high | low) & 0x80;
        *to = (high << 4) | (low & 15);
    }
    (wrong == 0).then_some(Share::SIZE)
}

/// The value of a hex digit, or 0x80 for anything else, without a branch on it.
fn nibble(digit: u8) -> u8 {
    let within = |low: u8, high: u8| {
        let (digit, low, high) = (i16::from(digit), i16::from(low), i16::from(high));
        // All ones where low <= digit <= high, else zero.
        (((low - 1 - digit) & (digit - high - 1)) >> 8) as u8
    };
    let (number, small, large) = (within(b'0', b'9'), within(b'a', b'f'), within(b'A', b'F'));
    let value = (number & digit.wrapping_sub(b'0'))
        | (small & digit.wrapping_sub(b'a' - 10))
        | (large & digit.wrapping_sub(b'A' - 10));
    value | (!(number | small | large) & 0x80)
}

fn checksum(provider: &dyn Provider, bytes: &[u8; Share::SIZE]) -> [u8; 4] {
    let (body, _) = bytes.split_at(BODY);
    let [a, b, c, d, ..] = provider.sha256(&[b"strongroom/v1/share/checksum", body]);
    [a, b, c, d]
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}
