use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use strongroom_core::{Caller, Time};

use crate::{Confirmed, Reentered, Sealed, Share, ShareError, SlotError, Unlock, UnsealError, Unsealed};

/// Gathers the shares that custodians enter one by one, as over a network: to unseal, or to confirm a proposed
/// set. Only a share that the database knows is kept, and counts for ten minutes at most; a rejected one changes nothing. Old shares are forgotten
/// by the next call of any method, so call [`Collector::waiting`] now and then.
#[derive(Default)]
pub struct Collector(Mutex<Vec<(Time, Share)>>);

/// What became of a share that was entered.
#[derive(Debug)]
pub enum Entered {
    /// More are needed.
    Waiting {
        /// Shares that are there.
        have: u8,
        /// Shares that are needed.
        need: u8,
    },
    /// It was the last one that was needed. All have been forgotten again.
    Unsealed(Unsealed),
}

/// What became of a share that was entered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirming {
    /// More are needed.
    Waiting {
        /// Shares that are there.
        have: u8,
        /// Shares that are needed.
        need: u8,
    },
    /// It was the last one that was needed: the set is in use. Its shares have been forgotten again.
    Confirmed(Confirmed),
}

const KEPT: Duration = Duration::from_secs(600);

impl Collector {
    /// Without any share.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Takes a share. One that is there already changes nothing.
    ///
    /// # Errors
    /// [`UnsealError`] says what is wrong with the share; the others stay.
    pub fn enter(&self, sealed: &Sealed, share: Share) -> Result<Entered, UnsealError> {
        sealed.check_share(&share)?;
        let now = sealed.now();
        let mut shares = self.recent(now);
        let of_slot = gather(&mut shares, now, &share);
        match sealed.unseal(&Unlock::Shares(&of_slot)) {
            Err(UnsealError::Share(ShareError::Missing { missing })) => {
                let need = share.threshold();
                Ok(Entered::Waiting { have: need.saturating_sub(missing), need })
            }
            Err(error) => Err(error),
            Ok(unsealed) => {
                shares.clear();
                Ok(Entered::Unsealed(unsealed))
            }
        }
    }

    /// Takes a share of a proposed set. One that is there already changes nothing.
    ///
    /// # Errors
    /// [`SlotError`] says what is wrong with the share or its set; the others stay.
    pub fn confirm(
        &self,
        unsealed: &Unsealed,
        caller: &Caller,
        share: &Share,
        reentered: Reentered,
    ) -> Result<Confirming, SlotError> {
        unsealed.check_proposed(share)?;
        let now = unsealed.now();
        let mut shares = self.recent(now);
        let of_slot = gather(&mut shares, now, share);
        match unsealed.confirm(caller, &of_slot, reentered) {
            Err(SlotError::Share(ShareError::Missing { missing })) => {
                let have = u8::try_from(of_slot.len()).unwrap_or(u8::MAX);
                Ok(Confirming::Waiting { have, need: have.saturating_add(missing) })
            }
            Err(error) => Err(error),
            Ok(confirmed) => {
                shares.retain(|(_, known)| known.slot() != confirmed.id);
                Ok(Confirming::Confirmed(confirmed))
            }
        }
    }

    /// How many shares wait.
    pub fn waiting(&self, sealed: &Sealed) -> usize {
        self.recent(sealed.now()).len()
    }

    /// Forgets all shares.
    pub fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Collector {
    /// The shares that still count. A clock that was set back ends them, as their age is not known any more.
    fn recent(&self, now: Time) -> MutexGuard<'_, Vec<(Time, Share)>> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|(entered, _)| *entered <= now && now.since(*entered) < KEPT);
        shares
    }
}

/// Adds a share unless it is there; answers all of its slot.
fn gather(shares: &mut Vec<(Time, Share)>, now: Time, share: &Share) -> Vec<Share> {
    if !shares.iter().any(|(_, known)| known.slot() == share.slot() && known.index() == share.index()) {
        shares.push((now, share.clone()));
    }
    shares.iter().filter(|(_, known)| known.slot() == share.slot()).map(|(_, share)| share.clone()).collect()
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}
