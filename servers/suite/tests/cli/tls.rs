//! A certificate for tests, and clients that trust it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, version::TLS13};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};

use crate::support::{Client, LONG, Server, private_file};

/// A certificate for 127.0.0.1 that signs itself, and its key.
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    pub(crate) fn new(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let chain = folder.join("server.pem");
        fs::write(&chain, made.cert.pem()).unwrap();
        Self { chain, key: private_file(folder, "server.key", made.signing_key.serialize_pem().as_bytes()) }
    }
}

/// Connects with TLS 1.3.
pub(crate) fn connect(server: &Server, certificate: &Certificate, token: &str) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate.chain).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    Client::over(StreamOwned::new(client, socket(server)), token)
}

/// What the server answers to a client that speaks TLS 1.2 at most.
pub(crate) fn answer_to_1_2(server: &Server) -> Vec<u8> {
    // A ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2): no supported_versions, two of its cipher suites.
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    hello.extend([0, 22]); // extensions: groups, formats, signature algorithms
    hello.extend([0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0];
    record.push(u8::try_from(hello.len()).unwrap());
    record.extend(&hello);
    let mut socket = socket(server);
    socket.write_all(&record).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    answer
}

fn socket(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.url.strip_prefix("https://").unwrap()).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}
