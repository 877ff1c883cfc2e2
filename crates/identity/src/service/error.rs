use strongroom_core::{CommitError, KeyError, StoreError};

/// What was asked of a service token was not done.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The tenant has no such token, or it has ended.
    #[error("no such token")]
    NotFound,
    /// The creator may not give what it has not itself.
    #[error("the creator of a token may not give it that")]
    Denied,
    /// A field has no usable value.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// It was made so that it cannot be renewed.
    #[error("this token cannot be renewed")]
    NotRenewable,
    /// The store did not do it.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl From<KeyError> for TokenError {
    fn from(error: KeyError) -> Self {
        StoreError::from(error).into()
    }
}
