//! Records of the log: CBOR that begins with a format, with one encoding for each, and SHA-256 of that behind it. So
//! whatever happens to a record shows also where nothing else could be compared with it.

use minicbor::{Decode, Decoder, Encode};
use strongroom_core::StoreError;
use zeroize::Zeroizing;

use crate::hash::sha256;

/// The one format that this version knows.
pub(crate) const FORMAT: u8 = 1;

/// Reads a record.
///
/// # Errors
/// [`StoreError::Unsupported`] for another format, [`StoreError::Corrupt`] for all that [`write`] does not make.
pub(crate) fn read<T>(bytes: &[u8]) -> Result<T, StoreError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    let (body, digest) = bytes.split_last_chunk().ok_or(StoreError::Corrupt)?;
    if sha256(&[body]) != *digest {
        return Err(StoreError::Corrupt);
    }
    let mut decoder = Decoder::new(body);
    let format = decoder.array().and_then(|_| decoder.u8()).map_err(|_| StoreError::Corrupt)?;
    if format != FORMAT {
        return Err(StoreError::Unsupported("read a record of the audit log that a newer version made"));
    }
    let record: T = minicbor::decode(body).map_err(|_| StoreError::Corrupt)?;
    if *write(&record)? == bytes { Ok(record) } else { Err(StoreError::Corrupt) }
}

/// The bytes of a record.
///
/// # Errors
/// [`StoreError::Invalid`], which no record of ours meets.
pub(crate) fn write<T: Encode<()>>(record: &T) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    // Room for all that has a key, so that no half-written copy of one is left behind by a growing vector.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2_048));
    minicbor::encode(record, &mut *bytes)
        .map_err(|_| StoreError::Invalid("a record that cannot be encoded"))?;
    let digest = sha256(&[&bytes]);
    bytes.extend_from_slice(&digest);
    Ok(bytes)
}
