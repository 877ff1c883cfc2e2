use rsa::{BoxedUint, PrivateKey, hazmat::rsa_decrypt_and_check, traits::PublicKeyParts as _};
use sha2::{Digest, digest::Output};
use strongroom_core::{KeyError, Plaintext, Random};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::draws::Draws;

/// RSAES-OAEP-DECRYPT (RFC 8017, section 7.1.2) with MGF1 over the same hash. The private operation is blinded and
/// checked by the `rsa` crate. Its own decoding of OAEP leaves out the test that the first byte is zero (step 3.g), so
/// that is done here: all tests are evaluated, without a branch between them, and have one answer.
pub(super) fn open<D: Digest>(
    key: &PrivateKey,
    random: &dyn Random,
    sealed: &[u8],
    label: &[u8],
) -> Result<Plaintext, KeyError> {
    if sealed.len() != key.size() {
        return Err(KeyError::Failed);
    }
    let number = BoxedUint::from_be_slice(sealed, key.n_bits_precision()).map_err(|_| KeyError::Failed)?;
    let message = rsa_decrypt_and_check(key, Some(&mut Draws(random)), &number);
    let message = Zeroizing::new(message.map_err(|_| KeyError::Failed)?);
    let mut encoded = Zeroizing::new(message.to_be_bytes().into_vec());
    decode::<D>(&mut encoded, label).map(Plaintext::new).ok_or(KeyError::Failed)
}

/// EM = Y ‖ maskedSeed ‖ maskedDB, DB = lHash ‖ zeroes ‖ 0x01 ‖ M (step 3).
fn decode<D: Digest>(encoded: &mut [u8], label: &[u8]) -> Option<Vec<u8>> {
    let length = <D as Digest>::output_size();
    let (first, masked) = encoded.split_first_mut()?;
    let (seed, block) = masked.split_at_mut_checked(length)?;
    unmask::<D>(block, seed);
    unmask::<D>(seed, block);
    let (hash, rest) = block.split_at_checked(length)?;
    let (mut looking, mut right) = (Choice::from(1), first.ct_eq(&0) & hash.ct_eq(&D::digest(label)));
    let mut start = 0;
    for (place, byte) in (1u32..).zip(rest) {
        let (zero, one) = (byte.ct_eq(&0), byte.ct_eq(&1));
        start.conditional_assign(&place, looking & one);
        right &= !looking | zero | one;
        looking &= !one;
    }
    right &= !looking;
    if bool::from(right) { rest.get(start as usize..).map(<[u8]>::to_vec) } else { None }
}

/// XORs with MGF1 of the seed (appendix B.2.1).
fn unmask<D: Digest>(seed: &[u8], masked: &mut [u8]) {
    for (counter, chunk) in (0u32..).zip(masked.chunks_mut(<D as Digest>::output_size())) {
        let mask: Output<D> = D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}
