use strongroom_core::{HashAlgorithm, Plaintext};

use crate::{KmsError, Rings};

/// The most random bytes of one question.
pub const MAX_RANDOM: usize = 128 << 10;

/// What needs no ring. As no ring is used, [`Rings::recording`] tells nothing of it.
impl Rings {
    /// Random bytes that may be secret, from the system's generator.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] for a length that is not from 1 to [`MAX_RANDOM`].
    pub fn random(&self, length: usize) -> Result<Plaintext, KmsError> {
        let _inside = self.base().enter()?;
        if !(1..=MAX_RANDOM).contains(&length) {
            return Err(KmsError::Invalid("from 1 to 131,072 random bytes are given at a time"));
        }
        let mut bytes = Plaintext::new(vec![0; length]);
        self.provider().random().fill_secret(&mut bytes)?;
        Ok(bytes)
    }

    /// The digest of a message.
    ///
    /// # Errors
    /// [`KmsError::Store`] once it is sealed.
    pub fn hash(&self, algorithm: HashAlgorithm, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        let _inside = self.base().enter()?;
        Ok(self.provider().hash(algorithm, &[message]))
    }
}
