use strongroom_core::{Action, Caller, Change, Name, Reader, Tenant, Time, commit};

use crate::{
    Added, NewSlot, Share, ShareError, SlotError, Split, Unsealed,
    prepared::Prepared,
    record::{Row, Slot, SlotId, Text},
    slot::{Opened, Unopened},
    slots::Slots,
};

/// A set of shares that was proposed.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The id of the slot to be.
    pub id: [u8; 16],
    /// From when on it cannot be confirmed any more.
    pub expires: Time,
    /// The shares, to be handed out now: they are kept nowhere.
    pub shares: Vec<Share>,
}

/// A set of shares that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// The slot that opens now.
    pub id: [u8; 16],
    /// The slot that it replaced, and that is gone.
    pub replaced: [u8; 16],
}

/// Which of the proposed shares are entered again before they take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reentered {
    /// Every one: no custodian holds a share that was lost or written down wrongly.
    All,
    /// As many as open the slot.
    Threshold,
}

impl Unsealed {
    /// Replaces a slot by a secret file, a passphrase or a key in a backend, in one commit: the new one opens
    /// from then on, the old one does not. The label stays.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed, and the old slot opens.
    pub fn replace_slot(
        &self,
        caller: &Caller,
        old: [u8; 16],
        new: &NewSlot<'_>,
    ) -> Result<Added, SlotError> {
        let prepared = self.prepare_replacement(new)?;
        let added =
            commit(self, Tenant::SYSTEM, |reader| self.plan_replaced(reader, caller, old, &prepared))?;
        self.keyring().forget_way(old);
        Ok(added)
    }

    /// Plans [`Unsealed::replace_slot`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_replace_slot(
        &self,
        reader: Reader<'_>,
        caller: &Caller,
        old: [u8; 16],
        new: &NewSlot<'_>,
    ) -> Result<Change<Added>, SlotError> {
        self.plan_replaced(reader, caller, old, &self.prepare_replacement(new)?)
    }

    /// Makes shares that are to replace a slot. Nothing opens by them before [`Unsealed::confirm`], which has a
    /// day's time, and until then the old slot opens. Several proposals do not hinder each other; that which is
    /// confirmed first replaces the slot.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed.
    pub fn propose(&self, caller: &Caller, replaces: [u8; 16], split: Split) -> Result<Proposed, SlotError> {
        let prepared = self.prepare_slot(&NewSlot::Shamir(split))?;
        commit(self, Tenant::SYSTEM, |reader| self.plan_proposed(reader, caller, replaces, &prepared))
    }

    /// Plans [`Unsealed::propose`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_propose(
        &self,
        reader: Reader<'_>,
        caller: &Caller,
        replaces: [u8; 16],
        split: Split,
    ) -> Result<Change<Proposed>, SlotError> {
        self.plan_proposed(reader, caller, replaces, &self.prepare_slot(&NewSlot::Shamir(split))?)
    }

    /// Puts proposed shares into effect once their custodians have entered them again, and deletes the slot
    /// that they replace, in one commit. Before the commit the old slot opens, after it
    /// the new one.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed, and the old slot opens.
    pub fn confirm(
        &self,
        caller: &Caller,
        shares: &[Share],
        reentered: Reentered,
    ) -> Result<Confirmed, SlotError> {
        let confirmed =
            commit(self, Tenant::SYSTEM, |reader| self.plan_confirm(reader, caller, shares, reentered))?;
        self.keyring().forget_way(confirmed.replaced);
        Ok(confirmed)
    }

    /// Plans [`Unsealed::confirm`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_confirm(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        shares: &[Share],
        reentered: Reentered,
    ) -> Result<Change<Confirmed>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        let id = shares.first().ok_or(ShareError::Missing { missing: 1 })?.slot();
        let proposed = match slots.proposed(id) {
            Err(SlotError::NotFound) => return Err(ShareError::Foreign.into()),
            other => other?,
        };
        let old = proposed.replaces.map(|SlotId(old)| old).ok_or(SlotError::NotProposed)?;
        let opened = self.reopened(id, proposed, shares, reentered)?;
        if self.now() >= proposed.expires() {
            return Err(SlotError::Expired);
        }
        if slots.in_use(old).is_err() {
            return Err(SlotError::Superseded);
        }
        let row = proposed.confirmed(self.provider(), id, &slots.roots.current, slots.roots.material())?;
        // What the custodians have opens what is written now: the root, under the key of their shares.
        row.root(self.provider(), &opened, &slots.roots.current.id.id)?;
        self.keep_a_way(&slots, old, opened)?;
        let mut change = self.change_slots(reader, &slots, Confirmed { id, replaced: old })?;
        change.put(&Slot::key(id)?, &row.to_bytes()?);
        self.record_slot(&mut change, caller, Action::Enable, id)?;
        self.delete_slot(&mut change, caller, old)?;
        Ok(change)
    }

    /// Forgets proposed shares; the slot that they were to replace stays.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed.
    pub fn cancel(&self, caller: &Caller, proposed: [u8; 16]) -> Result<(), SlotError> {
        commit(self, Tenant::SYSTEM, |reader| self.plan_cancel(reader, caller, proposed))
    }

    /// Plans [`Unsealed::cancel`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_cancel(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        proposed: [u8; 16],
    ) -> Result<Change<()>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        slots.proposed(proposed)?;
        let mut change = self.change_slots(reader, &slots, ())?;
        self.delete_slot(&mut change, caller, proposed)?;
        Ok(change)
    }

    /// Whether a share is one of a set that waits for its confirmation; changes nothing.
    ///
    /// # Errors
    /// [`SlotError::Share`] says what is wrong with it, [`SlotError::NotProposed`] that its set is in use.
    pub fn check_proposed(&self, share: &Share) -> Result<(), SlotError> {
        let mut reader = Reader::new(self, Tenant::SYSTEM);
        let record = reader.get(&Slot::key(share.slot())?)?.ok_or(ShareError::Foreign)?;
        let slot = Slot::read(&record.value)?;
        slot.check(self.provider(), share.slot(), share)?;
        if slot.is_proposed() { Ok(()) } else { Err(SlotError::NotProposed) }
    }

    fn prepare_replacement(&self, new: &NewSlot<'_>) -> Result<Prepared, SlotError> {
        if matches!(new, NewSlot::Shamir(_)) { Err(SlotError::Unconfirmed) } else { self.prepare_slot(new) }
    }

    fn plan_replaced(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        old: [u8; 16],
        prepared: &Prepared,
    ) -> Result<Change<Added>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        let label = label(&slots, old)?;
        let row = prepared.row(self.provider(), &slots.roots.current, slots.roots.material(), label)?;
        self.keep_a_way(&slots, old, prepared.opened(self.provider()))?;
        let mut change = self.change_slots(reader, &slots, Added { id: prepared.id, shares: Vec::new() })?;
        self.put_slot(&mut change, caller, prepared.id, &row)?;
        self.delete_slot(&mut change, caller, old)?;
        Ok(change)
    }

    fn plan_proposed(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        replaces: [u8; 16],
        prepared: &Prepared,
    ) -> Result<Change<Proposed>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        let label = label(&slots, replaces)?;
        let row = prepared.proposed(self.provider(), &slots.roots.current, replaces, label)?;
        let (id, expires) = (prepared.id, row.expires());
        let proposed = Proposed { id, expires, shares: prepared.shares.clone() };
        let mut change = self.change_slots(reader, &slots, proposed)?;
        self.make_room(&mut change, caller, &slots)?;
        self.put_slot(&mut change, caller, id, &row)?;
        Ok(change)
    }

    /// Opens a proposed slot with the shares that were entered again.
    fn reopened(
        &self,
        id: [u8; 16],
        proposed: &Slot,
        shares: &[Share],
        reentered: Reentered,
    ) -> Result<Opened, SlotError> {
        let all = proposed.split().map_or(0, |split| split.shares);
        let missing = all.saturating_sub(u8::try_from(shares.len()).unwrap_or(u8::MAX));
        match proposed.open_shares(self.provider(), id, shares) {
            Ok(_) | Err(Unopened::Share(ShareError::Missing { .. }))
                if reentered == Reentered::All && missing > 0 =>
            {
                Err(ShareError::Missing { missing }.into())
            }
            opened => Ok(opened?),
        }
    }
}

/// The label of a slot in use, which its successor takes over.
fn label(slots: &Slots, id: [u8; 16]) -> Result<Option<Name>, SlotError> {
    Ok(slots.in_use(id)?.and_then(|slot| slot.label.clone()).map(|Text(name)| name))
}
