use std::{
    fs, io,
    io::Write,
    net::SocketAddr,
    path::{self, Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};
use strongroom_serve::{DEEP, wiping_stack};
use strongroom_sm_kms::{
    BackupOptions, BackupOptionsError, Node, NodeError, RunError, SecretFile, listen, node, open_spool,
    open_store, serve,
};
use zeroize::Zeroizing;

use crate::files::write_private;

/// A server to try things with.
#[derive(clap::Args)]
pub(crate) struct Dev {
    /// Folder of the database, its key and the root token; it is made if it does not exist
    #[arg(long, value_name = "DIR", default_value = "strongroom-data")]
    data: PathBuf,

    /// Address to listen on: loopback only, as there is no TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8200")]
    listen: SocketAddr,

    /// Root token of your choice. For development only: everybody on this machine can read it in the process list
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    root_token: Option<SecretString>,

    #[command(flatten)]
    backups: BackupOptions,
}

/// The development server did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    #[error(transparent)]
    Run(RunError),
    #[error(
        "{0} can be reached from other machines, and this server has no TLS: listen on 127.0.0.1, or use \
         `strongroom server`"
    )]
    InTheClear(SocketAddr),
    #[error(transparent)]
    Backups(#[from] BackupOptionsError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error(
        "the database needs its key file {}, which is gone: put it back, or begin anew in another folder",
        .0.display()
    )]
    KeyGone(PathBuf),
    #[error("the system gives no random bytes")]
    Random,
    #[error("the server ended")]
    Io(#[from] io::Error),
}

impl From<RunError> for DevError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::InTheClear(address) => Self::InTheClear(address),
            other => Self::Run(other),
        }
    }
}

// clap asks for a Result.
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

impl Dev {
    pub(crate) fn run(self) -> Result<(), DevError> {
        self.backups.recipients()?;
        let server = listen(self.listen, None)?;
        // Who has the store open has the folder: what follows is done by one process at a time.
        let store = open_store(&self.data)?;
        let key = self.data.join("unseal.key");
        if !key.exists() {
            if node(store.clone(), Vec::new())?.sealed().is_some() {
                return Err(DevError::KeyGone(key));
            }
            wiping_stack::<DEEP, _>(|| write_key(&key))?;
        }
        let backups = self.backups.backups(&store)?;
        let node = node(store, vec![SecretFile::new(key)])?.with_backups(backups);
        let node = Arc::new(node.with_spool(open_spool(&self.data)?));
        let token = self.data.join("root-token");
        wiping_stack::<DEEP, _>(|| self.open(&node, &token))?;
        announce(&self.data, &token, server.local_addr(), self.root_token.is_some())?;
        Ok(serve(&node, server)?)
    }

    /// Initialises what is not, unseals, and sees to it that the token's file holds a good token.
    fn open(&self, node: &Node, file: &Path) -> Result<(), DevError> {
        let begun = node.sealed().is_some();
        if begun {
            node.unseal_with_secrets()?;
        }
        let kept = read_token(file)?;
        let token = match self.root_token.clone().or_else(|| kept.clone()) {
            Some(text) => node.insecure_token(text)?,
            None => node.new_token()?,
        };
        let text = token.secret();
        // The token is on disk before it is good: after a crash in between the next start takes it from there.
        if kept.is_none_or(|kept| kept.expose_secret() != text.expose_secret()) {
            write_private(file, text.expose_secret().as_bytes())
                .map_err(|error| DevError::Write(file.to_owned(), error))?;
        }
        if begun {
            return Ok(node.insecure_install(text.clone())?);
        }
        node.initialize(None, &token)?;
        Ok(node.unseal_with_secrets()?)
    }
}

fn write_key(path: &Path) -> Result<(), DevError> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| DevError::Random)?;
    write_private(path, key.as_slice()).map_err(|error| DevError::Write(path.to_owned(), error))
}

fn read_token(path: &Path) -> Result<Option<SecretString>, DevError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(SecretString::from(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DevError::Read(path.to_owned(), error)),
    }
}

fn announce(data: &Path, token: &Path, address: SocketAddr, chosen: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (data, token) = (path::absolute(data)?, path::absolute(token)?);
    let (data, token, quoted) = (data.display(), token.display(), quoted(&token));
    write!(
        out,
        "\
Strongroom is ready: a server for development, without TLS, that unseals itself.

  address     http://{address}
  root token  in {token}
  data        in {data}, with its key beside it: who has the folder has everything

Three commands to try:

  export VAULT_ADDR=http://{address} VAULT_TOKEN=\"$(cat {quoted})\"
  curl -H \"X-Vault-Token: $VAULT_TOKEN\" -X POST $VAULT_ADDR/v1/transit/keys/app
  curl -H \"X-Vault-Token: $VAULT_TOKEN\" -d '{{\"plaintext\":\"aGVsbG8=\"}}' $VAULT_ADDR/v1/transit/encrypt/app

Stop it with Ctrl-C; the same command opens the same data again.
"
    )?;
    if chosen {
        writeln!(out, "\nThe root token came from the command line: for development only.")?;
    }
    out.flush()
}

/// A path as one word of a POSIX shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
