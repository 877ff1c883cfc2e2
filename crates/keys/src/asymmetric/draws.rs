use rand_core::{TryCryptoRng, TryRng};
use strongroom_core::{KeyError, Random};
use zeroize::Zeroizing;

/// A source of secrets for the primitives that stop when it fails.
pub(super) struct Draws<'r>(pub(super) &'r dyn Random);

impl TryRng for Draws<'_> {
    type Error = KeyError;

    fn try_next_u32(&mut self) -> Result<u32, KeyError> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, KeyError> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.try_fill_bytes(bytes.as_mut_slice())?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), KeyError> {
        self.0.fill_secret(to)
    }
}

impl TryCryptoRng for Draws<'_> {}

/// New secret bytes.
pub(super) fn draw(random: &dyn Random, length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    random.fill_secret(&mut bytes)?;
    Ok(bytes)
}
