//! All that the barrier does by due work.

use strongroom_core::{Change, CommitError, Due, Reader, StoreError, Time, Worker};

use crate::{
    Unsealed,
    renew::RENEW,
    reseal_job::RESEAL,
    rewrap::REWRAP,
    schedule::{ROTATE, ROTATE_ROOT},
    shred::SHRED,
};

/// Rotates what is due to be rotated, and does the jobs that rotations, leaks and shredding leave behind.
impl Worker for Unsealed {
    fn kinds(&self) -> &[&'static str] {
        &[ROTATE_ROOT, ROTATE, REWRAP, RENEW, RESEAL, SHRED]
    }

    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, CommitError> {
        let _inside = self.enter()?;
        match due.kind {
            ROTATE_ROOT => self.root_rotation_due(reader, due, now),
            ROTATE => self.rotation_due(reader, due, now),
            REWRAP => self.rewrap_some(reader, due),
            RENEW => self.renew_some(reader, due, now),
            RESEAL => self.reseal_some(reader, due, now),
            SHRED => self.shred_some(reader, due),
            _ => Err(StoreError::Invalid("the barrier does no such work").into()),
        }
    }
}

/// The row of the next step: it sorts behind this one within the same moment, so one run does all steps.
pub(crate) fn following(due: &Due, payload: Vec<u8>) -> Due {
    let id = u128::from_be_bytes(due.id).wrapping_add(1).to_be_bytes();
    Due { id, payload, ..due.clone() }
}
