use std::{io, time::Instant};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{ErrorResponseBody, Header, Message};

use crate::{
    cause::{Cause, State},
    stream::Stream,
};

/// No message of a sane server is longer: the largest is a row with a value and its key.
const LONGEST: usize = 4 << 20;

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;

/// Messages of PostgreSQL's protocol, version 3.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    read: BytesMut,
    /// What the next [`Wire::send`] sends.
    pub(crate) outgoing: BytesMut,
}

/// An error that the server reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reported {
    pub(crate) state: State,
    /// The server ends the connection.
    pub(crate) fatal: bool,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, read: BytesMut::with_capacity(CHUNK), outgoing: BytesMut::new() }
    }

    /// Sends what lies in `outgoing`. Nothing that came before is taken for an answer to it.
    pub(crate) fn send(&mut self, deadline: Instant) -> Result<(), Cause> {
        let sent = self.stream.write(&self.outgoing, deadline);
        // A large batch does not keep its memory.
        if self.outgoing.capacity() > CHUNK * 8 {
            self.outgoing = BytesMut::new();
        } else {
            self.outgoing.clear();
        }
        Ok(sent?)
    }

    /// The next message, but for notices and settings, which mean nothing here.
    pub(crate) fn next(&mut self, deadline: Instant) -> Result<Message, Cause> {
        loop {
            if let Some(header) = Header::parse(&self.read)?
                && usize::try_from(header.len()).is_ok_and(|length| length > LONGEST)
            {
                return Err(Cause::Protocol);
            }
            match Message::parse(&mut self.read).map_err(|_| Cause::Protocol)? {
                Some(
                    Message::NoticeResponse(_)
                    | Message::ParameterStatus(_)
                    | Message::NotificationResponse(_),
                ) => {}
                Some(message) => return Ok(message),
                None => self.fill(deadline)?,
            }
        }
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), Cause> {
        let before = self.read.len();
        self.read.resize(before + CHUNK, 0);
        let read = match self.read.get_mut(before..) {
            Some(room) => self.stream.read(room, deadline),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        };
        self.read.truncate(before + read.as_ref().unwrap_or(&0));
        read?;
        Ok(())
    }
}

impl Reported {
    pub(crate) fn read(body: &ErrorResponseBody) -> Result<Self, Cause> {
        let (mut state, mut fatal) = (None, false);
        let mut fields = body.fields();
        while let Some(field) = fields.next().map_err(|_| Cause::Protocol)? {
            match field.type_() {
                b'C' => state = field.value_bytes().try_into().ok(),
                b'V' => fatal = field.value_bytes() != b"ERROR",
                _ => {}
            }
        }
        let state = state.filter(|state: &[u8; 5]| state.iter().all(u8::is_ascii_alphanumeric));
        Ok(Self { state: State(state.ok_or(Cause::Protocol)?), fatal })
    }
}
