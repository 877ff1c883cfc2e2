use strongroom_core::{Name, Provider, StoreError, Time};

use crate::{
    NewSlot, Share,
    record::{Kind, Slot, SlotId, Text, Wrapped},
    slot::{Opened, root_for, slot_child},
    wrap::{Level, Material, Named, new_id, new_key},
};

/// A slot that was just made, and what its custodians get, before any root is sealed for it: a plan that is
/// made anew asks no token and no Argon2id again.
pub(crate) struct Prepared {
    pub(crate) id: [u8; 16],
    pub(crate) shares: Vec<Share>,
    made: Time,
    kind: Kind,
    key: Material,
    by_secret: Vec<u8>,
}

impl Prepared {
    pub(crate) fn new(provider: &dyn Provider, new: &NewSlot<'_>, made: Time) -> Result<Self, StoreError> {
        let (id, key) = (new_id(provider)?, new_key(provider)?);
        let (outer, kind, shares) = new.outer(provider, id)?;
        let by_secret = outer.wrap(provider, slot_child(&id, Level::Slot), &key)?;
        Ok(Self { id, shares, made, kind, key, by_secret })
    }

    /// The row of the slot in use.
    pub(crate) fn row(
        &self,
        provider: &dyn Provider,
        root: &Named,
        root_material: &Material,
        label: Option<Name>,
    ) -> Result<Slot, StoreError> {
        let root_of_slot = root_for(provider, self.id, &self.key, root, root_material)?;
        self.with(provider, root, root_of_slot, label)
    }

    /// The row of the slot while it is proposed: it knows no root, so nothing opens by it.
    pub(crate) fn proposed(
        &self,
        provider: &dyn Provider,
        root: &Named,
        replaces: [u8; 16],
        label: Option<Name>,
    ) -> Result<Slot, StoreError> {
        Ok(Slot { replaces: Some(SlotId(replaces)), ..self.with(provider, root, Wrapped::none(), label)? })
    }

    fn with(
        &self,
        provider: &dyn Provider,
        root: &Named,
        root_of_slot: Wrapped,
        label: Option<Name>,
    ) -> Result<Slot, StoreError> {
        let by_root = root.wrap(provider, slot_child(&self.id, Level::SlotByRoot), &self.key)?;
        let slot = Slot::new(self.kind.clone(), self.made, self.by_secret.clone(), by_root, root_of_slot);
        Ok(Slot { label: label.map(Text), ..slot })
    }

    /// The slot as if it had been opened.
    pub(crate) fn opened(&self, provider: &dyn Provider) -> Opened {
        Opened { id: self.id, key: Named::new(provider, self.id, 1, &self.key) }
    }
}
