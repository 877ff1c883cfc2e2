use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::{ClientConnection, StreamOwned};

use crate::{
    Config,
    cause::Cause,
    config::{Encryption, Place},
    tls,
};

/// Bytes to and from a server, with an end to all waiting.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects, and encrypts before anything else is said. The system's search for the address of a name has limits
    /// of its own.
    pub(crate) fn connect(config: &Config, deadline: Instant) -> Result<Self, Cause> {
        match &config.place {
            Place::Unix(path) => unix(path),
            Place::Tcp { host, port } => {
                let mut stream = tcp(host, *port, deadline)?;
                stream.set_nodelay(true)?;
                match config.encryption {
                    Encryption::Off => Ok(Self::Tcp(stream)),
                    Encryption::Verified => {
                        limit(&stream, deadline)?;
                        ask_for_tls(&mut stream)?;
                        let client = tls::client(config.roots.as_deref(), host)?;
                        let mut stream = StreamOwned::new(client, stream);
                        while stream.conn.is_handshaking() {
                            limit(&stream.sock, deadline)?;
                            stream.conn.complete_io(&mut stream.sock)?;
                        }
                        Ok(Self::Tls(Box::new(stream)))
                    }
                }
            }
        }
    }

    /// Writes everything, or fails at the deadline.
    pub(crate) fn write(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        let left = Some(left(deadline)?);
        match self {
            Self::Unix(stream) => stream.set_write_timeout(left)?,
            Self::Tcp(stream) => stream.set_write_timeout(left)?,
            // Encryption may read before it writes.
            Self::Tls(stream) => limit(&stream.sock, deadline)?,
        }
        match self {
            Self::Unix(stream) => write_until(stream, bytes, deadline),
            Self::Tcp(stream) => write_until(stream, bytes, deadline),
            Self::Tls(stream) => {
                write_until(stream.as_mut(), bytes, deadline)?;
                stream.flush()
            }
        }
    }

    /// Reads what is there, at least a byte, or fails at the deadline.
    pub(crate) fn read(&mut self, into: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = Some(left(deadline)?);
        match self {
            Self::Unix(stream) => stream.set_read_timeout(left)?,
            Self::Tcp(stream) => stream.set_read_timeout(left)?,
            Self::Tls(stream) => limit(&stream.sock, deadline)?,
        }
        let read = match self {
            Self::Unix(stream) => stream.read(into),
            Self::Tcp(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        };
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other,
        }
    }
}

/// What is left until the deadline; more than nothing, as that would mean to wait for ever.
pub(crate) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn limit(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    let left = left(deadline)?;
    stream.set_read_timeout(Some(left))?;
    stream.set_write_timeout(Some(left))
}

/// A peer that takes a byte now and then does not put off the end.
fn write_until(stream: &mut impl Write, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes)?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(io::ErrorKind::WriteZero)?;
        left(deadline)?;
    }
    Ok(())
}

fn unix(path: &Path) -> Result<Stream, Cause> {
    Ok(Stream::Unix(UnixStream::connect(path)?))
}

/// The first address of the name that answers.
fn tcp(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Cause> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// The answer is one byte, read alone: what follows it in the clear must never be taken for a part of what is encrypted.
fn ask_for_tls(stream: &mut TcpStream) -> Result<(), Cause> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer == *b"S" { Ok(()) } else { Err(Cause::NoTls) }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix(_) => "Unix",
            Self::Tcp(_) => "Tcp",
            Self::Tls(_) => "Tls",
        })
    }
}
