use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use strongroom_core::Random;
use zeroize::Zeroizing;

/// A source of secrets as the generator that the primitives' crates ask for. These have no way to hear that it failed:
/// what was made is to be used only if [`SecretRng::failed`] says no afterwards.
///
/// ```
/// use rand_core::Rng;
/// use strongroom_keys::{SecretRng, SystemRandom};
///
/// let mut rng = SecretRng::new(&SystemRandom);
/// let (first, second) = (rng.next_u64(), rng.next_u64());
/// assert!(!rng.failed() && first != second);
/// ```
pub struct SecretRng<'r> {
    random: &'r dyn Random,
    failed: bool,
}

impl<'r> SecretRng<'r> {
    /// Draws from [`Random::fill_secret`].
    pub fn new(random: &'r dyn Random) -> Self {
        Self { random, failed: false }
    }

    /// Whether any draw so far failed.
    pub fn failed(&self) -> bool {
        self.failed
    }
}

impl TryRng for SecretRng<'_> {
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
        self.failed |= self.random.fill_secret(to).is_err();
        Ok(())
    }
}

impl TryCryptoRng for SecretRng<'_> {}

impl std::fmt::Debug for SecretRng<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretRng")
    }
}
