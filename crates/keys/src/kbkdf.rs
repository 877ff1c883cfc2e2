use strongroom_core::{Key, KeyError, MAX_DERIVED};
use zeroize::Zeroizing;

/// The KDF in counter mode of SP 800-108r1, section 4.1, with the key's code as the function and a counter of 32 bits in
/// front: K(i) = PRF(K, i ‖ fixed input), of which as many as are needed make the result.
///
/// What a result depends on is for the caller to put into the fixed input, also the length. For keys that derive there is
/// [`Key::derive`], which does; this is for who has to agree with somebody else's input.
///
/// # Errors
/// [`KeyError::Unsupported`] unless it is a key of a MAC, [`KeyError::Invalid`] for a length outside of 1 to
/// [`MAX_DERIVED`].
pub fn kbkdf(key: &dyn Key, fixed_input: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if !(1..=MAX_DERIVED).contains(&length) {
        return Err(KeyError::Invalid);
    }
    let mut input = Vec::with_capacity(4 + fixed_input.len());
    let mut derived = Zeroizing::new(Vec::with_capacity(length));
    for counter in 1_u32.. {
        input.clear();
        input.extend_from_slice(&counter.to_be_bytes());
        input.extend_from_slice(fixed_input);
        let block = key.compute_mac(&input)?;
        let wanted = length - derived.len();
        // Within the capacity, so that no copy of a part of the result is left behind.
        derived.extend(block.iter().take(wanted));
        if derived.len() == length {
            break;
        }
    }
    Ok(derived)
}
