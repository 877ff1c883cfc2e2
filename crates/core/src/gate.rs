use std::{
    fmt,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What every operation enters and what sealing closes for good.
///
/// The last operation out of a closed gate wipes: [`Gate::on_wipe`] says what. So no key is wiped under a
/// running operation, and none is left after the last one.
///
/// ```
/// use strongroom_core::{Closed, Gate};
/// use std::time::Duration;
/// let gate = Gate::new();
/// let inside = gate.enter().unwrap();
/// assert!(gate.close(Duration::ZERO).is_err()); // one is still inside
/// assert_eq!(gate.enter().unwrap_err(), Closed); // but nobody comes in any more
/// drop(inside);
/// assert!(gate.close(Duration::ZERO).is_ok());
/// ```
pub struct Gate {
    /// The number of operations inside, and the closed bit.
    state: AtomicU64,
    wipes: Mutex<Wipes>,
    wiped: Condvar,
}

#[derive(Default)]
struct Wipes {
    waiting: Vec<Box<dyn FnOnce() + Send>>,
    done: bool,
}

const CLOSED: u64 = 1 << 63;

/// The gate is closed for good: unseal again to get a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed: unseal first")]
pub struct Closed;

/// The gate is closed, but so many operations were still inside at the deadline. The last one out wipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed, but {0} running operations have not ended yet; keys are wiped when the last one ends")]
pub struct StillInside(pub u64);

impl Gate {
    /// An open gate.
    pub const fn new() -> Self {
        let wipes = Wipes { waiting: Vec::new(), done: false };
        Self { state: AtomicU64::new(0), wipes: Mutex::new(wipes), wiped: Condvar::new() }
    }

    /// Lets one operation in; it is out when the answer is dropped.
    ///
    /// # Errors
    /// [`Closed`] from the first call of [`Gate::close`] on.
    pub fn enter(&self) -> Result<Inside<'_>, Closed> {
        let before = self.state.fetch_add(1, Ordering::Acquire);
        let inside = Inside(self);
        // A late comer goes out again at once: dropping `inside` counts it off.
        if before & CLOSED == 0 { Ok(inside) } else { Err(Closed) }
    }

    /// Adds something to wipe when the gate is closed and empty; runs it now if that has happened.
    pub fn on_wipe(&self, wipe: impl FnOnce() + Send + 'static) {
        let mut wipes = self.wipes.lock().unwrap_or_else(PoisonError::into_inner);
        if wipes.done { wipe() } else { wipes.waiting.push(Box::new(wipe)) }
    }

    /// Closes the gate for good, waits until everyone is out and everything wiped, at most so long.
    ///
    /// # Errors
    /// [`StillInside`] at the deadline; the gate stays closed.
    pub fn close(&self, wait: Duration) -> Result<(), StillInside> {
        let before = self.state.fetch_or(CLOSED, Ordering::AcqRel);
        if before & !CLOSED == 0 {
            self.wipe();
        }
        let deadline = Instant::now().checked_add(wait);
        let mut wipes = self.wipes.lock().unwrap_or_else(PoisonError::into_inner);
        while !wipes.done {
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(StillInside((self.state.load(Ordering::Acquire) & !CLOSED).max(1)));
            }
            wipes = self.wiped.wait_timeout(wipes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Whether the gate has been closed.
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    fn wipe(&self) {
        let mut wipes = self.wipes.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever was late and went out again may come here after the first: then nothing waits any more.
        wipes.waiting.drain(..).for_each(|wipe| wipe());
        wipes.done = true;
        self.wiped.notify_all();
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// An operation that is inside the gate.
#[must_use = "the operation is inside only as long as this lives"]
pub struct Inside<'g>(&'g Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.state.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1 {
            self.0.wipe();
        }
    }
}

impl fmt::Debug for Inside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inside")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use super::*;

    #[test]
    fn nobody_is_inside_when_the_wipe_runs() {
        for _ in 0..50 {
            let gate = Arc::new(Gate::new());
            let wiped = Arc::new(AtomicBool::new(false));
            let flag = wiped.clone();
            gate.on_wipe(move || flag.store(true, Ordering::SeqCst));
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let (gate, wiped) = (gate.clone(), wiped.clone());
                    std::thread::spawn(move || {
                        while let Ok(_inside) = gate.enter() {
                            assert!(!wiped.load(Ordering::SeqCst), "wiped under a running operation");
                        }
                    })
                })
                .collect();
            gate.close(Duration::from_secs(10)).unwrap();
            assert!(wiped.load(Ordering::SeqCst));
            workers.into_iter().for_each(|worker| worker.join().unwrap());
        }
    }

    #[test]
    fn the_last_one_out_wipes_after_a_missed_deadline() {
        let gate = Gate::new();
        let wiped = Arc::new(AtomicBool::new(false));
        let flag = wiped.clone();
        gate.on_wipe(move || flag.store(true, Ordering::SeqCst));
        let inside = gate.enter().unwrap();
        assert_eq!(gate.close(Duration::from_millis(1)), Err(StillInside(1)));
        assert!(!wiped.load(Ordering::SeqCst));
        drop(inside);
        assert!(wiped.load(Ordering::SeqCst));
        assert_eq!(gate.close(Duration::ZERO), Ok(()));
    }
}
