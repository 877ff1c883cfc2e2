//! A node in memory behind a real socket, and a client that sends exactly what it is told.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use strongroom_core::{FixedClock, Store, Time, memory::MemoryStore};
use strongroom_keys::RustCrypto;
use strongroom_serve::{Limits, Metrics, Pool, Server};
use strongroom_sm_kms::{Api, Backups, Node};
use tokio::sync::oneshot;

pub(crate) const LONG: Duration = Duration::from_secs(20);
/// 2026-01-01T00:00:00Z
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// A server; once initialised, with its root token and its shares, of which two of three unseal.
pub(crate) struct Vault {
    pub(crate) node: Arc<Node>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) metrics: Metrics,
    pub(crate) token: String,
    pub(crate) shares: Vec<String>,
    pub(crate) hex: Vec<String>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Vault {
    /// Not initialised.
    pub(crate) fn bare() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self::with_backups(store, None)
    }

    pub(crate) fn with_backups(store: Arc<dyn Store>, backups: Option<Backups>) -> Self {
        log();
        let clock = Arc::new(FixedClock::at(Time::from_millis(NEW_YEAR * 1000)));
        let node = Node::new(store, Arc::new(RustCrypto::new()), Arc::clone(&clock) as _, Vec::new());
        let node = Arc::new(node.unwrap().with_backups(backups));
        let pool = Pool::start("test", 4, 64, LONG).unwrap();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), None, Limits::default()).unwrap();
        let metrics = Metrics::new(&[]);
        let server = server.metered(&metrics);
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let api = Api::new(Arc::clone(&node), pool);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(server.run(api, async { drop(stopped.await) })).unwrap();
        });
        let (stop, thread) = (Some(stop), Some(thread));
        let (token, shares, hex) = (String::new(), Vec::new(), Vec::new());
        Self { node, clock, metrics, token, shares, hex, address, stop, thread }
    }

    /// Initialised, and sealed.
    pub(crate) fn sealed() -> Self {
        Self::bare().initialized()
    }

    pub(crate) fn initialized(mut self) -> Self {
        let answer =
            self.anyone("PUT", "sys/init", json!({ "secret_shares": 3, "secret_threshold": 2 })).json();
        let texts = |name: &str| -> Vec<String> {
            answer[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().into()).collect()
        };
        (self.shares, self.hex) = (texts("keys_base64"), texts("keys"));
        self.token = answer["root_token"].as_str().unwrap().into();
        self
    }

    /// Initialised and unsealed.
    pub(crate) fn open() -> Self {
        let vault = Self::sealed();
        vault.unseal();
        vault
    }

    /// Unsealed, with a ring of each type: `aes`, `ed` and `p256`.
    pub(crate) fn with_rings() -> Self {
        let vault = Self::open();
        for (name, kind) in [("aes", "aes256-gcm96"), ("ed", "ed25519"), ("p256", "ecdsa-p256")] {
            assert_eq!(vault.write(&format!("transit/keys/{name}"), json!({ "type": kind })).status, 200);
        }
        vault
    }

    pub(crate) fn unseal(&self) {
        for share in &self.shares[..2] {
            assert_eq!(self.anyone("PUT", "sys/unseal", json!({ "key": share })).status, 200);
        }
        assert!(self.node.open().is_some());
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        self.connect().exchange(request)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, path).token(&self.token)
    }

    /// Without a token.
    pub(crate) fn anyone(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(&Request::new(method, path).json(&body))
    }

    pub(crate) fn write(&self, path: &str, body: Value) -> Answer {
        self.send(&self.request("POST", path).json(&body))
    }

    pub(crate) fn read(&self, path: &str) -> Answer {
        self.send(&self.request("GET", path))
    }

    pub(crate) fn list(&self, path: &str) -> Answer {
        self.send(&self.request("LIST", path))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(&self.request("DELETE", path))
    }

    pub(crate) fn encrypt(&self, name: &str, plaintext: &str) -> String {
        let answer = self.write(&format!("transit/encrypt/{name}"), json!({ "plaintext": b64(plaintext) }));
        answer.data()["ciphertext"].as_str().unwrap().into()
    }

    pub(crate) fn decrypt(&self, name: &str, ciphertext: &str) -> Answer {
        self.write(&format!("transit/decrypt/{name}"), json!({ "ciphertext": ciphertext }))
    }

    pub(crate) fn sign(&self, name: &str, input: &str) -> String {
        let answer = self.write(&format!("transit/sign/{name}"), json!({ "input": b64(input) }));
        answer.data()["signature"].as_str().unwrap().into()
    }

    pub(crate) fn verify(&self, name: &str, input: &str, signature: &str) -> Answer {
        let body = json!({ "input": b64(input), "signature": signature });
        self.write(&format!("transit/verify/{name}"), body)
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

/// A request to be written as it is.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Below `/v1/`, or from the root if it begins with a slash.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let path = if path.starts_with('/') { path.into() } else { format!("/v1/{path}") };
        Self { method: method.into(), path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("X-Vault-Token", token)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        if body.is_null() { self } else { self.body(body.to_string()) }
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: x\r\n", self.method, self.path);
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        self.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head + "\r\n"
    }
}

/// An answer that keeps the rules of every answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.text()))
    }

    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["data"].clone()
    }

    /// The texts of an error answer.
    pub(crate) fn errors(&self) -> Vec<String> {
        assert!(self.status >= 400, "{} {}", self.status, self.text());
        serde_json::from_value(self.json()["errors"].clone()).unwrap()
    }

    /// The status and the only text of an error answer.
    pub(crate) fn error(&self) -> (u16, String) {
        let errors = self.errors();
        assert!(errors.len() <= 1, "{errors:?}");
        (self.status, errors.into_iter().next().unwrap_or_default())
    }

    /// Whether it is a file of the audit log, or lines of it.
    fn is_file(&self) -> bool {
        let files = ["text/plain; charset=utf-8", "application/octet-stream", "application/jsonl"];
        self.header("content-type").is_some_and(|kind| files.contains(&kind))
    }

    /// Never stored; no body and no type of one; or one JSON object, which is `{"errors":[…]}` and nothing
    /// else if something went wrong with the whole request.
    fn check(&self, method: &str) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.head);
        if self.body.is_empty() {
            assert!(method == "HEAD" || self.header("content-type").is_none(), "{}", self.head);
            return;
        }
        if self.status == 200 && self.is_file() {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.head);
        let body = self.json();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        let errors = body.get("errors").and_then(Value::as_array);
        if let Some(errors) = errors {
            assert!(self.status >= 400 && members == ["errors"], "{}", self.text());
            assert!(errors.iter().all(Value::is_string), "{}", self.text());
        } else {
            let meant = ["initialized", "data"].iter().any(|name| body.get(name).is_some());
            assert!(self.status < 400 || meant, "{} {}", self.status, self.text());
        }
    }
}

/// A connection, with what was read beyond the last answer.
pub(crate) struct Client {
    socket: TcpStream,
    rest: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, rest: Vec::new() }
    }

    pub(crate) fn exchange(&mut self, request: &Request) -> Answer {
        self.write(request.head().as_bytes()).unwrap();
        // A server that refuses early may close before it has read all.
        let _ = self.write(&request.body);
        self.answer(&request.method)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        let end = loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.read_more();
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap();
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
        let length: usize = if method == "HEAD" { 0 } else { length };
        while self.rest.len() < length {
            self.read_more();
        }
        answer.body = self.rest.drain(..length).collect();
        answer.check(method);
        answer
    }

    /// Whether the server sends nothing more than what was read.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        self.rest.is_empty() && !matches!(self.socket.read(&mut [0; 1]), Ok(1))
    }

    fn read_more(&mut self) {
        let mut space = [0; 16384];
        let count = self.socket.read(&mut space).unwrap();
        assert!(count > 0, "the answer ended early: {:?}", String::from_utf8_lossy(&self.rest));
        self.rest.extend_from_slice(&space[..count]);
    }
}

/// The log of this process, of every level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to log with the first call.
pub(crate) fn log() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    let begin = || {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    };
    LOG.get_or_init(begin).clone()
}
