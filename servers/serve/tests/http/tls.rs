//! TLS 1.3 and nothing older, and keys that are kept.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{LONG, Running};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use strongroom_serve::{Limits, Pool, Tls, TlsError};

struct Files {
    _folder: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

fn files() -> Files {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    write_key(&key, &made.signing_key.serialize_pem());
    Files { _folder: folder, certificate, key }
}

fn write_key(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("closed");
}

fn start(files: &Files, limits: Limits) -> Running {
    let tls = Tls::from_files(&files.certificate, &files.key).expect("usable");
    Running::with(limits, Some(tls), Pool::start("test", 1, 9, LONG).expect("a thread"))
}

fn connect(server: &Running, files: &Files) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).expect("PEM")).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, TcpStream::connect(server.address).expect("connected"))
}

#[test]
fn tls_1_3_is_spoken_with_http_1_1() {
    let files = files();
    let server = start(&files, Limits::default());
    let mut client = connect(&server, &files);
    for _ in 0..2 {
        write!(
            client,
            "POST /v1/echo HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nContent-Length: 5\r\n\r\nhello"
        )
        .expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nhello") {
            let mut space = [0; 1024];
            let count = client.read(&mut space).expect("read");
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&space[..count]);
        }
    }
    assert_eq!(client.conn.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn a_tls_1_2_client_is_refused() {
    let files = files();
    let server = start(&files, Limits::default());
    // A ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2): no supported_versions, two of its cipher suites.
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    hello.extend([0, 22]); // extensions: groups, formats, signature algorithms
    hello.extend([0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).expect("short"), 1, 0, 0];
    record.push(u8::try_from(hello.len()).expect("short"));
    record.extend(&hello);
    let mut socket = TcpStream::connect(server.address).expect("connected");
    socket.write_all(&record).expect("sent");
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    // A fatal alert protocol_version (RFC 8446, section 6.2).
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(server.routed(), 0);
}

#[test]
fn openssl_agrees_on_the_versions() {
    let files = files();
    let server = start(&files, Limits::default());
    for (version, works) in [("-tls1_2", false), ("-tls1_3", true)] {
        let run = Command::new("openssl")
            .args(["s_client", version, "-brief", "-connect", &server.address.to_string()])
            .stdin(Stdio::null())
            .output();
        // A machine without the tool has the two tests above.
        let Ok(run) = run else { return };
        assert_eq!(run.status.success(), works, "{version}: {}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn a_handshake_that_never_ends_is_closed_and_stops_nobody() {
    let files = files();
    let server = start(&files, Limits { handshake_timeout: Duration::from_millis(300), ..Limits::default() });
    let mut silent = server.connect();
    let begin = Instant::now();
    let mut client = connect(&server, &files);
    write!(client, "GET /v1/none HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("closed with close_notify");
    assert!(text.starts_with("HTTP/1.1 204"));
    assert!(silent.is_closed());
    assert!(begin.elapsed() < Duration::from_secs(2));
    let mut plain = server.connect();
    plain.send("GET / HTTP/1.1\r\n\r\n");
    let mut alert = Vec::new();
    let _ = plain.socket.read_to_end(&mut alert);
    assert!(!alert.starts_with(b"HTTP"), "plain HTTP gets no answer");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let files = files();
    for mode in [0o604, 0o644, 0o602, 0o601, 0o777] {
        fs::set_permissions(&files.key, Permissions::from_mode(mode)).expect("set");
        let error = Tls::from_files(&files.certificate, &files.key).expect_err("exposed");
        assert!(matches!(error, TlsError::Exposed { .. }), "{mode:o}");
        assert!(error.to_string().contains("chmod o-rwx"));
    }
    fs::set_permissions(&files.key, Permissions::from_mode(0o640)).expect("set");
    assert!(Tls::from_files(&files.certificate, &files.key).is_ok(), "a group may be meant to");
}

#[test]
fn wrong_files_are_told_apart() {
    let (one, other) = (files(), files());
    let missing = one.key.with_file_name("missing");
    let empty = one.key.with_file_name("empty");
    write_key(&empty, "");
    let error = |certificate: &Path, key: &Path| Tls::from_files(certificate, key).expect_err("unusable");
    assert!(matches!(error(&missing, &one.key), TlsError::Unreadable { path, .. } if path == missing));
    assert!(
        matches!(error(&one.certificate, &missing), TlsError::Unreadable { path, .. } if path == missing)
    );
    assert!(matches!(error(&empty, &one.key), TlsError::NoCertificate { .. }));
    assert!(matches!(error(&one.key, &one.key), TlsError::NoCertificate { .. }));
    assert!(matches!(error(&one.certificate, &empty), TlsError::NoKey { .. }));
    assert!(matches!(error(&one.certificate, &other.key), TlsError::Unusable(_)));
    write_key(&empty, "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n");
    let broken = error(&one.certificate, &empty);
    assert!(!format!("{broken} {broken:?}").contains("canary"));
}
