use strongroom_core::{Action, Caller, Event, Name, Service, Tenant, commit};

use crate::{AuditError, AuditLog, Month, hold, month_keys::MonthRecord};

impl AuditLog {
    /// Erases the keys of a tenant's month, and with them all payloads that were logged in it so far; what is logged
    /// later in that month lies under new ones. The entries' hashes stay, so that every proof holds. It returns when the
    /// keys are gone from the engine's files; what was copied elsewhere before is not touched.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] where there is nothing to erase, [`AuditError::Held`]; a store that cannot scrub says so
    /// after the keys were erased from its records.
    pub fn erase_month(&self, caller: &Caller, tenant: Tenant, month: Month) -> Result<(), AuditError> {
        let _inside = self.base().enter()?;
        let name =
            Name::parse(&format!("audit-{month}")).map_err(|_| AuditError::Invalid("no such month"))?;
        let caller = Caller { tenant, ..*caller };
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            let key = MonthRecord::key(tenant, month)?;
            let row = reader.get(&key)?.ok_or(AuditError::NotFound)?;
            let erased = MonthRecord::read(&row.value)?.erase().ok_or(AuditError::NotFound)?;
            // All holds are one row, which is expected as it is here: none comes in between.
            if hold::read_all(&mut reader)?.iter().any(|hold| hold.concerns_month(tenant, month)) {
                return Err(AuditError::Held);
            }
            let mut change = reader.change(());
            change.put_secret(&key, erased.to_bytes()?);
            let now = self.base().clock.now();
            let event = Event::allowed(&caller, now, Service::Audit, Action::Destroy, Some(name.clone()));
            self.base().outbox.put(&mut change, &event)?;
            Ok(change)
        })?;
        Ok(self.store().scrub()?)
    }
}
