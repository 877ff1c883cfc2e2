use std::{
    error::Error,
    fs::{DirBuilder, File},
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom_core::{Store, SystemClock};
use strongroom_keys::RustCrypto;
use strongroom_serve::{BindError, DEEP, Limits, Server, Tls, TlsError, wiping_stack};
use strongroom_store_sqlite::{OpenError, SqliteStore};

use crate::{
    BackupOptions, BackupOptionsError, Node, NodeError, Place, PlaceError, SecretFile, Serves, Spool,
    StoreOptions, serve,
};

/// How a server is started.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Which database.
    #[command(flatten)]
    pub store: StoreOptions,

    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8200")]
    pub listen: SocketAddr,

    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key", required_unless_present = "insecure_http")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM; readable by nobody else
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// File of 32 bytes or more that unseals the database at start; repeat it for several
    ///
    /// Initialization makes one slot for each file, beside the shares. Keep them apart from the database.
    #[arg(long, value_name = "FILE")]
    pub unseal_secret: Vec<PathBuf>,

    /// Serve without TLS, on a loopback address only
    #[arg(long, conflicts_with = "tls_cert")]
    pub insecure_http: bool,

    /// Folder for events while the database is sealed; otherwise that of --data, and memory for PostgreSQL
    #[arg(long, value_name = "DIR")]
    pub spool_dir: Option<PathBuf>,

    /// Where backups go.
    #[command(flatten)]
    pub backups: BackupOptions,
}

/// A server did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder of the database cannot be made.
    #[error("the folder {} cannot be made", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The database cannot be opened.
    #[error("the database {} cannot be opened", .0.display())]
    Database(PathBuf, #[source] OpenError),
    /// There is no database in the folder.
    #[error("no database in {}: name the folder that the server has as --data", .0.display())]
    NoDatabase(PathBuf),
    /// The database on a server cannot be opened.
    #[error("the PostgreSQL database cannot be opened")]
    Postgres(#[source] strongroom_store_postgres::OpenError),
    /// The options name no database that can be reached.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Backups of a database that is not a file.
    #[error(
        "--backup-dir is for SQLite: back up PostgreSQL with its own tools, such as pg_dump or pgBackRest"
    )]
    NoBackups,
    /// Without TLS on an address that others reach.
    #[error("{0} can be reached from other machines: give --tls-cert and --tls-key, or listen on 127.0.0.1")]
    InTheClear(SocketAddr),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Backups.
    #[error(transparent)]
    Backups(#[from] BackupOptionsError),
    /// The barrier.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The system.
    #[error("the server ended")]
    Io(#[from] io::Error),
}

impl Options {
    /// Runs the server until the process is asked to end.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(self, serves: Serves) -> Result<(), RunError> {
        let secrets: Vec<_> = self.unseal_secret.into_iter().map(SecretFile::new).collect();
        // What is wrong with one is told now, and not when it is needed.
        wiping_stack::<DEEP, _>(|| secrets.iter().try_for_each(|secret| secret.read().map(drop)))
            .map_err(NodeError::from)?;
        self.backups.recipients()?;
        let place = self.store.place()?;
        if matches!(place, Place::Postgres(_)) && self.backups.backup_dir.is_some() {
            return Err(RunError::NoBackups);
        }
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls::from_files(certificates, key)?),
            _ => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = listen(self.listen, tls)?;
        let automatic = !secrets.is_empty();
        let database = place.open_or_create()?;
        let backups = match database.sqlite() {
            Some(store) => self.backups.backups(store)?,
            None => None,
        };
        let spool = match (&self.spool_dir, &place) {
            (Some(folder), _) | (None, Place::Folder(folder)) => open_spool(folder)?,
            (None, Place::Postgres(_)) => Spool::in_memory(),
        };
        let node = node(database.store(), secrets)?.with_backups(backups).with_spool(spool).serving(serves);
        let node = Arc::new(node);
        if automatic && node.sealed().is_some() {
            match wiping_stack::<DEEP, _>(|| node.unseal_with_secrets()) {
                Ok(()) => tracing::info!("unsealed with a secret file"),
                Err(error) => tracing::error!(
                    error = &error as &dyn Error,
                    "stays sealed: no secret file opens this database"
                ),
            }
        }
        let state = match (node.sealed(), node.open()) {
            (None, _) => "not initialized",
            (Some(_), None) => "sealed",
            (Some(_), Some(_)) => "unsealed",
        };
        tracing::info!(address = %format_args!("{scheme}://{}", server.local_addr()), state, "listening");
        Ok(serve(&node, server)?)
    }
}

/// Listens; without TLS only where no other machine comes in.
///
/// # Errors
/// [`RunError::InTheClear`], [`RunError::Bind`].
pub fn listen(address: SocketAddr, tls: Option<Tls>) -> Result<Server, RunError> {
    if tls.is_none() && !address.ip().is_loopback() {
        return Err(RunError::InTheClear(address));
    }
    Ok(Server::bind(address, tls, Limits::default())?)
}

/// The name of the database in the folder of a server.
pub const DATABASE: &str = "strongroom.db";

/// The SQLite database of a folder; both are made if they do not exist.
///
/// # Errors
/// [`RunError::Folder`], [`RunError::Database`].
pub fn open_store(folder: &Path) -> Result<Arc<SqliteStore>, RunError> {
    make_folder(folder).map_err(|error| RunError::Folder(folder.to_owned(), error))?;
    let path = folder.join(DATABASE);
    let store = match SqliteStore::open(&path) {
        Err(OpenError::NotFound) => SqliteStore::create(&path),
        opened => opened,
    };
    store.map(Arc::new).map_err(|error| RunError::Database(path, error))
}

/// The spool of a server's folder.
///
/// # Errors
/// [`RunError::Folder`].
pub fn open_spool(folder: &Path) -> Result<Spool, RunError> {
    Spool::in_folder(folder).map_err(|error| RunError::Folder(folder.to_owned(), error))
}

/// Makes a folder, and those above that are missing, so that they survive the loss of power.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let above = match folder.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => File::open(above)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !above.exists() => {
            make_folder(above)?;
            make_folder(folder)
        }
        // Another name for it may be there, such as a symbolic link.
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// A node over a store, with the primitives and the clock of this machine. Nothing is unsealed unless every primitive gives
/// the answers that are known.
///
/// # Errors
/// [`NodeError`].
pub fn node(store: Arc<dyn Store>, secrets: Vec<SecretFile>) -> Result<Node, NodeError> {
    Node::new(store, Arc::new(RustCrypto::tested()?), Arc::new(SystemClock), secrets)
}
