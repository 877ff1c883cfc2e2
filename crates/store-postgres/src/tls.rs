use std::{fs, io, path::Path, sync::Arc};

use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};

use crate::cause::Cause;

/// A connection that is good only if the server's certificate is, for this name.
pub(crate) fn client(roots: Option<&Path>, host: &str) -> Result<ClientConnection, Cause> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Cause::Io(io::Error::from(io::ErrorKind::InvalidInput).into()))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(load(roots)?)
        .with_no_client_auth();
    Ok(ClientConnection::new(Arc::new(config), name)?)
}

/// The roots in a file, or those of the system.
fn load(path: Option<&Path>) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    match path {
        Some(path) => {
            let pem = fs::read(path).map_err(|_| Cause::Roots)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|_| Cause::Roots)?).map_err(|_| Cause::Roots)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() { Err(Cause::Roots) } else { Ok(roots) }
}
