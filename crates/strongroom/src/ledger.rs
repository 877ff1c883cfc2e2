use std::time::Duration;

use strongroom_audit::{AuditError, AuditLog, Pruner};
use strongroom_core::{Base, CommitError, Name, Store, run_due};

use crate::{Strongroom, Tended};

impl Strongroom {
    /// The audit log of this database. The first who asks makes it; of several processes on one database, all get the
    /// same one. Its name is the database's id. From then on call [`Strongroom::tend_log`] and not
    /// [`Strongroom::tend`], which would hand events to its caller that the log then never sees.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn audit(&self) -> Result<AuditLog, AuditError> {
        let (base, history) = (self.barrier().base(), self.barrier().history()?.id);
        match AuditLog::open(base.clone(), history) {
            Err(AuditError::Missing) => {}
            opened => return opened,
        }
        match AuditLog::create(base.clone(), history, &self.log_name()?) {
            // Another process was faster.
            Err(AuditError::Exists) => AuditLog::open(base, history),
            made => made,
        }
    }

    /// Writes the events that wait in memory, has the audit log take over all events so far, then does the work that is
    /// due, for about `budget`, the log's retention among it. Call it now and then, in any number of processes.
    ///
    /// # Errors
    /// [`AuditError`] where the store cannot do it; nothing is lost.
    pub fn tend_log(&self, budget: Duration) -> Result<Tended, AuditError> {
        let Base { clock, outbox, .. } = self.barrier().base();
        outbox.flush(self.barrier(), clock.now())?;
        let log = self.audit()?;
        let events = match log.drain_all() {
            // Another process takes them over.
            Err(AuditError::Commit(CommitError::Contended | CommitError::Conflict(_))) => 0,
            drained => drained?,
        };
        let due =
            run_due(self.barrier(), &[self.barrier(), self.kms(), &Pruner::new(log)], clock.now(), budget)?;
        Ok(Tended { events, due })
    }

    fn log_name(&self) -> Result<Name, AuditError> {
        let id = u128::from_be_bytes(self.barrier().database()?);
        Name::parse(&format!("{id:032x}")).map_err(|_| AuditError::Invalid("the database's id is no name"))
    }
}
