use strongroom_core::{Action, Key, MAX_DERIVED, Name, Plaintext, Purpose};
use zeroize::Zeroizing;

use crate::{KmsError, Operation, Rings};

/// The code of a message, and the version that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The version.
    pub version: u32,
    /// The code, whole.
    pub bytes: Vec<u8>,
}

/// Bytes that were derived, and the version that did.
#[derive(Debug)]
pub struct Derived {
    /// The version.
    pub version: u32,
    /// The bytes.
    pub secret: Plaintext,
}

/// A new key for data that the ring does not see.
#[derive(Debug)]
pub struct DataKey {
    /// The key, to be used and forgotten.
    pub plaintext: Plaintext,
    /// The key, encrypted: to be kept beside the data.
    pub wrapped: Vec<u8>,
}

/// The length of a data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKeySize {
    /// 16 bytes.
    Bits128,
    /// 32 bytes.
    Bits256,
    /// 64 bytes.
    Bits512,
}

impl DataKeySize {
    /// In bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits128 => 16,
            Self::Bits256 => 32,
            Self::Bits512 => 64,
        }
    }
}

/// What rings of symmetric keys do beside encrypting.
impl Rings {
    /// The code of a message, by the newest version or one that the ring's `min_encryption_version` allows.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn mac(&self, name: &Name, version: Option<u32>, message: &[u8]) -> Result<Code, KmsError> {
        let (version, code) = self.with_ring(Action::Mac, name, |ring| {
            ring.make(self.provider(), (Operation::Mac, Purpose::Mac), None, version, |key| {
                key.compute_mac(message)
            })
        })?;
        Ok(Code { version, bytes: code.to_vec() })
    }

    /// Whether a code is this ring's for this message; a truncated one is not.
    ///
    /// # Errors
    /// [`KmsError`]; a wrong code is `Ok(false)`.
    pub fn verify_mac(&self, name: &Name, message: &[u8], code: &Code) -> Result<bool, KmsError> {
        self.with_ring(Action::VerifyMac, name, |ring| {
            let verify = |key: &dyn Key| key.verify_mac(message, &code.bytes);
            ring.look(self.provider(), (Operation::VerifyMac, Purpose::Mac), None, code.version, verify)
        })
    }

    /// Derives a key of its own for each label, context and length, as [`Key::derive`]
    /// says. With a version that the ring still decrypts with, what that one derived: the same for as long as it is there.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Invalid`] for a label with a zero byte or a length that cannot be derived.
    pub fn derive(
        &self,
        name: &Name,
        version: Option<u32>,
        label: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<Derived, KmsError> {
        if label.contains(&0) || !(1..=MAX_DERIVED).contains(&length) {
            return Err(KmsError::Invalid("a label has no zero byte, and 1 to 4,096 bytes are derived"));
        }
        let (provider, derive) = (self.provider(), |key: &dyn Key| key.derive(label, context, length));
        let of = (Operation::Derive, Purpose::Derive);
        let (version, mut derived) =
            self.with_ring(Action::Derive, name, |ring| match version.filter(|version| *version != 0) {
                Some(version) => Ok((version, ring.look(provider, of, Some(context), version, derive)?)),
                None => ring.make(provider, of, Some(context), None, derive),
            })?;
        Ok(Derived { version, secret: Plaintext::new(std::mem::take(&mut *derived)) })
    }

    /// A new random key, in the clear and encrypted as by [`Rings::encrypt_with`]: [`Rings::decrypt`] with the same
    /// `additional` gives it again.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn data_key(
        &self,
        name: &Name,
        version: Option<u32>,
        size: DataKeySize,
        additional: &[u8],
    ) -> Result<DataKey, KmsError> {
        let mut key = Zeroizing::new(vec![0; size.bytes()]);
        self.provider().random().fill_secret(&mut key)?;
        let wrapped = self.sealed_with(Action::DataKey, name, version, &key, additional)?;
        Ok(DataKey { plaintext: Plaintext::new(std::mem::take(&mut *key)), wrapped })
    }

    /// A new random key, encrypted only: for whoever prepares it for others.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn wrapped_data_key(
        &self,
        name: &Name,
        version: Option<u32>,
        size: DataKeySize,
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.data_key(name, version, size, additional).map(|key| key.wrapped)
    }
}
