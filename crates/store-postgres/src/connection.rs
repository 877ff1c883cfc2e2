use std::time::{Duration, Instant};

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::{
    backend::{DataRowBody, Message},
    frontend,
};

use crate::{
    Config,
    cause::{Cause, Failure},
    login,
    param::Param,
    session,
    stream::Stream,
    wire::{Reported, Wire},
};

/// A statement that is prepared once for each connection.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// The object ids of its parameters' types.
    pub(crate) types: &'static [u32],
}

/// A session on the server, of which nothing is left over between two calls.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    prepared: Vec<&'static str>,
    /// No answer takes longer.
    patience: Duration,
    /// An answer was lost or not understood: of no further use.
    broken: bool,
}

/// The columns of a row, as the server sent them.
pub(crate) struct Columns<'r> {
    row: &'r DataRowBody,
    ranges: postgres_protocol::message::backend::DataRowRanges<'r>,
}

impl Connection {
    /// A session with the settings that the store relies on.
    pub(crate) fn open(config: &Config, deadline: Instant) -> Result<Self, Cause> {
        let deadline = deadline.min(Instant::now() + config.timeouts.connect);
        let mut wire = Wire::new(Stream::connect(config, deadline)?);
        login::log_in(&mut wire, config, deadline)?;
        let mut connection =
            Self { wire, prepared: Vec::new(), patience: config.timeouts.call, broken: false };
        session::prepare(&mut connection, config, deadline)?;
        Ok(connection)
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Runs a statement in a transaction of its own, in one round trip, and hands its rows on. It has happened only
    /// once the server is ready for the next one.
    pub(crate) fn call(
        &mut self,
        statement: &Statement,
        parameters: &[Param<'_>],
        deadline: Instant,
        row: impl FnMut(&mut Columns<'_>) -> Result<(), Cause>,
    ) -> Result<(), Failure> {
        self.ask(statement, parameters).map_err(|cause| {
            self.wire.outgoing.clear();
            Failure::Refused(cause)
        })?;
        self.run(deadline, Some(statement.name), row)
    }

    /// Runs statements without parameters, in one transaction if they begin none.
    pub(crate) fn script(
        &mut self,
        text: &str,
        deadline: Instant,
        row: impl FnMut(&mut Columns<'_>) -> Result<(), Cause>,
    ) -> Result<(), Failure> {
        frontend::query(text, &mut self.wire.outgoing).map_err(|_| Failure::Refused(Cause::Protocol))?;
        self.run(deadline, None, row)
    }

    fn ask(&mut self, statement: &Statement, parameters: &[Param<'_>]) -> Result<(), Cause> {
        let Statement { name, text, types } = *statement;
        let out = &mut self.wire.outgoing;
        if !self.prepared.contains(&name) {
            frontend::parse(name, text, types.iter().copied(), out).map_err(|_| Cause::Protocol)?;
        }
        // All parameters and all columns are in the binary format.
        frontend::bind("", name, [1], parameters, |value, out| value.write(out), [1], out)
            .map_err(|_| Cause::Protocol)?;
        frontend::execute("", 0, out).map_err(|_| Cause::Protocol)?;
        frontend::sync(out);
        Ok(())
    }

    fn run(
        &mut self,
        deadline: Instant,
        name: Option<&'static str>,
        row: impl FnMut(&mut Columns<'_>) -> Result<(), Cause>,
    ) -> Result<(), Failure> {
        if self.broken {
            self.wire.outgoing.clear();
            return Err(Failure::Refused(Cause::Protocol));
        }
        let deadline = deadline.min(Instant::now() + self.patience);
        // Until the answer is complete, nobody may use the connection again.
        self.broken = true;
        self.wire.send(deadline).map_err(Failure::Lost)?;
        let answer = self.answer(deadline, name, row).map_err(Failure::Lost)?;
        self.broken = false;
        answer.map_err(Failure::Refused)
    }

    /// Reads to the end of an answer. The outer error says that there is none.
    fn answer(
        &mut self,
        deadline: Instant,
        name: Option<&'static str>,
        mut row: impl FnMut(&mut Columns<'_>) -> Result<(), Cause>,
    ) -> Result<Result<(), Cause>, Cause> {
        let mut answer = Ok(());
        loop {
            match self.wire.next(deadline)? {
                Message::ParseComplete => self.prepared.extend(name),
                Message::DataRow(body) => row(&mut Columns { row: &body, ranges: body.ranges() })?,
                Message::ErrorResponse(body) => {
                    let reported = Reported::read(&body)?;
                    // The connection ends, and with it what is known of the transaction.
                    if reported.fatal {
                        return Err(Cause::Server(reported.state));
                    }
                    answer = Err(Cause::Server(reported.state));
                }
                Message::ReadyForQuery(body) => {
                    // Idle, as no transaction may be left open.
                    return if body.status() == b'I' { Ok(answer) } else { Err(Cause::Protocol) };
                }
                Message::BindComplete
                | Message::CommandComplete(_)
                | Message::EmptyQueryResponse
                | Message::NoData
                | Message::RowDescription(_) => {}
                _ => return Err(Cause::Protocol),
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.broken {
            self.wire.outgoing.clear();
            frontend::terminate(&mut self.wire.outgoing);
            // Ends as well when the server finds the connection closed.
            let _ = self.wire.send(Instant::now() + Duration::from_millis(100));
        }
    }
}

impl Columns<'_> {
    /// The next column, if it is not null.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Cause> {
        match self.ranges.next().map_err(|_| Cause::Protocol)? {
            Some(Some(range)) => self.row.buffer().get(range).map(Some).ok_or(Cause::Protocol),
            Some(None) => Ok(None),
            None => Err(Cause::Protocol),
        }
    }

    /// The next column, which is not null.
    pub(crate) fn bytes(&mut self) -> Result<&[u8], Cause> {
        self.next()?.ok_or(Cause::Protocol)
    }

    /// The next column, an `integer`.
    pub(crate) fn int(&mut self) -> Result<i32, Cause> {
        Ok(i32::from_be_bytes(self.bytes()?.try_into().map_err(|_| Cause::Protocol)?))
    }

    /// The next column, a `bigint`.
    pub(crate) fn long(&mut self) -> Result<i64, Cause> {
        Ok(i64::from_be_bytes(self.bytes()?.try_into().map_err(|_| Cause::Protocol)?))
    }

    /// The next column as text.
    pub(crate) fn text(&mut self) -> Result<&str, Cause> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Cause::Protocol)
    }
}
