//! A server to attack, and a client that sends exactly what it is told.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use strongroom_serve::{
    Body, Head, Limits, Method, Metrics, Pool, Response, Server, Service, StatusCode, Step, Tls, json,
};
use tokio::sync::oneshot;

pub(crate) const LONG: Duration = Duration::from_secs(20);

#[derive(serde::Deserialize, serde::Serialize)]
pub(crate) struct Secret {
    plaintext: String,
    version: Option<u32>,
}

pub(crate) struct Target {
    limits: Limits,
    pub(crate) pool: Pool,
    /// The canonical paths that reached routing.
    pub(crate) routed: Mutex<Vec<String>>,
    /// How often a body reached a handler.
    pub(crate) handled: Mutex<usize>,
}

impl Service for Target {
    type Admitted = String;

    fn admit(&self, head: &Head<'_>) -> Step<Result<String, Response>> {
        let path = head.path().as_str().to_owned();
        self.routed.lock().expect("no panic").push(path.clone());
        if path == "v1/admit-panic" {
            panic!("in a test");
        }
        if path == "v1/admit-slow" {
            let good = head.token().is_some_and(|token| token.expose() == "good");
            return Step::Later(self.pool.run(move || if good { Ok(path) } else { Err(denied()) }));
        }
        let good = head.token().is_some_and(|token| token.expose() == "good");
        Step::Now(if good { Ok(path) } else { Err(denied()) })
    }

    fn class(&self, admitted: &String) -> Option<usize> {
        (admitted == "v1/echo").then_some(0)
    }

    fn handle(&self, head: &Head<'_>, path: String, body: Body) -> Step<Response> {
        *self.handled.lock().expect("no panic") += 1;
        Step::Now(match path.as_str() {
            "v1/echo" => Response::bytes(StatusCode::OK, "application/octet-stream", body.to_vec()),
            "v1/json" => match json::parse::<Secret>(&body, &self.limits) {
                Ok(secret) => Response::json(StatusCode::OK, &secret),
                Err(error) => error.into(),
            },
            "v1/list" => match (head.lists(), head.path().ends_with_slash()) {
                (Ok(lists), slash) => {
                    Response::json(StatusCode::OK, &(head.method() == Method::List, lists, slash))
                }
                (Err(error), _) => error.into(),
            },
            "v1/id" => Response::json(StatusCode::OK, &head.request_id().to_string()),
            "v1/namespace" => Response::json(StatusCode::OK, &head.namespace()),
            "v1/none" => Response::empty(StatusCode::NO_CONTENT),
            "v1/big" => Response::bytes(StatusCode::OK, "text/plain", vec![b'x'; 64 << 20]),
            "v1/panic" => panic!("in a test"),
            "v1/wait" => {
                let time =
                    Duration::from_millis(String::from_utf8_lossy(&body).parse().expect("milliseconds"));
                return Step::Later(self.pool.run(move || {
                    std::thread::sleep(time);
                    Response::json(StatusCode::OK, "done")
                }));
            }
            _ => Response::errors(StatusCode::NOT_FOUND, &[]),
        })
    }
}

fn denied() -> Response {
    Response::errors(StatusCode::FORBIDDEN, &["permission denied"])
}

/// A server in a runtime of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) target: Arc<Target>,
    pub(crate) metrics: Metrics,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

impl Running {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::with(limits, None, Pool::start("test", 4, 64, LONG).expect("threads"))
    }

    pub(crate) fn with(limits: Limits, tls: Option<Tls>, pool: Pool) -> Self {
        let metrics = Metrics::new(&["echo"]);
        metrics.watch_pool(&pool);
        let server = Server::bind("127.0.0.1:0".parse().expect("an address"), tls, limits.clone())
            .expect("a free port")
            .metered(&metrics);
        let address = server.local_addr();
        let target = Arc::new(Target { limits, pool, routed: Mutex::default(), handled: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let service = Arc::clone(&target);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(server.run(service, async { drop(stopped.await) })).expect("served")
        });
        Self { address, target, metrics, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends one request on a connection of its own and reads to the end.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> Answer {
        let mut client = self.connect();
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        client.send(&format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Vault-Token: good\r\n{length}{headers}\r\n{body}"
        ));
        client.answer_to(method)
    }

    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops and gives the number of connections that were cut off.
    pub(crate) fn stop(&mut self) -> usize {
        self.begin_stop();
        self.thread.take().expect("stopped once").join().expect("no panic")
    }

    pub(crate) fn routed(&self) -> usize {
        self.target.routed.lock().expect("no panic").len()
    }

    pub(crate) fn handled(&self) -> usize {
        *self.target.handled.lock().expect("no panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begin_stop();
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A connection, with what was read beyond the last answer.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    rest: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_read_timeout(Some(LONG)).expect("a timeout");
        Self { socket, rest: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).expect("sent");
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(self.rest[..end].to_vec()).expect("UTF-8");
                self.rest.drain(..end + 4);
                let status = head[9..12].parse().expect("a status");
                let mut answer = Answer { status, head, body: Vec::new() };
                let length: usize =
                    answer.header("content-length").map_or(0, |text| text.parse().expect("a length"));
                let length = if method == "HEAD" { 0 } else { length };
                while self.rest.len() < length {
                    assert!(self.read_more(), "the body ended early");
                }
                answer.body = self.rest.drain(..length).collect();
                return answer;
            }
            assert!(self.read_more(), "no answer: {:?}", String::from_utf8_lossy(&self.rest));
        }
    }

    fn read_more(&mut self) -> bool {
        let mut space = [0; 16384];
        let count = self.socket.read(&mut space).expect("read");
        self.rest.extend_from_slice(&space[..count]);
        count > 0
    }

    /// Whether the server closed the connection without a further answer; waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.socket.read(&mut [0; 1]) {
            Ok(count) => count == 0 && self.rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
