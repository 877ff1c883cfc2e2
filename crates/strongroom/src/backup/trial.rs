use strongroom_core::{Algorithm, Name, Purpose, SealOptions, StoreError, Tenant};
use strongroom_kms::{KmsError, RingState, Rings};

use crate::Strongroom;

/// The rings of one kind in a restored database, and whether one of them works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// What they are for.
    pub algorithm: Algorithm,
    /// How many there are, of all tenants.
    pub rings: u64,
    /// Whether the first of them that is not disabled did its work: it opened what it had sealed, verified what it
    /// had signed or authenticated, or derived a key. Nothing if all are disabled.
    pub works: Option<bool>,
}

const PAGE: usize = 200;
const MESSAGE: &[u8] = b"a drill";

/// Uses one ring of every kind that these tenants have. Nothing is stored but uses of keys that are counted. Rings that
/// cannot be read are left out.
pub(super) fn try_rings(
    room: &Strongroom,
    tenants: impl Iterator<Item = Tenant>,
) -> Result<Vec<Trial>, StoreError> {
    let untried = |algorithm| Trial { algorithm, rings: 0, works: None };
    let mut trials: Vec<_> = Algorithm::known().map(untried).collect();
    for tenant in tenants {
        let (rings, mut after) = (room.keys_of(tenant), None);
        while let Some(names) = readable(rings.list(after.as_ref(), PAGE))? {
            names.iter().try_for_each(|name| try_ring(&rings, name, &mut trials))?;
            after = names.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
    }
    Ok(trials.into_iter().filter(|trial| trial.rings > 0).collect())
}

fn try_ring(rings: &Rings, name: &Name, trials: &mut [Trial]) -> Result<(), StoreError> {
    let Some(ring) = readable(rings.read(name))? else { return Ok(()) };
    for trial in trials.iter_mut().filter(|trial| trial.algorithm == ring.algorithm) {
        trial.rings += 1;
        if ring.state == RingState::Active && trial.works.is_none() {
            trial.works = Some(works(rings, name, ring.algorithm));
        }
    }
    Ok(())
}

fn works(rings: &Rings, name: &Name, algorithm: Algorithm) -> bool {
    let done = match algorithm.purpose() {
        Purpose::Sign | Purpose::SignAndOpen => {
            rings.sign(name, None, MESSAGE).and_then(|signature| rings.verify(name, MESSAGE, &signature))
        }
        Purpose::Open => opens(rings, name),
        Purpose::Agree => agrees(rings, name),
        Purpose::Decapsulate => rings
            .encapsulate(name, None)
            .and_then(|made| Ok(*rings.decapsulate(name, made.version, &made.ciphertext)? == *made.secret)),
        Purpose::Mac => {
            rings.mac(name, None, MESSAGE).and_then(|code| rings.verify_mac(name, MESSAGE, &code))
        }
        Purpose::Derive => rings.derive(name, None, MESSAGE, b"", 32).map(|_| true),
        _ => rings
            .encrypt(name, MESSAGE, &[])
            .and_then(|sealed| rings.decrypt(name, &sealed, &[]))
            .map(|opened| *opened == MESSAGE),
    };
    // A key at the limit of its uses is as sound as it was before.
    matches!(done, Ok(true) | Err(KmsError::Exhausted(_)))
}

fn opens(rings: &Rings, name: &Name) -> Result<bool, KmsError> {
    let options = SealOptions::Hpke { info: MESSAGE, aad: &[] };
    let sealed = rings.seal(name, None, MESSAGE, &options)?;
    Ok(*rings.open(name, &sealed, &options)? == MESSAGE)
}

/// With its own public half: any peer would do.
fn agrees(rings: &Rings, name: &Name) -> Result<bool, KmsError> {
    let ring = rings.read(name)?;
    let newest = ring.versions.last().and_then(|version| version.public.as_ref());
    let public = newest.ok_or(KmsError::WrongType)?;
    Ok(!rings.agree(name, None, &public.bytes)?.is_empty())
}

/// What can be read; nothing where it is damaged, which the check names.
fn readable<T>(read: Result<T, KmsError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(KmsError::Store(StoreError::Corrupt | StoreError::Unsupported(_))) => Ok(None),
        Err(KmsError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
