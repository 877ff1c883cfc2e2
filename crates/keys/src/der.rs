use p256::ecdsa::Signature;
use strongroom_core::KeyError;

/// An ECDSA signature over P-256, from r ‖ s to DER: `Ecdsa-Sig-Value` of RFC 3279, section 2.2.3.
///
/// # Errors
/// [`KeyError::Invalid`] if these are not 64 bytes with r and s in 1..n.
pub fn ecdsa_to_der(signature: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature = Signature::from_slice(signature).map_err(|_| KeyError::Invalid)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// An ECDSA signature over P-256, from DER to r ‖ s. Takes the one DER encoding and no other.
///
/// # Errors
/// [`KeyError::Invalid`] for everything else, and if r or s is not in 1..n.
pub fn ecdsa_from_der(signature: &[u8]) -> Result<[u8; 64], KeyError> {
    let parsed = Signature::from_der(signature).map_err(|_| KeyError::Invalid)?;
    // DER gives a value one encoding (X.690, section 10): what does not come back the same was not DER.
    if parsed.to_der().as_bytes() != signature {
        return Err(KeyError::Invalid);
    }
    Ok(parsed.to_bytes().into())
}
