use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring, version::TLS13};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// A server to call, and how.
pub(crate) struct Client {
    pub(crate) address: Uri,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) token: Option<SecretString>,
}

/// A call got no answer, or not the one hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the address must look like https://HOST:PORT")]
    Address,
    #[error("{0} does not answer: is the server running?")]
    Connect(Uri, #[source] io::Error),
    #[error("{} cannot be used as root certificates", .0.display())]
    Roots(PathBuf, #[source] pem::Error),
    #[error("no root certificates: name the server's with --ca-cert")]
    NoRoots,
    #[error(transparent)]
    Name(#[from] InvalidDnsNameError),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error("no secure connection to {0}: is it the server's address, and does --ca-cert name its roots?")]
    Handshake(Uri, #[source] io::Error),
    #[error("the connection broke: does the server's address begin with https, or with http?")]
    Http(#[from] hyper::Error),
    #[error("the answer is too long, or broke off")]
    Body,
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    #[error("the token has characters that no token has")]
    Token,
    #[error("the answer is not JSON: is this a Strongroom server?")]
    Json,
    #[error("refused ({0}): {1}")]
    Refused(StatusCode, String),
    #[error("the system gives no thread or socket")]
    Runtime(#[source] io::Error),
}

const TIMEOUT: Duration = Duration::from_secs(30);
/// Of an answer: a backup of a key, or the largest plaintext, in base64.
const LONGEST: usize = 32 << 20;

impl Client {
    /// Calls, and gives the JSON of a good answer: nothing for one without content.
    pub(crate) fn call(&self, method: Method, path: &str, body: &Value) -> Result<Value, ClientError> {
        let body = self.fetch(method, path, body)?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| ClientError::Json)
    }

    /// Calls, and gives the body of a good answer.
    pub(crate) fn fetch(&self, method: Method, path: &str, body: &Value) -> Result<Vec<u8>, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let call = async {
            timeout(TIMEOUT, self.send(method, path, body)).await.unwrap_or(Err(ClientError::Timeout))
        };
        runtime.map_err(ClientError::Runtime)?.block_on(call)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Vec<u8>, ClientError> {
        let host = self.address.host().ok_or(ClientError::Address)?;
        let tls = match self.address.scheme_str() {
            Some("https") => Some(self.tls()?),
            Some("http") => None,
            _ => return Err(ClientError::Address),
        };
        let port = self.address.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let failed = |error| ClientError::Connect(self.address.clone(), error);
        // A literal IPv6 address has brackets in a URI, and none elsewhere.
        let name = host.trim_matches(['[', ']']);
        let socket = TcpStream::connect((name, port)).await.map_err(failed)?;
        let request = self.request(method, path, body)?;
        match tls {
            None => exchange(socket, request).await,
            Some(tls) => {
                let name = ServerName::try_from(name.to_owned())?;
                let secured = tls.connect(name, socket).await;
                let failed = |error| ClientError::Handshake(self.address.clone(), error);
                exchange(secured.map_err(failed)?, request).await
            }
        }
    }

    fn request(&self, method: Method, path: &str, body: &Value) -> Result<Request<Full<Bytes>>, ClientError> {
        let host = self.address.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
            let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::Token)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::new(Bytes::from(body))).map_err(|_| ClientError::Address)
    }

    fn tls(&self) -> Result<TlsConnector, ClientError> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                let failed = |error| ClientError::Roots(path.clone(), error);
                let pem = fs::read(path).map_err(|error| failed(pem::Error::Io(error)))?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    roots.add(certificate.map_err(failed)?)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(ClientError::NoRoots);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

async fn exchange<S>(socket: S, request: Request<Full<Bytes>>) -> Result<Vec<u8>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|_| ClientError::Body)?;
    connection.abort();
    let body = body.to_bytes();
    if status.is_success() {
        return Ok(body.into());
    }
    let value: Value = serde_json::from_slice(&body).map_err(|_| ClientError::Json)?;
    Err(ClientError::Refused(status, errors(&value)))
}

/// The texts of `{"errors":[…]}`, without what a terminal would act on.
fn errors(value: &Value) -> String {
    let texts = value.get("errors").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<_> = texts.filter_map(Value::as_str).collect();
    texts.join("; ").replace(|character: char| character.is_control(), " ")
}
