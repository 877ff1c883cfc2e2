use std::{fmt, sync::Arc};

use strongroom_core::{StoreError, Tenant};

use crate::{
    Sealed, Share, ShareError, Unlock, Unsealed,
    keyring::Ways,
    record::{Row, Slot, id_of},
    roots::Roots,
    slot::{Opened, Unopened},
};

/// A database was not unsealed.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// A share is wrong, or shares are missing.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// No slot opens with this secret.
    #[error("no slot of this database opens with this secret: is it the right file?")]
    WrongSecret,
    /// No slot opens with this passphrase.
    #[error("no slot of this database opens with this passphrase")]
    WrongPassphrase,
    /// No slot opens with this key, or none names it.
    #[error("no slot of this database opens with this key: is it the right token?")]
    WrongKey,
    /// The store cannot do it, or a key in a backend does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unopened> for UnsealError {
    fn from(error: Unopened) -> Self {
        match error {
            Unopened::Share(error) => Self::Share(error),
            Unopened::Store(error) => Self::Store(error),
        }
    }
}

/// A database that the first fitting of several ways opened.
#[derive(Debug)]
pub struct AnyUnsealed {
    /// The open database.
    pub unsealed: Unsealed,
    /// Why each way before that one did not open it: somebody should look at them.
    pub failed: Vec<UnsealError>,
}

/// None of several ways opened the database.
#[derive(Debug)]
pub struct NoneOpened(
    /// Why, way by way.
    pub Vec<UnsealError>,
);

impl Sealed {
    /// Opens the barrier.
    ///
    /// # Errors
    /// [`UnsealError`] says what is wrong with which share; nothing has changed.
    pub fn unseal(&self, unlock: &Unlock<'_>) -> Result<Unsealed, UnsealError> {
        let opened = self.open_slot(unlock)?;
        let first_tenant = Tenant::from_bytes(self.state()?.first_tenant);
        let (store, provider) = (Arc::clone(&self.store), Arc::clone(&self.provider));
        Ok(Unsealed::new(store, provider, Arc::clone(&self.clock), opened, first_tenant)?)
    }

    /// Opens the barrier with the first of several ways that fits, in their order.
    ///
    /// # Errors
    /// [`NoneOpened`] says of each why it did not.
    pub fn unseal_any(&self, ways: &[Unlock<'_>]) -> Result<AnyUnsealed, NoneOpened> {
        let mut failed = Vec::new();
        for unlock in ways {
            match self.unseal(unlock) {
                Ok(unsealed) => return Ok(AnyUnsealed { unsealed, failed }),
                Err(error) => failed.push(error),
            }
        }
        Err(NoneOpened(failed))
    }

    /// Whether a way in works, down to the current root, and by which slot. Nothing is unsealed, and no key
    /// stays in memory.
    ///
    /// # Errors
    /// [`UnsealError`], as [`Sealed::unseal`] would answer.
    pub fn verify(&self, unlock: &Unlock<'_>) -> Result<[u8; 16], UnsealError> {
        let opened = self.open_slot(unlock)?;
        let id = opened.id;
        Roots::read(&*self.provider, &Ways::by(opened), Vec::new(), |keys| self.store.get_many(keys))?;
        Ok(id)
    }

    /// Whether a share belongs to a slot of this database; changes nothing.
    ///
    /// # Errors
    /// [`UnsealError::Share`] says what is wrong with it; [`ShareError::Proposed`] is a right one of a set that
    /// waits for its confirmation.
    pub fn check_share(&self, share: &Share) -> Result<(), UnsealError> {
        let slot = self.slot(share.slot())?.ok_or(ShareError::Foreign)?;
        slot.check(&*self.provider, share.slot(), share)?;
        if slot.is_proposed() { Err(ShareError::Proposed.into()) } else { Ok(()) }
    }

    fn open_slot(&self, unlock: &Unlock<'_>) -> Result<Opened, UnsealError> {
        match unlock {
            Unlock::Shares(shares) => self.open_shares(shares),
            Unlock::Secret(_) => self.open_any(unlock, UnsealError::WrongSecret),
            Unlock::Passphrase(_) => self.open_any(unlock, UnsealError::WrongPassphrase),
            Unlock::Key(_) => self.open_any(unlock, UnsealError::WrongKey),
        }
    }

    fn open_shares(&self, shares: &[Share]) -> Result<Opened, UnsealError> {
        let id = shares.first().ok_or(ShareError::Missing { missing: 1 })?.slot();
        let slot = self.slot(id)?.ok_or(ShareError::Foreign)?;
        let opened = slot.open_shares(&*self.provider, id, shares)?;
        if slot.is_proposed() { Err(ShareError::Proposed.into()) } else { Ok(opened) }
    }

    /// Tries every slot, also when one has opened: how long it takes does not tell whether a passphrase is right.
    /// One whose row is damaged does not keep the others from opening.
    fn open_any(&self, unlock: &Unlock<'_>, mut otherwise: UnsealError) -> Result<Opened, UnsealError> {
        let mut found = None;
        for (key, record) in self.slot_rows()? {
            let opened =
                id_of(&key).and_then(|id| Slot::read(&record.value)?.open_with(&*self.provider, id, unlock));
            match opened {
                Ok(opened) => found = found.or(opened),
                Err(error) => otherwise = error.into(),
            }
        }
        found.ok_or(otherwise)
    }
}

impl fmt::Display for NoneOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no way in opened the database")?;
        self.0.iter().zip(1..).try_for_each(|(error, number)| write!(f, "; {number}: {error}"))
    }
}

impl std::error::Error for NoneOpened {}
