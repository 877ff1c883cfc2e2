use std::{error::Error, fmt};

use strongroom_core::StoreError;

use crate::{
    Config,
    at::At,
    cause::{Cause, Failure},
};

/// A store cannot be created or opened. The database is as it was before.
///
/// Its text says why, what to do, and which database on which server it is about; no password.
#[derive(Debug)]
pub struct OpenError {
    /// Why not.
    pub why: Refusal,
    at: At,
}

/// Why a store cannot be created or opened.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
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
        "no permission: the user needs CREATE in the schema to create a store or to bring one to this release's \
         layout, and to own its tables"
    )]
    Denied,
    /// The server does not write: a standby, or the database is set to read only.
    #[error("the server only reads, as a standby does: give the address of the primary")]
    ReadOnly,
    /// The server does not sync what it writes, so no commit would be durable.
    #[error("the server runs with fsync=off, so it would lose commits: turn it on")]
    NotDurable,
    /// The server is older than version 13.
    #[error("the server is older than PostgreSQL 13: upgrade it")]
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
#[derive(Clone)]
pub struct PostgresError {
    cause: Cause,
    /// Told where no [`OpenError`] around tells it.
    at: Option<At>,
}

impl Cause {
    /// As an error of the store on this database.
    pub(crate) fn at(self, at: &At) -> StoreError {
        StoreError::Engine(Box::new(PostgresError { cause: self, at: Some(at.clone()) }))
    }
}

impl From<Cause> for PostgresError {
    fn from(cause: Cause) -> Self {
        Self { cause, at: None }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        failure.cause().into()
    }
}

impl From<Cause> for Refusal {
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

impl Refusal {
    pub(crate) fn at(self, config: &Config) -> OpenError {
        OpenError { why: self, at: At::of(config) }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.why, self.at)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.source()
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} ({at})", self.cause),
            None => fmt::Display::fmt(&self.cause, f),
        }
    }
}

impl Error for PostgresError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.cause, f)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::cause::State;

    const PLACE: &str = "(database keys on db.example, port 5433)";

    fn config() -> Config {
        Config::parse("postgres://me:Tr0ub4dor@db.example:5433/keys").unwrap()
    }

    /// What has to be done, as the text says it.
    fn advice(why: &Refusal) -> &'static str {
        match why {
            Refusal::Exists => "open it",
            Refusal::NotFound => "create it first",
            Refusal::NoDatabase => "create it on the server",
            Refusal::Foreign => "left as they are",
            Refusal::Newer { .. } => "use the newer release",
            Refusal::Damaged => "restore it from a backup",
            Refusal::Login => "check user, password",
            Refusal::Denied => "needs CREATE",
            Refusal::ReadOnly => "address of the primary",
            Refusal::NotDurable => "turn it on",
            Refusal::TooOld => "upgrade it",
            Refusal::Unreachable(_) => "check that the server runs",
            Refusal::Engine(_) => "its log says more",
            Refusal::Random(_) => "no random bytes",
        }
    }

    #[test]
    fn each_refusal_says_what_to_do_and_about_which_database_and_no_password() {
        let broken = io::Error::from(io::ErrorKind::ConnectionRefused);
        for why in [
            Refusal::Exists,
            Refusal::NotFound,
            Refusal::NoDatabase,
            Refusal::Foreign,
            Refusal::Newer { found: 9, known: 2 },
            Refusal::Damaged,
            Refusal::Login,
            Refusal::Denied,
            Refusal::ReadOnly,
            Refusal::NotDurable,
            Refusal::TooOld,
            Refusal::from(Cause::from(broken)),
            Refusal::from(Cause::Server(State(*b"XX000"))),
            Refusal::Random(getrandom::Error::UNSUPPORTED),
        ] {
            let advice = advice(&why);
            let error = why.at(&config());
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(error.to_string().ends_with(PLACE), "{error}");
            assert!(format!("{error} {cause}").contains(advice), "{error}: {cause}");
            assert!(!cause.contains("db.example"), "the place is told once");
            assert!(!format!("{error} {error:?} {cause}").contains("Tr0ub4dor"));
        }
    }

    #[test]
    fn each_failure_of_a_call_says_what_to_do_and_about_which_database() {
        let io = |kind: io::ErrorKind| Cause::from(io::Error::from(kind));
        for (cause, advice) in [
            (io(io::ErrorKind::BrokenPipe), "check that the server runs"),
            (io(io::ErrorKind::TimedOut), "check the network"),
            (Cause::Busy, "try again"),
            (Cause::NoTls, "turn its ssl on"),
            (Cause::from(rustls::Error::DecryptError), "sslrootcert"),
            (Cause::Roots, "PEM file"),
            (Cause::Method, "scram-sha-256"),
            (Cause::NoPassword, "give one"),
            (Cause::Proof, "check address and password"),
            (Cause::Protocol, "check host and port"),
            (Cause::Server(State(*b"53100")), "SQLSTATE 53100: its log says more"),
            (Cause::ReadOnly, "address of the primary"),
            (Cause::NotDurable, "turn it on"),
            (Cause::TooOld, "upgrade it"),
            (Cause::NoSchema, "create it"),
            (Cause::Exchanged, "check where the address leads"),
        ] {
            let StoreError::Engine(error) = cause.at(&At::of(&config())) else { unreachable!() };
            let text = error.to_string();
            assert!(text.contains(advice) && text.ends_with(PLACE), "{text}");
        }
    }
}
