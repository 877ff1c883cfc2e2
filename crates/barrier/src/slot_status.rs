use std::time::Duration;

use strongroom_core::{Argon2Cost, Name, Record, RecordKey, StoreError, Time};

use crate::{
    Split,
    record::{Kind, Row, Slot, SlotId, Text, id_of},
};

/// A slot in use, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotStatus {
    /// Its id.
    pub id: [u8; 16],
    /// What people call it.
    pub label: Option<Name>,
    /// When it was made; a damaged one does not tell.
    pub made: Time,
    /// What opens it.
    pub kind: SlotKind,
    /// How its secret is split, where it is.
    pub split: Option<Split>,
}

/// What opens a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotKind {
    /// A secret file.
    SecretFile,
    /// Shares.
    Shamir,
    /// A passphrase, at this cost.
    Passphrase(Argon2Cost),
    /// A key in a backend.
    Key {
        /// The backend's name.
        backend: Name,
        /// What the key is called there.
        name: Name,
    },
    /// Nothing: its record does not parse. It can be removed.
    Damaged,
}

/// Shares that wait for their confirmation: they open nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The id that the slot will have.
    pub id: [u8; 16],
    /// The slot that it will replace.
    pub replaces: [u8; 16],
    /// What people will call it.
    pub label: Option<Name>,
    /// From when on it cannot be confirmed any more.
    pub expires: Time,
    /// How its secret is split.
    pub split: Split,
}

/// How long shares that were proposed can be confirmed.
const PROPOSED: Duration = Duration::from_secs(24 * 60 * 60);

/// A row of slots, as people see it.
pub(crate) enum Listed {
    Slot(SlotStatus),
    Proposal(Proposal),
}

impl Listed {
    pub(crate) fn read((key, record): &(RecordKey, Record)) -> Result<Self, StoreError> {
        let id = id_of(key)?;
        match Slot::read(&record.value) {
            Ok(slot) => Ok(slot.listed(id)),
            Err(StoreError::Corrupt) => Ok(Self::Slot(SlotStatus {
                id,
                label: None,
                made: Time::from_millis(0),
                kind: SlotKind::Damaged,
                split: None,
            })),
            Err(error) => Err(error),
        }
    }
}

impl Slot {
    /// From when on a proposed slot cannot be confirmed any more.
    pub(crate) fn expires(&self) -> Time {
        self.made + PROPOSED
    }

    fn listed(self, id: [u8; 16]) -> Listed {
        let split = self.split();
        let expires = self.expires();
        let label = self.label.map(|Text(name)| name);
        if let (Some(SlotId(replaces)), Some(split)) = (self.replaces, split) {
            return Listed::Proposal(Proposal { id, replaces, label, expires, split });
        }
        let kind = match self.kind {
            Kind::SecretFile => SlotKind::SecretFile,
            Kind::Shamir { .. } => SlotKind::Shamir,
            Kind::Passphrase { cost } => SlotKind::Passphrase(cost),
            Kind::Key { backend: Text(backend), name: Text(name) } => SlotKind::Key { backend, name },
        };
        Listed::Slot(SlotStatus { id, label, made: self.made, kind, split })
    }

    /// How its secret is split, where it is.
    pub(crate) fn split(&self) -> Option<Split> {
        let Kind::Shamir { threshold, fingerprints } = &self.kind else { return None };
        Some(Split { shares: u8::try_from(fingerprints.len()).unwrap_or(u8::MAX), threshold: *threshold })
    }
}
