//! A secret as a byte string of CBOR (RFC 8949), for `#[cbor(with = "strongroom_core::secret_bytes")]`: wiped also where
//! the decoding fails behind it.

use minicbor::{
    Decoder, Encoder,
    decode::Error as Malformed,
    encode::{Error, Write},
};
use zeroize::Zeroizing;

/// Writes the secret, which so is in the clear: only for records that a barrier seals.
///
/// # Errors
/// What the writer answers.
pub fn encode<C, W: Write>(
    secret: &Zeroizing<Vec<u8>>,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), Error<W::Error>> {
    encoder.bytes(secret)?.ok()
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Anything but a byte string of known length.
pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    Ok(Zeroizing::new(decoder.bytes()?.to_vec()))
}
