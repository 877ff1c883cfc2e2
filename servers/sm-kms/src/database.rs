use std::{
    env,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretBox, SecretString};
use strongroom_core::Store;
use strongroom_store_postgres::{Config, InvalidConfig, PostgresStore};
use strongroom_store_sqlite::{OpenError, SqliteStore};
use zeroize::Zeroizing;

use crate::options::{RunError, open_store};

/// The environment variable that names the database.
const STORE: &str = "STRONGROOM_STORE";
/// The environment variable of its password.
const PASSWORD: &str = "STRONGROOM_STORE_PASSWORD";

/// Which database a server works on.
#[derive(Debug, clap::Args)]
pub struct StoreOptions {
    /// Folder of a SQLite database; it is made if it does not exist. The same as --store sqlite:DIR
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    pub data: Option<PathBuf>,

    /// Database: sqlite:DIR, or postgres://USER@HOST/DATABASE, which several servers may share
    ///
    /// Further settings of PostgreSQL follow behind a question mark: sslmode, sslrootcert, schema, connect_timeout. The
    /// password is not given here, where everybody can read it. STRONGROOM_STORE may hold the address instead, also with
    /// the password.
    #[arg(long, value_name = "STORE", value_parser = secret)]
    pub store: Option<SecretString>,

    /// File of the password of a PostgreSQL database; otherwise STRONGROOM_STORE_PASSWORD or PGPASSWORD holds it
    #[arg(long, value_name = "FILE")]
    pub store_password_file: Option<PathBuf>,
}

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// On a server.
    Postgres(Box<Config>),
}

/// A database that is open, but sealed.
#[derive(Debug, Clone)]
pub enum Database {
    /// In a file.
    Sqlite(Arc<SqliteStore>),
    /// On a server.
    Postgres(Arc<PostgresStore>),
}

/// A database cannot be reached as the options say. No password is repeated.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Nothing names a database.
    #[error("name the database: --data DIR, --store sqlite:DIR, or --store postgres://USER@HOST/DATABASE")]
    Missing,
    /// It is not known what the name means.
    #[error("a database is sqlite:DIR or postgres://USER@HOST/DATABASE")]
    Unknown,
    /// The address of a server is not understood.
    #[error("the address of the database is not understood")]
    Address(#[source] InvalidConfig),
    /// The address has a password where everybody reads it.
    #[error(
        "take the password out of --store, as everybody on this machine can read it there: put it into a file for \
         --store-password-file, or into STRONGROOM_STORE_PASSWORD"
    )]
    Password,
    /// The file of the password cannot be used.
    #[error("the password file {} cannot be used", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file of the password can be read by everybody.
    #[error("everybody may read the password file {}: run chmod 600 on it", .0.display())]
    Public(PathBuf),
}

impl StoreOptions {
    /// The options for a folder.
    pub const fn folder(folder: PathBuf) -> Self {
        Self { data: Some(folder), store: None, store_password_file: None }
    }

    /// What the command line names, or else the environment.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn place(&self) -> Result<Place, PlaceError> {
        let place = match (&self.data, &self.store) {
            (Some(folder), _) => Place::Folder(folder.clone()),
            (None, Some(text)) => text.expose_secret().parse::<Place>()?.without_password()?,
            (None, None) => {
                let text = Zeroizing::new(env::var(STORE).map_err(|_| PlaceError::Missing)?);
                text.parse::<Place>()?
            }
        };
        place.with_password(self.store_password_file.as_deref())
    }
}

impl Place {
    /// The place if its address has no password, which everybody may have read.
    ///
    /// # Errors
    /// [`PlaceError::Password`].
    pub fn without_password(self) -> Result<Self, PlaceError> {
        match self {
            Self::Postgres(config) if config.has_password() => Err(PlaceError::Password),
            other => Ok(other),
        }
    }

    /// With the password that the file holds, or else the environment, if a server is meant.
    ///
    /// # Errors
    /// [`PlaceError::File`], [`PlaceError::Public`].
    pub fn with_password(self, file: Option<&Path>) -> Result<Self, PlaceError> {
        let Self::Postgres(config) = self else { return Ok(self) };
        let known = config.has_password();
        let password = match file {
            Some(path) => Some(read_password(path)?),
            None if known => None,
            None => {
                [PASSWORD, "PGPASSWORD"].iter().find_map(|name| env::var(name).ok()).map(SecretString::from)
            }
        };
        Ok(Self::Postgres(match password {
            Some(password) => Box::new(config.with_password(password)),
            None => config,
        }))
    }

    /// Opens the database, or makes an empty one.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open_or_create(&self) -> Result<Database, RunError> {
        match self {
            Self::Folder(folder) => open_store(folder).map(Database::Sqlite),
            Self::Postgres(config) => PostgresStore::open_or_create((**config).clone())
                .map(|store| Database::Postgres(Arc::new(store)))
                .map_err(RunError::Postgres),
        }
    }

    /// Opens a database that is there.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open(&self) -> Result<Database, RunError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(crate::DATABASE);
                let opened = SqliteStore::open(&path).map(|store| Database::Sqlite(Arc::new(store)));
                opened.map_err(|error| match error {
                    OpenError::NotFound => RunError::NoDatabase(folder.clone()),
                    other => RunError::Database(path, other),
                })
            }
            Self::Postgres(config) => PostgresStore::open((**config).clone())
                .map(|store| Database::Postgres(Arc::new(store)))
                .map_err(RunError::Postgres),
        }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match text.split_once(':') {
            Some(("sqlite", folder)) if !folder.is_empty() => Ok(Self::Folder(folder.into())),
            Some(("postgres" | "postgresql", _)) => Config::parse(text)
                .map(|config| Self::Postgres(Box::new(config)))
                .map_err(PlaceError::Address),
            _ => Err(PlaceError::Unknown),
        }
    }
}

impl Database {
    /// The engine.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The file, if it is one.
    pub fn sqlite(&self) -> Option<&SqliteStore> {
        match self {
            Self::Sqlite(store) => Some(store),
            Self::Postgres(_) => None,
        }
    }
}

/// For options whose text may hold a password by mistake: it is repeated nowhere.
///
/// # Errors
/// None.
pub fn secret(text: &str) -> Result<SecretString, String> {
    Ok(text.into())
}

/// The longest password that a file may hold.
const LONGEST: u64 = 4096;

/// The first line of a file that not everybody may read.
fn read_password(path: &Path) -> Result<SecretString, PlaceError> {
    let failed = |error| PlaceError::File(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o007 != 0 {
        return Err(PlaceError::Public(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(SecretBox::new(line.into()))
}
