use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ServerConfig, version::TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// A server's certificate and key, for TLS 1.3 (RFC 8446) and nothing older.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key's file can be read by every user of the machine.
    #[error("{} is open to every user of this machine: take the others' rights away (chmod o-rwx)", path.display())]
    Exposed {
        /// As it was given.
        path: PathBuf,
    },
    /// The file has no PEM block `CERTIFICATE`, or a broken one.
    #[error("{} has no certificate in PEM form", path.display())]
    NoCertificate {
        /// As it was given.
        path: PathBuf,
    },
    /// The file has no PEM block `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`, or a broken one.
    #[error("{} has no private key in PEM form", path.display())]
    NoKey {
        /// As it was given.
        path: PathBuf,
    },
    /// The two do not belong together, or are of a kind that TLS 1.3 does not use.
    #[error("the certificate and the key do not fit together, or are of an unsupported kind")]
    Unusable(#[source] rustls::Error),
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its key, both in PEM form.
    ///
    /// The key's file must be closed to users other than its owner and group.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong, and what to do.
    pub fn from_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificates, false)?)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate { path: certificates.into() })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: certificates.into() });
        }
        let key = PrivateKeyDer::from_pem_slice(&read(key, true)?)
            .map_err(|_| TlsError::NoKey { path: key.into() })?;
        Self::new(chain, key).map_err(TlsError::Unusable)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Reads a file whole. The rights are those of the file that was opened, not of the path.
fn read(path: &Path, secret: bool) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if secret && open_to_others(&metadata) {
        return Err(TlsError::Exposed { path: path.into() });
    }
    // With room for all of it from the start, reading leaves no copies behind.
    let length = usize::try_from(metadata.len()).unwrap_or(0).min(1 << 20);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(64)));
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
