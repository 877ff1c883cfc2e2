use argon2::{Algorithm, Argon2, Block, Params, Version};
use strongroom_core::{Argon2Cost, KeyError};
use zeroize::Zeroizing;

/// Argon2id, version 1.3 (RFC 9106), to 32 bytes. Its memory is wiped.
pub(crate) fn argon2id(
    passphrase: &[u8],
    salt: &[u8; 16],
    cost: Argon2Cost,
) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let cost = cost.checked().map_err(|_| KeyError::Invalid)?;
    let params =
        Params::new(cost.memory(), cost.passes(), cost.lanes(), Some(32)).map_err(|_| KeyError::Invalid)?;
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, key.as_mut_slice(), memory.as_mut_slice())
        .map_err(|_| KeyError::Failed)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with argon2-cffi 25.1 (the reference implementation in C): `hash_secret_raw(b"correct horse",
    /// bytes(range(16)), 3, 65536, 4, 32, Type.ID)` and `(…, 1, 8192, 1, …)`.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let salt: [u8; 16] = std::array::from_fn(|n| n as u8);
        for (cost, expected) in [
            (Argon2Cost::RECOMMENDED, "577f1ff37e9a3e52c97d39f8e83891c1b73b0e87ffe0429cee8ede2fb005fe44"),
            (
                Argon2Cost::new(8192, 1, 1).unwrap(),
                "68aa6b3e6343f355586e5dd84710fb380cc542b0a47fa8a06ad81318fa48e3b3",
            ),
        ] {
            let key = argon2id(b"correct horse", &salt, cost).unwrap();
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }
}
