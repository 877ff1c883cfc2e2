use std::{fmt, io, sync::Arc};

use strongroom_core::StoreError;

/// A store cannot be created or opened. The database is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is a store in this schema of the database already.
    #[error("there is already a store in the database: open it, or choose another schema")]
    Exists,
    /// There is no store in this schema of the database.
    #[error("there is no store in the database: create it first, or check the name of the database")]
    NotFound,
    /// There is no such database, or no such schema in it.
    #[error("there is no such database or schema: create it on the server, or check its name")]
    NoDatabase,
    /// Tables of these names are there, and are not a store of this suite.
    #[error("tables named strongroom_* are no store of this suite, and were left as they are")]
    Foreign,
    /// A later release changed the layout in a way that this one does not know.
    #[error("the store has layout {found}, this release knows {known}: use the newer release")]
    Newer {
        /// The version of the layout that a release has to know.
        found: u32,
        /// The last version that this release knows.
        known: u32,
    },
    /// A store of this suite, but a part of it is missing or changed.
    #[error("the store is damaged, and was left as it is: restore it from a backup")]
    Damaged,
    /// The server knows neither this user with this password, nor lets it in from here.
    #[error("the server refuses the login: check user, password, and the server's pg_hba.conf")]
    Login,
    /// The user may not do this in the database.
    #[error(
        "no permission: the user needs CREATE in the schema to create a store, and its tables to open one"
    )]
    Denied,
    /// The server does not write: a standby, or the database is set to read only.
    #[error("the server only reads, as a standby does: give the address of the primary")]
    ReadOnly,
    /// The server does not sync what it writes, so no commit would be durable.
    #[error("the server runs with fsync=off, so it would lose commits: turn it on")]
    NotDurable,
    /// The server is older than version 13.
    #[error("the server is older than PostgreSQL 13")]
    TooOld,
    /// The server cannot be reached, or the connection cannot be encrypted.
    #[error("the server cannot be reached")]
    Unreachable(#[source] PostgresError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The server answered with an error.
    #[error("the server failed")]
    Engine(#[source] PostgresError),
}

/// What went wrong between this process and the server. It repeats no text of the server's, so neither a password nor
/// a value.
#[derive(Clone, thiserror::Error)]
#[error(transparent)]
pub struct PostgresError(#[from] pub(crate) Cause);

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Cause {
    #[error("no connection, or it broke ({})", .0.kind())]
    Io(#[source] Arc<io::Error>),
    #[error("no answer in time")]
    Late,
    #[error("all connections are in use")]
    Busy,
    #[error("the server does not encrypt: turn its ssl on")]
    NoTls,
    #[error("the certificate of the server is not good: {0}")]
    Tls(#[source] Arc<rustls::Error>),
    #[error("no root certificates: give a PEM file as sslrootcert, or install those of the system")]
    Roots,
    #[error("the server asks for a way to log in that would show the password, or that is not known here")]
    Method,
    #[error("the server asks for a password, and none was given")]
    NoPassword,
    #[error("the server does not know the password's proof, or is not the one it says")]
    Proof,
    #[error("the server does not speak PostgreSQL's protocol")]
    Protocol,
    #[error("the server answered with SQLSTATE {0}")]
    Server(State),
    #[error("the server only reads")]
    ReadOnly,
    #[error("the server runs with fsync=off")]
    NotDurable,
    #[error("the server is older than PostgreSQL 13")]
    TooOld,
    #[error("the schema is not there")]
    NoSchema,
    #[error("the database is another one than before")]
    Exchanged,
    #[error("a newer release changed the layout of the store in a way that this one does not know: use it")]
    Newer,
}

/// Five letters and digits that tell an error, as in the SQL standard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(pub(crate) [u8; 5]);

impl State {
    pub(crate) fn is(self, state: &str) -> bool {
        self.0 == state.as_bytes()
    }

    pub(crate) fn begins(self, class: &str) -> bool {
        self.0.starts_with(class.as_bytes())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("?????"))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing happened, and nothing will.
    #[error(transparent)]
    Refused(Cause),
    /// The call was sent, and no answer came.
    #[error(transparent)]
    Lost(Cause),
}

impl Failure {
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Refused(cause) | Self::Lost(cause) => cause,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.cause().into()
    }
}

impl From<Cause> for StoreError {
    fn from(cause: Cause) -> Self {
        Self::Engine(Box::new(PostgresError(cause)))
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Late,
            // rustls passes what it found in an error of the stream.
            io::ErrorKind::InvalidData => match error.downcast::<rustls::Error>() {
                Ok(error) => error.into(),
                Err(_) => Self::Protocol,
            },
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<rustls::Error> for Cause {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(Arc::new(error))
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        failure.cause().into()
    }
}

impl From<Cause> for OpenError {
    fn from(cause: Cause) -> Self {
        match &cause {
            Cause::Server(state) if state.begins("28") => Self::Login,
            Cause::NoPassword | Cause::Proof => Self::Login,
            Cause::Server(state) if state.is("42501") => Self::Denied,
            Cause::Server(state) if state.is("3D000") => Self::NoDatabase,
            Cause::NoSchema => Self::NoDatabase,
            Cause::ReadOnly => Self::ReadOnly,
            Cause::NotDurable => Self::NotDurable,
            Cause::TooOld => Self::TooOld,
            Cause::Server(_) | Cause::Protocol | Cause::Exchanged | Cause::Newer => {
                Self::Engine(cause.into())
            }
            _ => Self::Unreachable(cause.into()),
        }
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
