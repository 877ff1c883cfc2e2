//! The sealed envelope, format 1: one format for every record at rest and every ciphertext of the suite's own.
//!
//! All integers are big-endian. K is exactly 32 bytes, serves nothing else, and only its HMAC-SHA-256 is needed:
//! so K may live in a token.
//!
//! ```text
//! header   = "SR" ‖ format 0x01 ‖ suite 0x01 ‖ key id (16) ‖ key version u32 ‖ salt (24 random)       48 bytes
//! context  = u32 count ‖ for each part: u32 length ‖ part
//! okm_i    = HMAC-SHA-256(K, u32 i ‖ "strongroom/v1/envelope" ‖ 0x00 ‖ header ‖ SHA-256(context) ‖ u32 512)
//! envelope = header ‖ okm_2 ‖ AES-256-GCM(key okm_1, aad = header, plaintext) as nonce ‖ ciphertext ‖ tag
//! ```
//!
//! `okm_1` and `okm_2` are the KDF in counter mode of SP 800-108r1, section 4.1. The message key is new for every
//! envelope, so no number of messages wears K out and a repeated nonce is harmless. The commitment `okm_2` binds
//! K, the header and every part of the context: an envelope opens under one key and one context only. Lengths
//! show.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use strongroom_core::{KeyError, Mac, Plaintext, Provider};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How many bytes longer an envelope is than its plaintext.
pub const OVERHEAD: usize = HEADER + COMMITMENT + NONCE + TAG;

/// The longest plaintext, in bytes: 16 MiB.
pub const MAX_PLAINTEXT: usize = 16 << 20;

const HEADER: usize = 48;
const COMMITMENT: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;

const PARTS: usize = 16;
const PART: usize = 64 << 10;

/// "SR", format 1, suite 1.
const MAGIC: [u8; 4] = *b"SR\x01\x01";

const LABEL: [u8; 23] = *b"strongroom/v1/envelope\0";

/// The length of okm_1 ‖ okm_2 in bits.
const OKM_BITS: u32 = 512;

const TOO_LONG: EnvelopeError = EnvelopeError::TooLarge("an envelope holds at most 16 MiB");

/// An envelope cannot be made or opened. Says nothing of why one did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not an envelope of format 1 and suite 1. Versions of keys start at 1.
    #[error("not a sealed envelope of a known format")]
    Malformed,
    /// A limit is exceeded: the text says which.
    #[error("{0}")]
    TooLarge(&'static str),
    /// It does not open with this key in this context.
    #[error("the envelope does not open")]
    OpenFailed,
    /// The key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Which key an envelope is sealed under. Public: it stands in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId {
    /// The ring or the level of the hierarchy.
    pub id: [u8; 16],
    /// The version of the key, from 1.
    pub version: u32,
}

/// What an envelope belongs to, hashed: it opens only with the same parts in the same order. May be kept and used
/// for many envelopes.
#[derive(Debug, Clone, Copy)]
pub struct Context([u8; 32]);

impl Context {
    /// Hashes at most 16 parts of at most 64 KiB each. No parts, one empty part and two are three contexts.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`].
    pub fn new(provider: &dyn Provider, parts: &[&[u8]]) -> Result<Self, EnvelopeError> {
        if parts.len() > PARTS {
            return Err(EnvelopeError::TooLarge("a context has at most 16 parts"));
        }
        if parts.iter().any(|part| part.len() > PART) {
            return Err(EnvelopeError::TooLarge("a part of a context has at most 64 KiB"));
        }
        let mut lengths = [[0; 4]; PARTS];
        for (length, part) in lengths.iter_mut().zip(parts) {
            *length = (part.len() as u32).to_be_bytes();
        }
        let count = (parts.len() as u32).to_be_bytes();
        let mut pieces = [[].as_slice(); 1 + 2 * PARTS];
        let encoded = lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part]);
        for (piece, bytes) in pieces.iter_mut().zip([count.as_slice()].into_iter().chain(encoded)) {
            *piece = bytes;
        }
        let used = pieces.get(..1 + 2 * parts.len()).unwrap_or_default();
        Ok(Self(provider.sha256(used)))
    }
}

/// The part of an envelope that anyone can read. Nothing in it is proven until the envelope opens.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// The key to look up.
    pub key: KeyId,
    salt: [u8; 24],
}

impl Header {
    /// Reads the header of an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] for what is shorter than an envelope of nothing, for another format or suite,
    /// and for version 0.
    pub fn parse(envelope: &[u8]) -> Result<Self, EnvelopeError> {
        let header = match envelope.first_chunk::<HEADER>() {
            Some(header) if envelope.len() >= OVERHEAD => header,
            _ => return Err(EnvelopeError::Malformed),
        };
        let (mut magic, mut id, mut version, mut salt) = ([0; 4], [0; 16], [0; 4], [0; 24]);
        magic.copy_from_slice(&header[..4]);
        id.copy_from_slice(&header[4..20]);
        version.copy_from_slice(&header[20..24]);
        salt.copy_from_slice(&header[24..]);
        let version = u32::from_be_bytes(version);
        if magic != MAGIC || version == 0 {
            return Err(EnvelopeError::Malformed);
        }
        Ok(Self { key: KeyId { id, version }, salt })
    }

    fn to_bytes(self) -> [u8; HEADER] {
        let Self { key: KeyId { id, version }, salt } = self;
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..20].copy_from_slice(&id);
        bytes[20..24].copy_from_slice(&version.to_be_bytes());
        bytes[24..].copy_from_slice(&salt);
        bytes
    }
}

/// Seals under the key `key`, whose HMAC is `mac`. Draws the salt, then the nonce.
///
/// # Errors
/// [`EnvelopeError::TooLarge`] for more than [`MAX_PLAINTEXT`] bytes, [`EnvelopeError::Malformed`] for version 0,
/// [`EnvelopeError::Key`] if the key or the provider does not answer.
pub fn seal(
    provider: &dyn Provider,
    mac: &dyn Mac,
    key: KeyId,
    context: &Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(TOO_LONG);
    }
    if key.version == 0 {
        return Err(EnvelopeError::Malformed);
    }
    let mut salt = [0; 24];
    provider.random().fill(&mut salt);
    let header = Header { key, salt }.to_bytes();
    let [message_key, commitment] = derive(mac, &header, context)?;
    let mut envelope = Vec::with_capacity(OVERHEAD + plaintext.len());
    envelope.extend_from_slice(&header);
    envelope.extend_from_slice(commitment.as_slice());
    provider.aead().seal(&message_key, &header, plaintext, &mut envelope)?;
    Ok(envelope)
}

/// Opens an envelope with the key that its header names: `key` is the one that was looked up, `mac` its HMAC.
///
/// # Errors
/// [`EnvelopeError::Malformed`] as for [`Header::parse`], [`EnvelopeError::TooLarge`],
/// [`EnvelopeError::OpenFailed`] for everything that does not open, [`EnvelopeError::Key`] if the key does not
/// answer.
pub fn open(
    provider: &dyn Provider,
    mac: &dyn Mac,
    key: KeyId,
    context: &Context,
    envelope: &[u8],
) -> Result<Plaintext, EnvelopeError> {
    let named = Header::parse(envelope)?.key;
    if envelope.len() > OVERHEAD + MAX_PLAINTEXT {
        return Err(TOO_LONG);
    }
    let (header, rest) = envelope.split_first_chunk::<HEADER>().ok_or(EnvelopeError::Malformed)?;
    let (commitment, sealed) = rest.split_first_chunk::<COMMITMENT>().ok_or(EnvelopeError::Malformed)?;
    let [message_key, expected] = derive(mac, header, context)?;
    if named != key || !bool::from(expected.as_slice().ct_eq(commitment)) {
        return Err(EnvelopeError::OpenFailed);
    }
    provider.aead().open(&message_key, header, sealed).map_err(|error| match error {
        KeyError::Failed => EnvelopeError::OpenFailed,
        other => EnvelopeError::Key(other),
    })
}

/// okm_1 and okm_2: K(i) of SP 800-108r1, section 4.1, is PRF(K, i ‖ Label ‖ 0x00 ‖ Context ‖ L).
fn derive(
    mac: &dyn Mac,
    header: &[u8; HEADER],
    context: &Context,
) -> Result<[Zeroizing<[u8; 32]>; 2], KeyError> {
    let mut first = [0; 4 + LABEL.len() + HEADER + 32 + 4];
    first[..4].copy_from_slice(&1_u32.to_be_bytes());
    first[4..27].copy_from_slice(&LABEL);
    first[27..75].copy_from_slice(header);
    first[75..107].copy_from_slice(&context.0);
    first[107..].copy_from_slice(&OKM_BITS.to_be_bytes());
    let mut second = first;
    second[..4].copy_from_slice(&2_u32.to_be_bytes());
    mac.mac_two([&first, &second])
}

/// The text form: base64url without padding (RFC 4648, section 5).
pub fn to_text(envelope: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(envelope)
}

/// The envelope of a text by [`to_text`], which need not be well-formed.
///
/// # Errors
/// [`EnvelopeError::Malformed`] for what is no base64url or not the one spelling of its bytes,
/// [`EnvelopeError::TooLarge`].
pub fn from_text(text: &str) -> Result<Vec<u8>, EnvelopeError> {
    if text.len() > (OVERHEAD + MAX_PLAINTEXT).div_ceil(3) * 4 {
        return Err(TOO_LONG);
    }
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| EnvelopeError::Malformed)
}
