use minicbor::{Decode, Encode};
use strongroom_core::{Time, UseLimit};

use crate::{AtLimit, KmsError, states::KeyUse};

/// The longest context that a policy can require, in bytes.
const CONTEXT: usize = 1_024;

/// What somebody does with a ring's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Encrypts, also to a public half.
    Encrypt = 0,
    /// Decrypts, also with a private half.
    Decrypt = 1,
    /// Decrypts and encrypts anew, without showing the plaintext.
    Rewrap = 2,
    /// Makes a key for data.
    DataKey = 3,
    /// Signs.
    Sign = 4,
    /// Verifies a signature.
    Verify = 5,
    /// Computes the code of a message.
    Mac = 6,
    /// Verifies the code of a message.
    VerifyMac = 7,
    /// Derives bytes.
    Derive = 8,
    /// Agrees on a secret.
    Agree = 9,
    /// Makes a secret for the ring.
    Encapsulate = 10,
    /// Gets the secret that was made for the ring.
    Decapsulate = 11,
    /// Hands out a key.
    Export = 12,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Encrypt,
        Self::Decrypt,
        Self::Rewrap,
        Self::DataKey,
        Self::Sign,
        Self::Verify,
        Self::Mac,
        Self::VerifyMac,
        Self::Derive,
        Self::Agree,
        Self::Encapsulate,
        Self::Decapsulate,
        Self::Export,
    ];
}

/// A set of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Operations(#[n(0)] u32);

impl Operations {
    /// Every operation.
    pub const ALL: Self = Self((1 << Operation::ALL.len()) - 1);

    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn and(self, operation: Operation) -> Self {
        Self(self.0 | 1 << operation as u32)
    }

    /// Whether it is one of these.
    pub const fn has(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u32) != 0
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        operations.into_iter().fold(Self::NONE, Self::and)
    }
}

/// What a ring's keys may be used for, beside what their type and state allow.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Policy {
    /// The operations.
    #[n(0)]
    pub operations: Operations,
    /// From then on the ring protects nothing new: it encrypts, signs and derives no more, and decrypts and verifies.
    #[n(1)]
    pub not_after: Option<Time>,
    /// What the additional data, or the context of a derivation, must begin with. Of operations that have neither nothing is
    /// required.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub context: Option<Vec<u8>>,
    /// A lower limit of uses than the algorithm's, for keys that are counted.
    #[cbor(n(3), with = "limit", has_nil)]
    pub use_limit: Option<UseLimit>,
    /// What happens at that limit, where not what holds for all rings.
    #[n(4)]
    pub at_limit: Option<AtLimit>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { operations: Operations::ALL, not_after: None, context: None, use_limit: None, at_limit: None }
    }
}

impl Policy {
    /// Whether a ring can have it.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] says what is wrong.
    pub(crate) fn check(&self) -> Result<(), KmsError> {
        let context = self.context.as_ref().map_or(1, Vec::len);
        match () {
            () if self.operations.0 > Operations::ALL.0 => {
                Err(KmsError::Invalid("the policy names an operation that there is not"))
            }
            () if !(1..=CONTEXT).contains(&context) => {
                Err(KmsError::Invalid("a required context has from 1 to 1,024 bytes"))
            }
            () if self.use_limit.is_some_and(|limit| limit.stop == 0 || limit.warn > limit.stop) => {
                Err(KmsError::Invalid("a limit of uses is at least 1, and its warning not above it"))
            }
            () => Ok(()),
        }
    }
}

impl Policy {
    /// Whether an operation is allowed with this additional data or context, if it has any.
    pub(crate) fn admit(
        &self,
        operation: Operation,
        context: Option<&[u8]>,
        now: Time,
    ) -> Result<(), KmsError> {
        // With a version that was asked for, some operations only repeat what was done before; those are checked as the rest.
        let protects = matches!(operation.key_use(false), KeyUse::Protect | KeyUse::MoveAway);
        let begins = |context: &[u8]| self.context.as_ref().is_none_or(|needed| context.starts_with(needed));
        match () {
            () if !self.operations.has(operation) => {
                Err(KmsError::Policy("the policy of this key does not allow this operation"))
            }
            () if protects && self.not_after.is_some_and(|end| now >= end) => {
                Err(KmsError::Policy("this key has expired: it protects nothing new"))
            }
            () if !context.is_none_or(begins) => {
                Err(KmsError::Policy("the policy of this key requires another context or additional data"))
            }
            () => Ok(()),
        }
    }
}

/// A limit of uses in a record: an array of both numbers.
mod limit {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as Malformed,
        encode::{Error, Write},
    };
    use strongroom_core::UseLimit;

    pub(super) fn encode<C, W: Write>(
        limit: &Option<UseLimit>,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), Error<W::Error>> {
        encoder.encode_with(limit.map(|UseLimit { warn, stop }| (warn, stop)), context)?.ok()
    }

    pub(super) fn decode<C>(
        decoder: &mut Decoder<'_>,
        context: &mut C,
    ) -> Result<Option<UseLimit>, Malformed> {
        let limit: Option<(u64, u64)> = decoder.decode_with(context)?;
        Ok(limit.map(|(warn, stop)| UseLimit { warn, stop }))
    }

    pub(super) fn is_nil(limit: &Option<UseLimit>) -> bool {
        limit.is_none()
    }

    pub(super) fn nil() -> Option<Option<UseLimit>> {
        Some(None)
    }
}
