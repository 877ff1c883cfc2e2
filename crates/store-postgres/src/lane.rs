use std::time::Instant;

use crate::{
    Config,
    call::Call,
    cause::{Cause, Failure, State},
    connection::{Connection, Statement},
    group::Group,
    layout::{self, Meta},
    param::{BYTEA, Param, read_longs},
};

const BEGIN: Statement = Statement {
    name: "lane",
    text: "INSERT INTO strongroom_lane VALUES ($1, 0, '{}', false, now())",
    types: &[BYTEA],
};

/// Lanes that were given up long ago, when nobody asks for what became of their calls any more.
const SWEEP: Statement = Statement {
    name: "sweep",
    text: "DELETE FROM strongroom_lane WHERE used < now() - interval '1 day'",
    types: &[],
};

/// Waits for a call that is under way, as it holds the row from its last step on; one that has not come so far will
/// find the lane fenced and undo itself.
const FENCE: Statement = Statement {
    name: "fence",
    text: "UPDATE strongroom_lane SET fenced = true WHERE lane = $1 RETURNING call, outcomes",
    types: &[BYTEA],
};

/// One call at a time: a connection, and the row in the database that tells what became of the last call, written in
/// the call's own transaction.
///
/// After a lost answer the lane is given up: it is fenced, which tells what became of the call, and the next call
/// begins another one.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    connection: Option<Connection>,
    /// Its name, once its row is in the database.
    id: Option<[u8; 16]>,
    calls: i64,
}

/// Which call it was whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    lane: [u8; 16],
    call: i64,
}

/// A call failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing happened, and nothing will.
    Refused(Cause),
    /// The same, and it may go well if it is done again at once.
    Again(Cause),
    /// [`Lane::settle`] tells.
    Lost(Trace),
}

impl Lane {
    /// Commits a group: the outcomes as the function gives them. Each attempt has more patience than the one before.
    pub(crate) fn commit(
        &mut self,
        config: &Config,
        meta: &Meta,
        group: &Group,
        attempt: u32,
        deadline: Instant,
    ) -> Result<Vec<i64>, Failed> {
        let call = Call::of(group);
        let id = self.begin(config, meta, deadline)?;
        self.calls += 1;
        let trace = Trace { lane: id, call: self.calls };
        let parameters = call.parameters(&id, trace.call);
        let mut results = Err(Cause::Protocol);
        let answer = self.connection(config, meta, deadline).map_err(refused)?.call(
            call.statement(),
            &parameters,
            config.timeouts.attempt(attempt, deadline),
            |row| {
                results = call.results(row);
                Ok(())
            },
        );
        match (answer, results) {
            (Ok(()), Ok(results)) => Ok(results),
            (Err(Failure::Refused(Cause::Server(state))), _) => Err(self.refused(state)),
            (Err(Failure::Refused(cause)), _) => Err(Failed::Refused(cause)),
            (Err(Failure::Lost(_)), _) | (Ok(()), Err(_)) => {
                self.give_up();
                Err(Failed::Lost(trace))
            }
        }
    }

    fn refused(&mut self, state: State) -> Failed {
        let cause = Cause::Server(state);
        if state.is("SR001") {
            // Swept, after more than a day without a commit.
            self.id = None;
            return Failed::Again(cause);
        }
        // A deadlock or another collision with a transaction; locks of an application can come into one.
        if state.begins("40") { Failed::Again(cause) } else { Failed::Refused(cause) }
    }

    /// What became of a call, once it cannot happen any more; nothing if it did not.
    ///
    /// Nothing either where another transaction fails to be ended in time: that is an error, and the question may be
    /// asked again.
    pub(crate) fn settle(
        &mut self,
        config: &Config,
        meta: &Meta,
        trace: Trace,
        deadline: Instant,
    ) -> Result<Option<Vec<i64>>, Failure> {
        let mut found = None;
        self.connection(config, meta, deadline).map_err(Failure::Refused)?.call(
            &FENCE,
            &[Param::Bytes(&trace.lane)],
            deadline,
            |row| {
                found = Some((row.long()?, read_longs(row.bytes()?)?));
                Ok(())
            },
        )?;
        match found {
            Some((call, results)) if call == trace.call => Ok(Some(results)),
            Some(_) => Ok(None),
            // Swept: what became of the call is forgotten.
            None => Err(Failure::Refused(Cause::Exchanged)),
        }
    }

    fn give_up(&mut self) {
        self.connection = None;
        self.id = None;
    }

    /// The name of the lane, whose row is in the database.
    fn begin(&mut self, config: &Config, meta: &Meta, deadline: Instant) -> Result<[u8; 16], Failed> {
        // A lane that has a name but no connection is good: its last call was answered.
        if let Some(id) = self.id {
            return Ok(id);
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|_| Failed::Refused(Cause::Io(std::sync::Arc::new(std::io::ErrorKind::Other.into()))))?;
        let connection = self.connection(config, meta, deadline).map_err(refused)?;
        // A row whose answer is lost is swept one day.
        connection.call(&BEGIN, &[Param::Bytes(&id)], deadline, |_| Ok(())).map_err(again)?;
        connection.call(&SWEEP, &[], deadline, |_| Ok(())).map_err(again)?;
        self.id = Some(id);
        Ok(id)
    }

    fn connection(
        &mut self,
        config: &Config,
        meta: &Meta,
        deadline: Instant,
    ) -> Result<&mut Connection, Cause> {
        match self.connection.take().filter(|connection| !connection.is_broken()) {
            Some(connection) => Ok(self.connection.insert(connection)),
            None => Ok(self.connection.insert(layout::reopen(config, meta, deadline)?)),
        }
    }
}

fn refused(cause: Cause) -> Failed {
    Failed::Refused(cause)
}

/// What is asked before a commit is sent may be asked again where a connection broke.
fn again(failure: Failure) -> Failed {
    match failure {
        Failure::Refused(cause) => Failed::Refused(cause),
        Failure::Lost(cause) => Failed::Again(cause),
    }
}
