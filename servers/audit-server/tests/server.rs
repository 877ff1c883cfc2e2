//! The real binary: it has the log, and no key ring.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_strongroom-audit-server"))
            .args(["--insecure-http", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line =
            log.find(|line| line.as_ref().is_ok_and(|line| line.contains("listening"))).unwrap().unwrap();
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
        let address: String =
            address.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
        // Whoever writes to the log must find a reader.
        std::thread::spawn(move || log.for_each(drop));
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut socket = TcpStream::connect(&self.address).unwrap();
        write!(
            socket,
            "{method} /v1/{path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_log_is_served_and_no_key_ring_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"));
    let (status, made) =
        server.ask("PUT", "sys/init", "", &json!({ "secret_shares": 1, "secret_threshold": 1 }));
    assert_eq!(status, 200, "{made}");
    let token = made["root_token"].as_str().unwrap();
    let (status, opened) = server.ask("PUT", "sys/unseal", "", &json!({ "key": made["keys"][0] }));
    assert_eq!((status, &opened["sealed"]), (200, &json!(false)), "{opened}");

    for (method, path) in
        [("POST", "transit/keys/k"), ("LIST", "transit/keys"), ("POST", "transit/encrypt/k")]
    {
        let (status, answer) = server.ask(method, path, token, &Value::Null);
        assert_eq!(status, 404, "{path}: {answer}");
    }
    let (_, mounts) = server.ask("GET", "sys/mounts", token, &Value::Null);
    assert!(mounts["data"].get("transit/").is_none() && mounts["data"].get("sys/").is_some(), "{mounts}");

    assert_eq!(server.ask("GET", "audit/system/events", "wrong", &Value::Null).0, 403);
    let (status, events) = server.ask("GET", "audit/system/events", token, &Value::Null);
    assert_eq!(status, 200, "{events}");
    assert!(events.to_string().contains("unseal"), "{events}");
    let (status, devices) = server.ask("GET", "sys/audit", token, &Value::Null);
    assert_eq!(status, 200, "{devices}");
}
