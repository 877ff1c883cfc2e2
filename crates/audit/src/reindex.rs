use strongroom_core::{Tenant, commit};

use crate::{
    AuditError, AuditLog, LogId, Progress, head::Head, index::Index, open::Opener, tile::TILE_WIDTH,
};

impl AuditLog {
    /// Makes all indexes of a tenant's log anew from its entries, as they are wanted by queries.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn reindex(&self, tenant: Tenant, progress: &mut dyn FnMut(Progress)) -> Result<(), AuditError> {
        let _inside = self.base().enter()?;
        let log = LogId::Tenant(tenant);
        let total = self.head(log)?.frontier.size();
        for bundle in 0..total.div_ceil(TILE_WIDTH) {
            commit(self.store(), Tenant::SYSTEM, |mut reader| {
                // A step that appends to the bundle meanwhile rewrites the head.
                reader.get(&Head::key(log)?)?;
                let (index, _) = Opener::new(self, tenant).index(&self.bundle(log, bundle)?)?;
                let mut change = reader.change(());
                change.put(&Index::key(log, bundle)?, &index.to_bytes()?);
                Ok::<_, AuditError>(change)
            })?;
            progress(Progress { done: ((bundle + 1) * TILE_WIDTH).min(total), total });
        }
        Ok(())
    }
}
