use std::{
    fs::{DirBuilder, File},
    io::{self, Read},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom_barrier::UnsealSecret;
use strongroom_core::SystemClock;
use strongroom_keys::RustCrypto;
use strongroom_serve::{BindError, Limits, Server, Tls, TlsError};
use strongroom_store_sqlite::{OpenError, SqliteStore};
use zeroize::Zeroizing;

use crate::{Node, NodeError, serve};

/// How a server is started.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of the database; it is made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

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
    /// A file of an unseal secret cannot be used.
    #[error("the unseal secret {} cannot be used", .0.display())]
    Secret(PathBuf, #[source] SecretFileError),
    /// Without TLS on an address that others reach.
    #[error("{0} can be reached from other machines: give --tls-cert and --tls-key, or listen on 127.0.0.1")]
    InTheClear(SocketAddr),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The barrier.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The system.
    #[error("the server ended")]
    Io(#[from] io::Error),
}

/// Why the file of a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Anybody may read it.
    #[error("everybody may read it: run chmod 600 on it")]
    Public,
    /// Too short or far too long.
    #[error("it must have 32 bytes to 64 KiB: make one with `head -c 32 /dev/urandom`")]
    Size,
}

const LONGEST_SECRET: u64 = 64 << 10;

impl Options {
    /// Runs the server until the process is asked to end.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(self) -> Result<(), RunError> {
        let secrets =
            self.unseal_secret.iter().map(|path| secret_file(path)).collect::<Result<Vec<_>, _>>()?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls::from_files(certificates, key)?),
            _ => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = listen(self.listen, tls)?;
        let automatic = !secrets.is_empty();
        let node = Arc::new(node(open_store(&self.data)?, secrets)?);
        if automatic && node.sealed().is_some() {
            match node.unseal_with_secrets() {
                Ok(()) => tracing::info!("unsealed with a secret file"),
                Err(error) => tracing::error!(%error, "stays sealed: no secret file opens this database"),
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

/// The SQLite database of a folder; both are made if they do not exist.
///
/// # Errors
/// [`RunError::Folder`], [`RunError::Database`].
pub fn open_store(folder: &Path) -> Result<Arc<SqliteStore>, RunError> {
    make_folder(folder).map_err(|error| RunError::Folder(folder.to_owned(), error))?;
    let path = folder.join("strongroom.db");
    let store = match SqliteStore::open(&path) {
        Err(OpenError::NotFound) => SqliteStore::create(&path),
        opened => opened,
    };
    store.map(Arc::new).map_err(|error| RunError::Database(path, error))
}

/// Makes a folder, and those above that are missing, so that they survive the loss of power.
fn make_folder(folder: &Path) -> io::Result<()> {
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

/// A node over a store, with the primitives and the clock of this machine.
///
/// # Errors
/// [`NodeError`].
pub fn node(store: Arc<SqliteStore>, secrets: Vec<UnsealSecret>) -> Result<Node, NodeError> {
    Node::new(store, Arc::new(RustCrypto::new()), Arc::new(SystemClock), secrets)
}

/// An unseal secret from a file that not everybody may read.
///
/// # Errors
/// [`RunError::Secret`].
pub fn secret_file(path: &Path) -> Result<UnsealSecret, RunError> {
    read_secret(path).map_err(|error| RunError::Secret(path.to_owned(), error))
}

fn read_secret(path: &Path) -> Result<UnsealSecret, SecretFileError> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if about.mode() & 0o007 != 0 {
        return Err(SecretFileError::Public);
    }
    if !(32..=LONGEST_SECRET).contains(&about.len()) {
        return Err(SecretFileError::Size);
    }
    // Exactly as long as the file, so that no copy is left behind by growing or shrinking.
    let mut bytes = Zeroizing::new(vec![0; about.len() as usize]);
    file.read_exact(&mut bytes)?;
    UnsealSecret::new(std::mem::take(&mut *bytes)).map_err(|_| SecretFileError::Size)
}
