use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use strongroom_core::{Algorithm, Check, Due, Provider, RecordKey, Segment, Stored, Table, Tenant};

use crate::{
    archive::{self, ARCHIVE, ArchivedRecord},
    deletion::{TOMBSTONES, Tombstone},
    own_check::{OwnKeyCheck, RestoredCheck},
    record::{RINGS, RingRecord, name_of},
    uses::{USES, UsesRecord},
    work,
};

/// All checks of key rings, for one walk through a database in the order of its keys.
pub fn checks(provider: Arc<dyn Provider>) -> Vec<Box<dyn Check>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    vec![
        Box::new(WorkCheck { seen: Arc::clone(&seen) }),
        Box::new(RingCheck { provider: Arc::clone(&provider), seen: Arc::clone(&seen) }),
        Box::new(UsesCheck),
        Box::new(OwnKeyCheck::new(Arc::clone(&provider))),
        Box::new(RestoredCheck),
        Box::new(ArchiveCheck { provider, seen }),
        Box::new(TombstoneCheck),
    ]
}

/// What was met before, which later rows belong to.
#[derive(Default)]
struct Seen {
    /// The least version that is there of rings with archived versions, and the algorithm.
    rings: HashMap<(Tenant, [u8; 16]), (u32, Algorithm)>,
    /// Rings whose archived versions are about to be deleted, some or all.
    tidied: HashSet<(Tenant, [u8; 16])>,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the records of rings: each is one, its keys load, and what they show in public is what the record says.
pub struct RingCheck {
    provider: Arc<dyn Provider>,
    seen: Arc<Mutex<Seen>>,
}

impl RingCheck {
    /// A check that computes with `provider`.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self { provider, seen: Arc::default() }
    }
}

impl Check for RingCheck {
    fn table(&self) -> Table {
        RINGS
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        name_of(key).map_err(|_| "no name of a ring")?;
        let ring = RingRecord::read(value).map_err(|_| "no record of a ring")?;
        if ring.min_available < ring.first_live() {
            let noted = (ring.min_available, ring.algorithm);
            lock(&self.seen).rings.insert((key.tenant(), ring.id), noted);
        }
        ring.all().try_for_each(|stored| loads(&*self.provider, &stored))
    }
}

fn loads(provider: &dyn Provider, stored: &Stored) -> Result<(), &'static str> {
    let loaded = provider.software().load(stored).map_err(|_| "a version of the ring does not load")?;
    if loaded.public() == stored.public.as_ref() {
        Ok(())
    } else {
        Err("a version of the ring shows another public key than its secret has")
    }
}

/// Looks at archived versions: each is one of a ring that is there and has not given it up, and its key loads.
struct ArchiveCheck {
    provider: Arc<dyn Provider>,
    seen: Arc<Mutex<Seen>>,
}

impl Check for ArchiveCheck {
    fn table(&self) -> Table {
        ARCHIVE
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        let (ring, version) = archive::parts(key).ok_or("no version of a ring")?;
        let archived = ArchivedRecord::read(value, version).map_err(|_| "no archived version")?;
        let (of, seen) = ((key.tenant(), ring), lock(&self.seen));
        let algorithm = match seen.rings.get(&of) {
            Some((least, algorithm)) if *least <= version => *algorithm,
            _ if seen.tidied.contains(&of) => return Ok(()),
            Some(_) => return Err("an archived version that its ring has given up"),
            None => return Err("an archived version of a ring that is not there"),
        };
        drop(seen);
        archived.version.stored(algorithm).map_or(Ok(()), |stored| loads(&*self.provider, &stored))
    }
}

/// Notes which rings' archived versions are about to be deleted.
struct WorkCheck {
    seen: Arc<Mutex<Seen>>,
}

impl Check for WorkCheck {
    fn table(&self) -> Table {
        Due::TABLE
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        let Some((_, kind, _)) = Due::parts(key).filter(|(_, kind, _)| work::KINDS.contains(kind)) else {
            return Ok(());
        };
        let (tenant, payload) = Due::content(value).map_err(|_| "no work on a ring")?;
        if kind == work::TIDY {
            let (_, ring) = work::to_tidy(payload).map_err(|_| "no work on archived versions")?;
            lock(&self.seen).tidied.insert((tenant, ring));
        }
        if kind == work::GIVE_UP {
            let ring = payload.try_into().map_err(|_| "no work on a ring that comes back")?;
            lock(&self.seen).tidied.insert((tenant, ring));
        }
        Ok(())
    }
}

/// Looks at what is left of rings that were deleted.
struct TombstoneCheck;

impl Check for TombstoneCheck {
    fn table(&self) -> Table {
        TOMBSTONES
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        only_id(key)?;
        Tombstone::read(value).map(drop).map_err(|_| "nothing that is left of a ring")
    }
}

/// Looks at the counts of keys that may be used only so often: each is one, of a ring's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsesCheck;

impl Check for UsesCheck {
    fn table(&self) -> Table {
        USES
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        only_id(key)?;
        UsesRecord::read(value).map(drop).map_err(|_| "no count of a ring's uses")
    }
}

fn only_id(key: &RecordKey) -> Result<(), &'static str> {
    let mut segments = key.segments();
    match (segments.next(), segments.next()) {
        (Some(Segment::Id(_)), None) => Ok(()),
        _ => Err("no id of a ring"),
    }
}

impl fmt::Debug for RingCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingCheck")
    }
}
