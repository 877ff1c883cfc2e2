use std::{
    collections::HashSet,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::{
    IsNull,
    message::{
        backend::{DataRowBody, ErrorResponseBody, Message},
        frontend,
    },
};

/// The recorded statements: each a name, the object ids of its parameters' types, and a text.
const STATEMENTS: &str = include_str!("../../golden/layout-1-node.sql");

/// The columns of rows, as text.
pub(super) type Rows = Vec<Vec<String>>;

/// A session. All parameters and columns are text, which is no matter of the layout.
pub(super) struct Wire {
    stream: UnixStream,
    prepared: HashSet<String>,
    read: BytesMut,
}

impl Wire {
    pub(super) fn open(socket: &Path, database: &str) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        let mut wire = Self { stream, prepared: HashSet::new(), read: BytesMut::new() };
        let mut hello = BytesMut::new();
        frontend::startup_message([("user", "postgres"), ("database", database)], &mut hello)?;
        wire.stream.write_all(&hello)?;
        wire.answer()?;
        wire.script("settings")?;
        Ok(wire)
    }

    /// Runs a recorded script.
    pub(super) fn script(&mut self, name: &str) -> io::Result<Rows> {
        let mut out = BytesMut::new();
        frontend::query(recorded(name).1, &mut out)?;
        self.stream.write_all(&out)?;
        self.answer()
    }

    /// Runs a recorded statement, prepared once.
    pub(super) fn call(&mut self, name: &str, parameters: &[String]) -> io::Result<Rows> {
        self.send(name, parameters)?;
        self.answer()
    }

    /// Asks without listening.
    pub(super) fn send(&mut self, name: &str, parameters: &[String]) -> io::Result<()> {
        let mut out = BytesMut::new();
        if self.prepared.insert(name.to_owned()) {
            let (types, text) = recorded(name);
            frontend::parse(name, text, types, &mut out)?;
        }
        let write = |value: &String, out: &mut BytesMut| {
            out.put_slice(value.as_bytes());
            Ok(IsNull::No)
        };
        frontend::bind("", name, [], parameters, write, [], &mut out)
            .map_err(|_| io::Error::other("parameters"))?;
        frontend::execute("", 0, &mut out)?;
        frontend::sync(&mut out);
        self.stream.write_all(&out)
    }

    fn answer(&mut self) -> io::Result<Rows> {
        let (mut rows, mut refused) = (Rows::new(), None);
        loop {
            match self.next()? {
                Message::DataRow(row) => rows.push(columns(&row)?),
                Message::ErrorResponse(body) => refused = Some(state(&body)?),
                Message::ReadyForQuery(_) => {
                    return refused.map_or(Ok(rows), |state| Err(io::Error::other(state)));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.read)? {
                return Ok(message);
            }
            let mut chunk = [0; 16 << 10];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.read.extend_from_slice(&chunk[..length]),
            }
        }
    }
}

/// The types and the text of a recorded statement.
fn recorded(name: &str) -> (Vec<u32>, &'static str) {
    let mut sections = STATEMENTS.split("--@ ").filter_map(|section| section.split_once('\n'));
    let (head, text) = sections.find(|(head, _)| head.split(' ').next() == Some(name)).unwrap();
    (head.split(' ').skip(1).map(|number| number.parse().unwrap()).collect(), text)
}

fn columns(row: &DataRowBody) -> io::Result<Vec<String>> {
    let column = |range: Option<std::ops::Range<usize>>| {
        let bytes = range.map_or(&[][..], |range| &row.buffer()[range]);
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    row.ranges().map(column).collect()
}

/// The SQLSTATE of an error.
fn state(body: &ErrorResponseBody) -> io::Result<String> {
    let code = body.fields().find(|field| Ok(field.type_() == b'C'))?.unwrap();
    Ok(format!("SQLSTATE {}", String::from_utf8_lossy(code.value_bytes())))
}
