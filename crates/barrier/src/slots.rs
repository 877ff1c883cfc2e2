use strongroom_core::{
    Action, Caller, Change, Event, Expect, Name, Reader, Record, Service, StoreError, Tenant, commit,
};

use crate::{
    NewSlot, Share, SlotError, Unsealed,
    prepared::Prepared,
    record::{Row, Slot, State, Text, id_of},
    roots::Roots,
    rotate::slots,
    sealed::SLOT_LIMIT,
    slot::Opened,
};

/// A slot that was added.
#[derive(Debug, Clone)]
pub struct Added {
    /// Its id.
    pub id: [u8; 16],
    /// Its shares if it is made of such, to be handed out now: they are kept nowhere.
    pub shares: Vec<Share>,
}

/// The slots as of one moment. A change that was planned by them expects them so, and the state too: which is
/// rewritten by each, so none of them meets another one or a rotation of the root unnoticed.
pub(crate) struct Slots {
    pub(crate) roots: Roots,
    state: Vec<u8>,
    /// A row that does not parse is nothing.
    pub(crate) rows: Vec<([u8; 16], Option<Slot>)>,
}

impl Slots {
    /// A slot in use; nothing inside if its row is damaged.
    pub(crate) fn in_use(&self, id: [u8; 16]) -> Result<Option<&Slot>, SlotError> {
        match self.rows.iter().find(|(known, _)| *known == id) {
            None => Err(SlotError::NotFound),
            Some((_, Some(slot))) if slot.is_proposed() => Err(SlotError::Proposed),
            Some((_, slot)) => Ok(slot.as_ref()),
        }
    }

    /// A proposed slot.
    pub(crate) fn proposed(&self, id: [u8; 16]) -> Result<&Slot, SlotError> {
        match self.rows.iter().find(|(known, _)| *known == id) {
            None => Err(SlotError::NotFound),
            Some((_, Some(slot))) if slot.is_proposed() => Ok(slot),
            Some(_) => Err(SlotError::NotProposed),
        }
    }

    /// The ids of the slots in use.
    pub(crate) fn ids_in_use(&self) -> Vec<[u8; 16]> {
        let in_use =
            self.rows.iter().filter(|(_, slot)| slot.as_ref().is_some_and(|slot| !slot.is_proposed()));
        in_use.map(|(id, _)| *id).collect()
    }

    /// Another slot in use, opened by the root, that gives the root in turn.
    fn another(&self, unsealed: &Unsealed, id: [u8; 16]) -> Option<Opened> {
        let (provider, root) = (unsealed.provider(), &self.roots.current);
        let others = self.rows.iter().filter(|(other, _)| *other != id);
        others.filter_map(|(id, slot)| Some((*id, slot.as_ref()?))).find_map(|(id, slot)| {
            let opened = slot.open_by_root(provider, id, root).ok()?;
            let opens = !slot.is_proposed() && slot.root(provider, &opened, &root.id.id).is_ok();
            opens.then_some(opened)
        })
    }
}

impl Unsealed {
    /// Adds a way in. Shares come out only once the slot is there.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed.
    pub fn add_slot(
        &self,
        caller: &Caller,
        new: &NewSlot<'_>,
        label: Option<&Name>,
    ) -> Result<Added, SlotError> {
        let prepared = self.prepare_slot(new)?;
        commit(self, Tenant::SYSTEM, |reader| self.plan_added(reader, caller, &prepared, label))
    }

    /// Plans [`Unsealed::add_slot`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_add_slot(
        &self,
        reader: Reader<'_>,
        caller: &Caller,
        new: &NewSlot<'_>,
        label: Option<&Name>,
    ) -> Result<Change<Added>, SlotError> {
        self.plan_added(reader, caller, &self.prepare_slot(new)?, label)
    }

    /// Removes a slot in use, but never the last one that opens. Whoever kept a copy of the database as it was
    /// and the slot's secret still opens that copy: rotate the root and the tenants' keys after a leak.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed.
    pub fn remove_slot(&self, caller: &Caller, id: [u8; 16]) -> Result<(), SlotError> {
        commit(self, Tenant::SYSTEM, |reader| self.plan_remove_slot(reader, caller, id))?;
        self.keyring().forget_way(id);
        Ok(())
    }

    /// Plans [`Unsealed::remove_slot`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_remove_slot(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        id: [u8; 16],
    ) -> Result<Change<()>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        slots.in_use(id)?;
        let another = slots.another(self, id).ok_or(SlotError::Last)?;
        self.keep_a_way(&slots, id, another)?;
        let mut change = self.change_slots(reader, &slots, ())?;
        self.delete_slot(&mut change, caller, id)?;
        Ok(change)
    }

    /// Gives a slot in use or a proposed one a label, or takes it away.
    ///
    /// # Errors
    /// [`SlotError`]; nothing has changed.
    pub fn label_slot(&self, caller: &Caller, id: [u8; 16], label: Option<&Name>) -> Result<(), SlotError> {
        commit(self, Tenant::SYSTEM, |reader| self.plan_label_slot(reader, caller, id, label))
    }

    /// Plans [`Unsealed::label_slot`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn plan_label_slot(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        id: [u8; 16],
        label: Option<&Name>,
    ) -> Result<Change<()>, SlotError> {
        let _inside = self.enter()?;
        let record = reader.get(&Slot::key(id)?)?.ok_or(SlotError::NotFound)?;
        let slot = Slot { label: label.cloned().map(Text), ..Slot::read(&record.value)? };
        let mut change = reader.change(());
        change.put(&Slot::key(id)?, &slot.to_bytes()?);
        self.record_slot(&mut change, caller, Action::Configure, id)?;
        Ok(change)
    }

    /// Makes a slot as far as no root is needed.
    pub(crate) fn prepare_slot(&self, new: &NewSlot<'_>) -> Result<Prepared, SlotError> {
        let _inside = self.enter()?;
        if !new.makes_sense() {
            return Err(SlotError::Senseless);
        }
        Ok(Prepared::new(self.provider(), new, self.now())?)
    }

    fn plan_added(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        prepared: &Prepared,
        label: Option<&Name>,
    ) -> Result<Change<Added>, SlotError> {
        let _inside = self.enter()?;
        let slots = self.slots(&mut reader)?;
        let row =
            prepared.row(self.provider(), &slots.roots.current, slots.roots.material(), label.cloned())?;
        let added = Added { id: prepared.id, shares: prepared.shares.clone() };
        let mut change = self.change_slots(reader, &slots, added)?;
        self.make_room(&mut change, caller, &slots)?;
        self.put_slot(&mut change, caller, prepared.id, &row)?;
        Ok(change)
    }

    /// Reads all slots, the roots and the state.
    pub(crate) fn slots(&self, reader: &mut Reader<'_>) -> Result<Slots, StoreError> {
        let mut keys = slots(reader)?;
        keys.push(State::key()?);
        let (roots, mut rows) = self.roots(reader, keys)?;
        let (_, state) = rows.pop().ok_or(StoreError::Corrupt)?;
        let read = |(key, record): &(_, Record)| match Slot::read(&record.value) {
            Ok(slot) => Ok((id_of(key)?, Some(slot))),
            Err(StoreError::Corrupt) => Ok((id_of(key)?, None)),
            Err(error) => Err(error),
        };
        let rows = rows.iter().map(read).collect::<Result<_, StoreError>>()?;
        Ok(Slots { roots, state: state.value.to_vec(), rows })
    }

    /// Begins a change of the slots: it rewrites the state.
    pub(crate) fn change_slots<T>(
        &self,
        reader: Reader<'_>,
        slots: &Slots,
        value: T,
    ) -> Result<Change<T>, StoreError> {
        let mut change = reader.change(value);
        change.put(&State::key()?, &slots.state);
        Ok(change)
    }

    /// Puts a slot that was not there before.
    pub(crate) fn put_slot<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        id: [u8; 16],
        row: &Slot,
    ) -> Result<(), StoreError> {
        let key = Slot::key(id)?;
        change.expect(&key, Expect::Absent);
        change.put(&key, &row.to_bytes()?);
        self.record_slot(change, caller, Action::Create, id)
    }

    pub(crate) fn delete_slot<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        id: [u8; 16],
    ) -> Result<(), StoreError> {
        change.delete(&Slot::key(id)?);
        self.record_slot(change, caller, Action::Delete, id)
    }

    /// Proposals that nobody confirmed in time make room; beyond that the limit holds.
    pub(crate) fn make_room<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        slots: &Slots,
    ) -> Result<(), SlotError> {
        let (now, mut count) = (self.now(), slots.rows.len());
        for (id, slot) in &slots.rows {
            if slot.as_ref().is_some_and(|slot| slot.is_proposed() && slot.expires() <= now) {
                self.delete_slot(change, caller, *id)?;
                count -= 1;
            }
        }
        if count >= SLOT_LIMIT { Err(SlotError::Full) } else { Ok(()) }
    }

    /// Before a slot goes: if roots are read by it, they can be read by another one too.
    pub(crate) fn keep_a_way(
        &self,
        slots: &Slots,
        gone: [u8; 16],
        another: Opened,
    ) -> Result<(), StoreError> {
        if self.keyring().ways()?.has(gone) {
            self.keyring().add_way(another, &slots.ids_in_use());
        }
        Ok(())
    }

    /// An event on a slot, which is called by its id: a label may change.
    pub(crate) fn record_slot<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        action: Action,
        id: [u8; 16],
    ) -> Result<(), StoreError> {
        let name = Name::parse(&format!("slot-{:032x}", u128::from_be_bytes(id))).ok();
        let mut event = Event::allowed(caller, self.now(), Service::Barrier, action, name);
        event.tenant = Tenant::SYSTEM;
        event.old = change.replaced(&Slot::key(id)?);
        self.outbox().put(change, &event)
    }
}
