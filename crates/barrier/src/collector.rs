use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use strongroom_core::Time;

use crate::{Sealed, Share, ShareError, Unlock, UnsealError, Unsealed};

/// Gathers the shares that custodians enter one by one, as over a network. Only a share that the database
/// knows is kept, and counts for ten minutes at most; a rejected one changes nothing. Old shares are forgotten
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
        if !shares.iter().any(|(_, known)| known.slot() == share.slot() && known.index() == share.index()) {
            shares.push((now, share.clone()));
        }
        let of_slot: Vec<Share> =
            shares.iter().filter(|(_, known)| known.slot() == share.slot()).map(|(_, s)| s.clone()).collect();
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

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}
