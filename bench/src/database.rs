//! Databases of ours to measure on.

use std::sync::Arc;

use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{Store, SystemClock};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, Rings};

use crate::Result;

/// A new database over `store`, opened.
pub(crate) fn unsealed(store: Arc<dyn Store>) -> Result<Unsealed> {
    unsealed_by(store, &secret()?)
}

/// The same with this secret as its way in.
pub(crate) fn unsealed_by(store: Arc<dyn Store>, secret: &UnsealSecret) -> Result<Unsealed> {
    let slots = [NewSlot::Secret(secret)];
    let created =
        Sealed::create(store, Arc::new(RustCrypto::new()), Arc::new(SystemClock), &slots, Vec::new())?;
    Ok(created.sealed.unseal(&Unlock::Secret(secret))?)
}

/// The rings of its first tenant.
pub(crate) fn rings(unsealed: &Unsealed) -> Rings {
    Kms::new(unsealed.base()).without_caller(unsealed.first_tenant())
}

/// A random secret for a slot.
pub(crate) fn secret() -> Result<UnsealSecret> {
    let mut secret = vec![0; 32];
    getrandom::fill(&mut secret)?;
    Ok(UnsealSecret::new(secret)?)
}

/// Random bytes for keys of records.
pub(crate) fn random_id() -> [u8; 16] {
    use strongroom_core::Random;
    let mut id = [0; 16];
    strongroom_keys::SystemRandom.fill(&mut id);
    id
}
