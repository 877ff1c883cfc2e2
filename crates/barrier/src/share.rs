use std::{collections::BTreeSet, convert::Infallible, fmt};

use base64ct::{Base64, Encoding};
use rand_core::{TryCryptoRng, TryRng};
use strongroom_core::{KeyError, Provider};
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

/// One share of a slot's secret (Shamir, k of n over GF(2⁸)).
///
/// Its bytes: format `01` ‖ slot id (16) ‖ threshold (1) ‖ index (1, from 1) ‖ value (32) ‖ the first 4 bytes
/// of SHA-256 over all before. The last four tell a damaged share from a wrong one without any slot.
#[derive(Clone)]
pub struct Share(Zeroizing<[u8; Self::SIZE]>);

/// A share cannot be used, or a set of shares does not give the secret. Says which and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not the text or length of a share.
    #[error("not a share: enter it as hex or base64, exactly as it was given out")]
    Malformed,
    /// Its checksum does not fit.
    #[error("the share is damaged: check it for a typing error")]
    Damaged,
    /// It belongs to another slot or database.
    #[error("the share belongs to another slot or database")]
    Foreign,
    /// It names this slot, but is not one of its shares.
    #[error("the share is not one of this slot's: it was changed or replaced")]
    Wrong,
    /// This share is there already.
    #[error("share {0} was entered twice: enter another one")]
    Doubled(u8),
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

/// Index and value.
const POINT: std::ops::Range<usize> = 18..51;

impl Share {
    /// The length of a share, in bytes.
    pub const SIZE: usize = 55;

    /// Reads a share from hex or standard base64.
    ///
    /// # Errors
    /// [`ShareError::Malformed`] or [`ShareError::Damaged`].
    pub fn parse(provider: &dyn Provider, text: &str) -> Result<Self, ShareError> {
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
        let valid = share.0.first() == Some(&1) && share.index() > 0 && share.threshold() > 0;
        if valid { Ok(share) } else { Err(ShareError::Malformed) }
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
    fn point(&self) -> Vec<u8> {
        self.0.get(POINT).unwrap_or_default().to_vec()
    }

    fn new(provider: &dyn Provider, slot: [u8; 16], threshold: u8, index: u8, value: &[u8; 32]) -> Self {
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        let head = [1].into_iter().chain(slot).chain([threshold, index]);
        for (to, from) in bytes.iter_mut().zip(head.chain(value.iter().copied())) {
            *to = from;
        }
        let sum = checksum(provider, &bytes);
        if let Some(end) = bytes.last_chunk_mut() {
            *end = sum;
        }
        Self(bytes)
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
    let (body, _) = bytes.split_at(Share::SIZE - 4);
    let [a, b, c, d, ..] = provider.sha256(&[b"strongroom/v1/share/checksum", body]);
    [a, b, c, d]
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}

/// Splits a secret into the shares of a slot.
///
/// With a threshold of 1 every share is the secret itself, as Vault has it.
pub(crate) fn split(
    provider: &dyn Provider,
    slot: [u8; 16],
    split: Split,
    secret: &[u8; 32],
) -> Result<Vec<Share>, KeyError> {
    let Split { shares, threshold } = split;
    let new = |index, value: &[u8; 32]| Share::new(provider, slot, threshold, index, value);
    if threshold == 1 {
        return Ok((1..=shares).map(|index| new(index, secret)).collect());
    }
    let mut rng = SystemRng { provider, failed: false };
    let mut made = Gf256::split_bytes(threshold.into(), shares.into(), secret, &mut rng)
        .map_err(|_| KeyError::Failed)?;
    // A share of vsss-rs is its index, then its value.
    let read = |bytes: &Vec<u8>| match bytes.split_first() {
        Some((index, value)) => Ok(new(*index, value.try_into().map_err(|_| KeyError::Failed)?)),
        None => Err(KeyError::Failed),
    };
    let shares = made.iter().map(read).collect();
    made.iter_mut().for_each(Zeroize::zeroize);
    if rng.failed { Err(KeyError::Random) } else { shares }
}

/// The secret of shares that the slot's record has confirmed one by one.
pub(crate) fn combine(shares: &[Share]) -> Result<Zeroizing<[u8; 32]>, ShareError> {
    let first = shares.first().ok_or(ShareError::Missing { missing: 1 })?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = shares.iter().find(|share| !seen.insert(share.index())) {
        return Err(ShareError::Doubled(twice.index()));
    }
    let threshold = usize::from(first.threshold());
    if shares.len() < threshold {
        return Err(ShareError::Missing {
            missing: u8::try_from(threshold - shares.len()).unwrap_or(u8::MAX),
        });
    }
    let mut points: Vec<Vec<u8>> = shares.iter().take(threshold).map(Share::point).collect();
    let secret = match points.as_slice() {
        [only] => Ok(only.get(1..).unwrap_or_default().to_vec()),
        several => Gf256::combine_bytes(several).map_err(|_| ShareError::Wrong),
    };
    points.iter_mut().for_each(Zeroize::zeroize);
    let secret = Zeroizing::new(secret?);
    secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| ShareError::Wrong)
}

/// The provider's source of secrets as the generator that vsss-rs asks for, which has no way to say that it
/// failed: whoever uses it looks at `failed` afterwards.
struct SystemRng<'p> {
    provider: &'p dyn Provider,
    failed: bool,
}

impl TryRng for SystemRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.provider.random().fill_secret(to).is_err();
        Ok(())
    }
}

impl TryCryptoRng for SystemRng<'_> {}
