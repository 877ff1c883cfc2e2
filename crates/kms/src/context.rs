use crate::KmsError;

/// The additional data of a ring that is [derived](crate::NewRing::derived), where a context comes beside other additional
/// data: the context's length in 8 bytes, big-endian, the context, and the rest. No two pairs give the same.
///
/// # Errors
/// [`KmsError::Invalid`] without a context.
pub fn with_context(context: &[u8], additional: &[u8]) -> Result<Vec<u8>, KmsError> {
    if context.is_empty() {
        return Err(KmsError::Invalid(
            "missing context: this key is derived, and every operation with it has a context",
        ));
    }
    Ok([&(context.len() as u64).to_be_bytes(), context, additional].concat())
}
