use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;

use crate::{Timeouts, config_text, config_text::Setting};

/// How to reach a database, and how long to wait for it.
///
/// ```
/// use strongroom_store_postgres::Config;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::parse("postgres://strongroom@db.example/keys?sslrootcert=/etc/ssl/db.pem")?;
/// # let password = std::env::var("PGPASSWORD").unwrap_or_default();
/// let config = config.with_password(password.into());
/// # Ok(()) }
/// ```
///
/// The password is not printed.
#[derive(Clone)]
pub struct Config {
    pub(crate) place: Place,
    pub(crate) user: String,
    pub(crate) password: Option<SecretString>,
    pub(crate) database: String,
    pub(crate) schema: String,
    pub(crate) encryption: Encryption,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) timeouts: Timeouts,
    pub(crate) readers: usize,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// What protects the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Nothing: the server is this machine, or the operator said so.
    Off,
    /// TLS; certificate and name of the server are checked.
    Verified,
}

/// A text that says how to reach a database is not understood. The text is not repeated, as it may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// Neither an address nor a list of settings.
    #[error(
        "not understood: give postgres://user@host:port/database?setting=value, or user=… host=… dbname=…"
    )]
    Malformed,
    /// A setting that there is not.
    #[error(
        "unknown setting: there are host, port, user, password, dbname, schema, sslmode, sslrootcert, connect_timeout"
    )]
    Unknown,
    /// A value that the setting does not have.
    #[error("the setting {0} does not have this value")]
    Value(&'static str),
    /// A way of encrypting that an attacker in the network can turn off, or one that trusts any server.
    #[error("sslmode is verify-full, or disable where nobody is between: the others trust whoever answers")]
    Encryption,
    /// A setting that has to be there is missing.
    #[error("the setting {0} is missing")]
    Missing(&'static str),
}

impl Config {
    /// Reads an address, `postgres://user:password@host:port/database?setting=value`, or settings as libpq has
    /// them, `host=/run/postgresql user=… dbname=…`. Settings are `host` (a name, an address, or the folder of a
    /// socket), `port`, `user`, `password`, `dbname`, `schema`, `sslmode`, `sslrootcert`, `connect_timeout` in
    /// seconds.
    ///
    /// The connection is encrypted, and certificate and name of the server are checked: by the roots in
    /// `sslrootcert`, or those of the system. Only to a socket, `localhost`, and loopback addresses it is not, if
    /// `sslmode` is not given.
    ///
    /// # Errors
    /// [`InvalidConfig`]
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let mut draft = Draft::default();
        config_text::settings(text)?.into_iter().try_for_each(|setting| draft.set(setting))?;
        draft.finish()
    }

    /// With this password, in place of one in the text.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// Whether it has a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// With the tables in this schema, which has to be there; otherwise they are in `public`. It should be one
    /// where nobody else creates anything.
    #[must_use]
    pub fn with_schema(mut self, schema: &str) -> Self {
        schema.clone_into(&mut self.schema);
        self
    }

    /// With other limits of time. None may be zero; one that is, is a millisecond.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts.sound();
        self
    }

    /// With at most this many connections that read, at least one; otherwise 6. Two more commit, and one keeps the
    /// lease.
    #[must_use]
    pub fn with_readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Whether what is sent stays on this machine or is encrypted.
    pub(crate) fn is_private(&self) -> bool {
        self.encryption == Encryption::Verified || self.place.is_local()
    }
}

#[derive(Default)]
struct Draft {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<SecretString>,
    database: Option<String>,
    schema: Option<String>,
    encryption: Option<Encryption>,
    roots: Option<PathBuf>,
    connect: Option<Duration>,
}

impl Draft {
    fn set(&mut self, setting: Setting) -> Result<(), InvalidConfig> {
        let Setting { name, value } = setting;
        match name.as_str() {
            "host" => self.host = Some(value),
            "port" => self.port = Some(value.parse().map_err(|_| InvalidConfig::Value("port"))?),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value.into()),
            "dbname" => self.database = Some(value),
            "schema" => self.schema = Some(value),
            "sslrootcert" => self.roots = Some(value.into()),
            "sslmode" => self.encryption = Some(encryption(&value)?),
            "connect_timeout" => self.connect = Some(seconds(&value)?),
            _ => return Err(InvalidConfig::Unknown),
        }
        Ok(())
    }

    fn finish(self) -> Result<Config, InvalidConfig> {
        let place = place(self.host.ok_or(InvalidConfig::Missing("host"))?, self.port.unwrap_or(5432))?;
        let user = self.user.filter(|user| !user.is_empty()).ok_or(InvalidConfig::Missing("user"))?;
        let default = if place.is_local() { Encryption::Off } else { Encryption::Verified };
        let encryption = match (&place, self.encryption) {
            (Place::Unix(_), _) => Encryption::Off,
            (Place::Tcp { .. }, chosen) => chosen.unwrap_or(default),
        };
        let mut timeouts = Timeouts::default();
        timeouts.connect = self.connect.unwrap_or(timeouts.connect);
        Ok(Config {
            place,
            password: self.password,
            database: self.database.unwrap_or_else(|| user.clone()),
            user,
            schema: self.schema.unwrap_or_else(|| "public".to_owned()),
            encryption,
            roots: self.roots,
            timeouts,
            readers: 6,
        })
    }
}

fn encryption(value: &str) -> Result<Encryption, InvalidConfig> {
    match value {
        "disable" => Ok(Encryption::Off),
        "verify-full" => Ok(Encryption::Verified),
        "allow" | "prefer" | "require" | "verify-ca" => Err(InvalidConfig::Encryption),
        _ => Err(InvalidConfig::Value("sslmode")),
    }
}

fn seconds(value: &str) -> Result<Duration, InvalidConfig> {
    match value.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err(InvalidConfig::Value("connect_timeout")),
    }
}

fn place(host: String, port: u16) -> Result<Place, InvalidConfig> {
    match host.as_str() {
        "" => Err(InvalidConfig::Missing("host")),
        folder if folder.starts_with('/') => {
            Ok(Place::Unix(Path::new(folder).join(format!(".s.PGSQL.{port}"))))
        }
        _ => Ok(Place::Tcp { host, port }),
    }
}

impl Place {
    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost"
                    || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("place", &self.place)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("schema", &self.schema)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}
