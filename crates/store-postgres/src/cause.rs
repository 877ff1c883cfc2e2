use std::{fmt, io, sync::Arc};

/// What went wrong with a connection or a call.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Cause {
    #[error("no connection, or it broke ({}): check that the server runs and can be reached from here", .0.kind())]
    Io(#[source] Arc<io::Error>),
    #[error("no answer in time: check the network, and what the server is at")]
    Late,
    #[error("all connections are in use: try again, or allow for more")]
    Busy,
    #[error("the server does not encrypt: turn its ssl on, or say sslmode=disable where nobody is between")]
    NoTls,
    #[error(
        "the certificate of the server is not good ({0}): give its authority as sslrootcert, and as host a name in it"
    )]
    Tls(#[source] Arc<rustls::Error>),
    #[error("no root certificates: give a PEM file as sslrootcert, or install those of the system")]
    Roots,
    #[error(
        "the server asks for a way to log in that would show the password, or that is not known here: let it use scram-sha-256"
    )]
    Method,
    #[error("the server asks for a password, and none was given: give one")]
    NoPassword,
    #[error(
        "the server does not know the password's proof, or is not the one it says: check address and password"
    )]
    Proof,
    #[error("the server does not speak PostgreSQL's protocol: check host and port")]
    Protocol,
    #[error("the server answered with SQLSTATE {0}: its log says more")]
    Server(State),
    #[error("the server only reads, as a standby does: give the address of the primary")]
    ReadOnly,
    #[error("the server runs with fsync=off: turn it on")]
    NotDurable,
    #[error("the server is older than PostgreSQL 13: upgrade it")]
    TooOld,
    #[error("the schema is not there: create it, or check its name")]
    NoSchema,
    #[error("the database is another one than before: check where the address leads, and start again")]
    Exchanged,
    #[error("a newer release changed the layout in a way that this one does not know: use the newer release")]
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
