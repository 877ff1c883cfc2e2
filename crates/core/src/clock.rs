use std::{
    ops::Add,
    sync::LazyLock,
    thread,
    time::{Duration, Instant, SystemTime},
};

use minicbor::{Decode, Encode};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Time(#[n(0)] u64);

impl Time {
    /// The moment so many milliseconds after 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Tells the time. A value, so that a test can stop it.
pub trait Clock: Send + Sync {
    /// The present moment. It may jump in either direction.
    fn now(&self) -> Time;

    /// The time since some moment that stays the same while the process lives. It never goes back.
    fn elapsed(&self) -> Duration;

    /// Blocks the thread until [`Clock::elapsed`] is at least `until`.
    fn wait_until(&self, until: Duration) {
        loop {
            let left = until.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(GLANCE));
        }
    }
}

/// How often a waiting thread looks at the clock, which another thread may move.
const GLANCE: Duration = Duration::from_millis(10);
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn elapsed(&self) -> Duration {
        ORIGIN.elapsed()
    }
}

/// A clock that moves only when told to.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct FixedClock(std::sync::atomic::AtomicU64);

#[cfg(feature = "testing")]
impl FixedClock {
    /// Stands at `time`.
    pub const fn at(time: Time) -> Self {
        Self(std::sync::atomic::AtomicU64::new(time.0))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        let next = self.now() + by;
        self.0.store(next.0, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(feature = "testing")]
impl Clock for FixedClock {
    fn now(&self) -> Time {
        Time(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.now().since(Time(0))
    }
}
