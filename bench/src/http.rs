//! A client that asks the same again and again, on connections that stay open, in one thread.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    sync::Mutex,
};

use crate::Result;

/// A request, as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Request {
    address: SocketAddr,
    bytes: Vec<u8>,
}

impl Request {
    /// Encryption of 64 bytes under a ring.
    pub(crate) fn encrypt(address: SocketAddr, token: &str, ring: &str) -> Result<Self> {
        let body = serde_json::json!({ "plaintext": STANDARD.encode([0x5a; 64]) }).to_string();
        let head = format!(
            "POST /v1/transit/encrypt/{ring} HTTP/1.1\r\nHost: {address}\r\nX-Vault-Token: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Ok(Self { address, bytes: (head + &body).into_bytes() })
    }

    /// A GET of `/`.
    pub(crate) fn get(address: SocketAddr) -> Self {
        Self { address, bytes: format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes() }
    }
}

/// Asks once, on a new connection.
pub(crate) fn once(request: &Request) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async { Connection::open(request).await?.ask().await })
}

/// Open connections.
pub(crate) struct Load {
    runtime: Runtime,
    connections: Vec<std::sync::Arc<Mutex<Connection>>>,
}

impl Load {
    /// Opens connections, and asks once on each.
    pub(crate) fn connect(count: usize, request: &Request) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connections = runtime.block_on(async {
            let mut connections = Vec::with_capacity(count);
            for _ in 0..count {
                let mut connection = Connection::open(request).await?;
                connection.ask().await?;
                connections.push(std::sync::Arc::new(Mutex::new(connection)));
            }
            Result::Ok(connections)
        })?;
        Ok(Self { runtime, connections })
    }

    /// Asks on all of them for so long; answers how many answers came.
    pub(crate) fn run(&self, time: Duration) -> Result<u64> {
        let end = Instant::now() + time;
        self.runtime.block_on(async {
            let asking = |connection: &std::sync::Arc<Mutex<Connection>>| {
                let connection = connection.clone();
                tokio::spawn(async move {
                    let (mut connection, mut answered) = (connection.lock().await, 0);
                    while Instant::now() < end {
                        connection.ask().await?;
                        answered += 1;
                    }
                    Result::Ok(answered)
                })
            };
            let mut all = 0;
            for task in self.connections.iter().map(asking).collect::<Vec<_>>() {
                all += task.await??;
            }
            Ok(all)
        })
    }
}

struct Connection {
    socket: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(request: &Request) -> Result<Self> {
        let socket = TcpStream::connect(request.address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, request: request.bytes.clone(), answer: Vec::with_capacity(4096) })
    }

    /// Sends the request, and reads the whole answer, which must be 200.
    async fn ask(&mut self) -> Result<()> {
        self.socket.write_all(&self.request).await?;
        self.answer.clear();
        while !is_complete(&self.answer)? {
            if self.socket.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        Ok(())
    }
}

/// Whether these bytes are a whole answer.
fn is_complete(bytes: &[u8]) -> Result<bool> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let text = std::str::from_utf8(&bytes[..head])?;
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the server answered {}", text.lines().next().unwrap_or_default()).into());
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    Ok(bytes.len() >= head + 4 + length.ok_or("an answer without a length")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(is_complete(answer).unwrap());
        for length in 0..answer.len() {
            assert!(!is_complete(&answer[..length]).unwrap(), "{length}");
        }
        assert!(is_complete(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
