//! Taps at a store that a test looks into, slows down or makes forget.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use strongroom_core::{Outcome, StoreError, tap::Tap};

/// Counts operations.
#[derive(Default)]
pub(crate) struct Count {
    reads: AtomicU64,
    commits: AtomicU64,
}

impl Count {
    /// Reads and commits since the last time that this was asked.
    pub(crate) fn taken(&self) -> (u64, u64) {
        (self.reads.swap(0, Ordering::SeqCst), self.commits.swap(0, Ordering::SeqCst))
    }
}

impl Tap for Count {
    fn read(&self) {
        self.reads.fetch_add(1, Ordering::SeqCst);
    }

    fn committed(&self, outcome: Outcome) -> Outcome {
        self.commits.fetch_add(1, Ordering::SeqCst);
        outcome
    }
}

/// Holds the next read back, with what it has read already, until the test lets it go.
#[derive(Default)]
pub(crate) struct Hold {
    armed: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

/// The test's end of a [`Hold`].
pub(crate) struct Held {
    reached: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Hold {
    pub(crate) fn next_read(&self) -> Held {
        let ((reached, at), (release, go)) = (mpsc::channel(), mpsc::channel());
        *self.armed.lock().unwrap() = Some((reached, go));
        Held { reached: at, release }
    }
}

impl Held {
    /// Returns when a reader waits with old rows in its hands.
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    pub(crate) fn release(self) {
        self.release.send(()).unwrap();
    }
}

impl Tap for Hold {
    fn read(&self) {
        let armed = self.armed.lock().unwrap().take();
        if let Some((reached, go)) = armed {
            reached.send(()).unwrap();
            go.recv().unwrap();
        }
    }
}

/// A network that can be cut, that can be slow, and that can lose the answers of commits.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) cut: AtomicBool,
    pub(crate) loses_answers: AtomicBool,
    pub(crate) slow: AtomicBool,
    /// What the clock of a test does while an answer is on its way.
    pub(crate) delays: Mutex<Option<Delay>>,
}

type Delay = Box<dyn Fn() + Send>;

impl Tap for Wire {
    fn before(&self) -> Result<(), StoreError> {
        match self.cut.load(Ordering::SeqCst) {
            true => Err(StoreError::Engine("cut off".into())),
            false => Ok(()),
        }
    }

    fn read(&self) {
        if self.slow.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(150));
        }
        if let Some(delay) = &*self.delays.lock().unwrap() {
            delay();
        }
    }

    fn committed(&self, outcome: Outcome) -> Outcome {
        if self.loses_answers.load(Ordering::SeqCst) { Outcome::Unknown } else { outcome }
    }
}

/// Lets other threads go first at every operation.
pub(crate) struct Yield;

impl Tap for Yield {
    fn read(&self) {
        thread::yield_now();
    }

    fn committed(&self, outcome: Outcome) -> Outcome {
        thread::yield_now();
        outcome
    }
}

/// Takes a database for its own that others write to: such a node trusts its memory for ever.
pub(crate) struct Deaf;

impl Tap for Deaf {
    fn shared(&self, _: bool) -> bool {
        false
    }
}

/// Commits and never says so.
pub(crate) struct Mute;

impl Tap for Mute {
    fn committed(&self, _: Outcome) -> Outcome {
        Outcome::Unknown
    }
}
