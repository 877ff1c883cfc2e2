use strongroom_core::{StoreError, Tenant};

use crate::{
    AuditError, AuditLog, ConsistencyProof, Hash, InclusionProof, Leaf, LogId, Part, SignedCheckpoint,
    TileId,
    head::Head,
    inclusion::Place,
    open::{Opened, Opener},
    tile::TILE_WIDTH,
    tree::{Tiles, Tree},
};

impl AuditLog {
    /// The proof that the event with this number stands in the tenant's log. Whoever gets it learns that one event.
    ///
    /// # Errors
    /// [`AuditError::NotFound`], [`AuditError::Damaged`].
    pub fn prove(&self, tenant: Tenant, index: u64) -> Result<InclusionProof, AuditError> {
        let _inside = self.base().enter()?;
        let log = LogId::Tenant(tenant);
        let head = self.head(log)?;
        // The global head is read after the tenant's: so it is in there.
        let global = self.head(LogId::Global)?;
        let at = head.at;
        let in_tenant = self.place(log, head, index)?;
        let in_global = self.place(LogId::Global, global, at)?;
        let (bundle, place) = (index / TILE_WIDTH, (index % TILE_WIDTH) as usize);
        let damaged = AuditError::Damaged { log, part: Part::Entry(index) };
        let Some(entry) = self.bundle(log, bundle)?.into_iter().nth(place) else { return Err(damaged) };
        let Some(leaf) = Leaf::from_bytes(&entry.leaf) else { return Err(damaged) };
        let disclosed = match Opener::new(self, tenant).open(&leaf, &entry.sealed)? {
            Opened::Here(disclosed, _) => Some(disclosed),
            Opened::Gone => None,
            Opened::Damaged => return Err(damaged),
        };
        Ok(InclusionProof { leaf, disclosed, in_tenant, in_global })
    }

    /// The proof that a log begins with all that it had at an earlier checkpoint of it.
    ///
    /// # Errors
    /// [`AuditError::Proof`] for a checkpoint that this log did not sign; [`AuditError::RolledBack`] and
    /// [`AuditError::Rewritten`] where there is no such proof.
    pub fn prove_since(&self, old: &SignedCheckpoint) -> Result<ConsistencyProof, AuditError> {
        let _inside = self.base().enter()?;
        let log = old.claimed_origin().log;
        let checkpoint = old.verify(&self.settings()?.verifier(log)?)?;
        let head = self.head(log)?;
        let size = head.frontier.size();
        let tiles = StoredTiles { log: self, id: log };
        let had = checkpoint.size;
        let path = Tree::new(&tiles, size).consistency(had)?.ok_or(AuditError::RolledBack { size, had })?;
        if Tree::new(&tiles, had).root()? != checkpoint.root {
            return Err(AuditError::Rewritten);
        }
        Ok(ConsistencyProof { old: old.clone(), path, new: head.note })
    }

    /// The hashes that lead from the log with `old` entries to the log with `new` ones: `PROOF(old, D[new])` of RFC 6962,
    /// section 2.1.2, for whoever has both checkpoints.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] where the log never had so many entries, or `old` is the greater one.
    pub fn consistency(&self, log: LogId, old: u64, new: u64) -> Result<Vec<Hash>, AuditError> {
        let _inside = self.base().enter()?;
        if new > self.head(log)?.frontier.size() {
            return Err(AuditError::NotFound);
        }
        let tiles = StoredTiles { log: self, id: log };
        Tree::new(&tiles, new).consistency(old)?.ok_or(AuditError::NotFound)
    }

    /// Whether the log still has all that it had at an earlier checkpoint. Whoever keeps checkpoints elsewhere finds
    /// so a log that was cut off, rolled back with the database, or rewritten, even by someone with all keys.
    ///
    /// # Errors
    /// As for [`AuditLog::prove_since`].
    pub fn check_since(&self, old: &SignedCheckpoint) -> Result<(), AuditError> {
        self.prove_since(old).map(drop)
    }

    fn place(&self, log: LogId, head: Head, index: u64) -> Result<Place, AuditError> {
        let tiles = StoredTiles { log: self, id: log };
        let path = Tree::new(&tiles, head.frontier.size()).inclusion(index)?.ok_or(AuditError::NotFound)?;
        Ok(Place { index, path, checkpoint: head.note })
    }
}

/// The tiles of a log, as they are kept.
pub(crate) struct StoredTiles<'l> {
    pub(crate) log: &'l AuditLog,
    pub(crate) id: LogId,
}

impl Tiles for StoredTiles<'_> {
    type Error = AuditError;

    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, AuditError> {
        self.log.hashes(self.id, level, index).map_err(|error| match error {
            StoreError::Corrupt => self.short(level, index),
            other => other.into(),
        })
    }

    fn short(&self, level: u8, index: u64) -> AuditError {
        let size = self.log.head(self.id).map_or(0, |head| head.frontier.size());
        let tile = TileId::at(level, index, size).unwrap_or(TileId { level, index, width: 0 });
        AuditError::Damaged { log: self.id, part: Part::Tile(tile) }
    }
}
