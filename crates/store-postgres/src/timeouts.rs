use std::time::{Duration, Instant};

use strongroom_core::Lease;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a new connection, with its encryption and its login: the first one. Later ones have no longer than
    /// `silence`.
    pub connect: Duration,
    /// For the answer to one call. The server gives up earlier: it waits for a lock half as long, and works on a
    /// statement three quarters as long.
    pub call: Duration,
    /// After so long without an answer, a connection is given up for another one: a read then begins anew, and of a
    /// commit is found out what became of it. A commit that is tried again gets twice as long, up to `call`. So a
    /// network that swallowed something is no further harm so long after it is back.
    pub silence: Duration,
    /// For the counters by which a node keeps its lease, a new connection for that included: an answer later than
    /// [`Lease::HELD`] is of no use.
    pub lease: Duration,
    /// For all that one operation of the store takes: a free connection, calls, and finding out what became of a
    /// commit whose answer was lost.
    pub operation: Duration,
}

impl Timeouts {
    /// None of them zero, which would mean to wait for ever.
    pub(crate) fn sound(self) -> Self {
        let least = |time: Duration| time.max(Duration::from_millis(1));
        let Self { connect, call, silence, lease, operation } = self;
        Self {
            connect: least(connect),
            call: least(call),
            silence: least(silence),
            lease: least(lease),
            operation: least(operation),
        }
    }

    /// When an attempt ends for which nobody answers, the first with the number 0.
    pub(crate) fn attempt(&self, number: u32, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.silence * (1 << number.min(8)))
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(8),
            silence: Duration::from_secs(2),
            lease: Lease::HELD,
            operation: Duration::from_secs(20),
        }
    }
}
