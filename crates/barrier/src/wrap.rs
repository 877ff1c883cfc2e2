//! Wrapping one key of the hierarchy under another: an envelope whose context names level, child and tenant.

use strongroom_core::{Mac, Provider, StoreError, Tenant};
use strongroom_keys::envelope::{self, Context, EnvelopeError, KeyId};
use zeroize::Zeroizing;

/// A key of the hierarchy on its way from one envelope into another.
pub(crate) type Material = Zeroizing<[u8; 32]>;

/// The levels. The list is closed; the names stand in the context of `envelope.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A slot's key under the slot's secret.
    Slot,
    /// A slot's key under the root.
    SlotByRoot,
    /// The root under a slot's key.
    Root,
    /// An old root under the current one.
    OldRoot,
    /// A tenant's key under the root.
    Intermediate,
    /// A key for one purpose under a tenant's key.
    Purpose,
}

impl Level {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Slot => b"slot",
            Self::SlotByRoot => b"slot-by-root",
            Self::Root => b"root",
            Self::OldRoot => b"old-root",
            Self::Intermediate => b"intermediate",
            Self::Purpose => b"purpose",
        }
    }
}

/// Which key is inside: its level, its id, its version, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child<'a> {
    pub(crate) level: Level,
    pub(crate) id: &'a [u8],
    pub(crate) version: u32,
    pub(crate) tenant: Option<Tenant>,
}

impl Child<'_> {
    fn context(&self, provider: &dyn Provider) -> Result<Context, EnvelopeError> {
        let tenant: &[u8] = self.tenant.as_ref().map_or(&[], |tenant| tenant.as_bytes());
        let version = self.version.to_be_bytes();
        Context::new(provider, &[b"key", self.level.name(), self.id, &version, tenant])
    }
}

/// A key ready for use, with what names it in envelopes.
pub(crate) struct Named {
    pub(crate) id: KeyId,
    pub(crate) mac: Box<dyn Mac>,
}

impl Named {
    pub(crate) fn new(provider: &dyn Provider, id: [u8; 16], version: u32, material: &Material) -> Self {
        Self::elsewhere(id, version, provider.hmac(material))
    }

    /// A key that computes where it is.
    pub(crate) fn elsewhere(id: [u8; 16], version: u32, mac: Box<dyn Mac>) -> Self {
        Self { id: KeyId { id, version }, mac }
    }

    pub(crate) fn wrap(
        &self,
        provider: &dyn Provider,
        child: Child<'_>,
        material: &Material,
    ) -> Result<Vec<u8>, StoreError> {
        let context = child.context(provider).map_err(refused)?;
        envelope::seal(provider, &*self.mac, self.id, &context, material.as_slice()).map_err(refused)
    }

    pub(crate) fn unwrap(
        &self,
        provider: &dyn Provider,
        child: Child<'_>,
        sealed: &[u8],
    ) -> Result<Material, StoreError> {
        let context = child.context(provider).map_err(refused)?;
        let bytes = envelope::open(provider, &*self.mac, self.id, &context, sealed).map_err(refused)?;
        let mut material = Material::default();
        if bytes.len() != material.len() {
            return Err(StoreError::Corrupt);
        }
        material.copy_from_slice(&bytes);
        Ok(material)
    }
}

/// What an envelope's failure means to a store.
pub(crate) fn refused(error: EnvelopeError) -> StoreError {
    match error {
        EnvelopeError::Key(error) => StoreError::Key(error),
        EnvelopeError::TooLarge(what) => StoreError::TooLarge(what),
        EnvelopeError::Malformed | EnvelopeError::OpenFailed => StoreError::Corrupt,
    }
}

/// A new key from the system's generator.
pub(crate) fn new_key(provider: &dyn Provider) -> Result<Material, StoreError> {
    let mut material = Material::default();
    provider.random().fill_secret(material.as_mut_slice())?;
    Ok(material)
}

/// A new identifier.
pub(crate) fn new_id(provider: &dyn Provider) -> Result<[u8; 16], StoreError> {
    let mut id = [0; 16];
    provider.random().fill_secret(&mut id)?;
    Ok(id)
}
