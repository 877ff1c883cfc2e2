use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Config,
    cause::{Cause, Failure},
    connection::Connection,
    layout::{self, Meta},
};

/// Connections that read: so many at most, each used by one thread at a time, opened when all others are in use.
#[derive(Debug)]
pub(crate) struct Pool {
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    /// How many are in use.
    lent: usize,
}

impl Pool {
    pub(crate) fn new(most: usize, first: Option<Connection>) -> Self {
        let idle = first.into_iter().collect();
        Self { most, state: Mutex::new(State { idle, lent: 0 }), freed: Condvar::new() }
    }

    /// Reads, for so long at most. A connection that was idle may have ended unnoticed, so reading begins anew with another one, until one
    /// fails that was just opened.
    pub(crate) fn read<T>(
        &self,
        config: &Config,
        meta: &Meta,
        longest: Duration,
        read: impl Fn(&mut Connection, Instant) -> Result<T, Failure>,
    ) -> Result<T, Cause> {
        let deadline = Instant::now() + longest;
        loop {
            let mut loan = self.lend(deadline)?;
            let (mut connection, fresh, until) = match loan.connection.take() {
                Some(connection) => (connection, false, config.timeouts.attempt(0, deadline)),
                None => (layout::reopen(config, meta, deadline)?, true, deadline),
            };
            let result = read(&mut connection, until);
            loan.connection = Some(connection).filter(|connection| !connection.is_broken());
            match result {
                Ok(found) => return Ok(found),
                Err(Failure::Lost(_)) if !fresh && Instant::now() < deadline => {}
                Err(failure) => return Err(failure.cause()),
            }
        }
    }

    fn lend(&self, deadline: Instant) -> Result<Loan<'_>, Cause> {
        let mut state = self.state();
        while state.lent >= self.most {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Cause::Busy);
            }
            let waited = self.freed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.lent += 1;
        Ok(Loan { pool: self, connection: state.idle.pop() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step between taking and releasing the lock can fail half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to a connection, and one that was idle, if there was one. Dropping it gives both back.
struct Loan<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.lent -= 1;
        state.idle.extend(self.connection.take());
        drop(state);
        self.pool.freed.notify_one();
    }
}
