use strongroom_core::{CommitError, KeyError, StoreError};

use crate::{ShareError, slot::Unopened};

/// A change of slots was not made.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// There is no such slot.
    #[error("there is no such slot")]
    NotFound,
    /// It is a proposed set of shares.
    #[error("this is a proposed set of shares: confirm or cancel it")]
    Proposed,
    /// It is no proposed set of shares, or not any more.
    #[error("this is not a proposed set of shares")]
    NotProposed,
    /// No other slot opens.
    #[error("this is the last slot that opens: add another one first")]
    Last,
    /// There are 32 slots and proposals.
    #[error("there are 32 slots and proposals: remove or cancel one first")]
    Full,
    /// Such a slot cannot be made.
    #[error("a slot needs at least 1 and at most as many shares as are made, and a cost within its bounds")]
    Senseless,
    /// Shares do not replace a slot at once: who knows whether all custodians have them?
    #[error("shares replace a slot once their custodians confirm them: propose them")]
    Unconfirmed,
    /// The day for the confirmation is over.
    #[error("the proposed shares were not confirmed within a day: propose new ones")]
    Expired,
    /// What was to be replaced is gone.
    #[error("the slot that was to be replaced is gone: cancel this proposal")]
    Superseded,
    /// A share is wrong, or shares are missing.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// It was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<StoreError> for SlotError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl From<KeyError> for SlotError {
    fn from(error: KeyError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<Unopened> for SlotError {
    fn from(error: Unopened) -> Self {
        match error {
            Unopened::Share(error) => Self::Share(error),
            Unopened::Store(error) => error.into(),
        }
    }
}
