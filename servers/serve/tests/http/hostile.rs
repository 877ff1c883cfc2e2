//! Clients that are slow, silent or many, and the end of the server.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{Client, LONG, Running};
use strongroom_serve::{BindError, Limits, Metrics, Pool, Probes, Server};

const SHORT: Duration = Duration::from_millis(400);

fn impatient() -> Limits {
    Limits {
        header_timeout: SHORT,
        body_timeout: SHORT,
        idle_timeout: SHORT,
        answer_timeout: SHORT,
        grace: Duration::from_secs(3),
        ..Limits::default()
    }
}

/// The time until the server closes the connection.
fn closed_after(client: &mut Client, begin: Instant) -> Duration {
    assert!(client.is_closed());
    begin.elapsed()
}

const HEAD: &str = "GET /v1/none HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\n";

#[test]
fn a_hundred_silent_and_slow_clients_stop_nobody_and_are_closed() {
    let server = Running::start(impatient());
    let begin = Instant::now();
    let mut silent: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    for (number, client) in silent.iter_mut().enumerate() {
        match number % 4 {
            0 => {}
            1 => client.send("GET /v1/none HT"),
            2 => client.send(HEAD),
            _ => client.send(&format!("{HEAD}Content-Length: 10\r\n\r\nfive!")),
        }
    }
    let answered = Instant::now();
    assert_eq!(server.ask("GET", "/v1/none", "", "").status, 204);
    assert!(answered.elapsed() < Duration::from_millis(200), "{:?}", answered.elapsed());
    for client in &mut silent {
        let time = closed_after(client, begin);
        assert!(time < Duration::from_secs(3), "{time:?}");
    }
    let text = server.metrics.render();
    for phase in ["new", "head", "body"] {
        assert!(!text.contains(&format!("timeouts_total{{phase=\"{phase}\"}} 0")), "{text}");
    }
}

#[test]
fn a_head_or_body_that_drips_does_not_win_time() {
    let server = Running::start(impatient());
    for start in [
        "GET /v1/none HTTP/1.1\r\nX-",
        "POST /v1/echo HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nContent-Length: 1000\r\n\r\n",
    ] {
        let mut client = server.connect();
        let begin = Instant::now();
        client.send(start);
        while client.socket.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
            assert!(begin.elapsed() < Duration::from_secs(3), "still open");
        }
        assert!(begin.elapsed() > SHORT);
    }
}

#[test]
fn a_connection_between_two_requests_lives_for_the_idle_time() {
    let server = Running::start(Limits { idle_timeout: Duration::from_millis(900), ..impatient() });
    let mut client = server.connect();
    client.send(&format!("{HEAD}\r\n"));
    client.answer();
    std::thread::sleep(Duration::from_millis(600));
    client.send(&format!("{HEAD}\r\n"));
    client.answer();
    let begin = Instant::now();
    assert!(closed_after(&mut client, begin) > Duration::from_millis(700));
}

#[test]
fn a_client_that_never_reads_is_closed() {
    let server = Running::start(impatient());
    let mut client = server.connect();
    client.send("GET /v1/big HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\n\r\n");
    let begin = Instant::now();
    while server.metrics.connections() > 0 || server.handled() == 0 {
        std::thread::sleep(Duration::from_millis(20));
        assert!(begin.elapsed() < Duration::from_secs(3), "still open");
    }
    let text = server.metrics.render();
    assert!(text.contains("timeouts_total{phase=\"answer\"} 1"), "{text}");
}

#[test]
fn a_large_answer_reaches_a_client_that_reads() {
    let server = Running::start(Limits::default());
    assert_eq!(server.ask("GET", "/v1/big", "", "").body.len(), 64 << 20);
}

#[test]
fn a_long_job_is_no_slow_client() {
    let server = Running::start(impatient());
    let answer = server.ask("POST", "/v1/wait", "", "1500");
    assert_eq!(answer.text(), "\"done\"");
}

#[test]
fn connections_beyond_the_limit_wait_for_room() {
    let server = Running::start(Limits { connections: 2, ..impatient() });
    let _first = server.connect();
    let _second = server.connect();
    std::thread::sleep(Duration::from_millis(100));
    let begin = Instant::now();
    assert_eq!(server.ask("GET", "/v1/none", "", "").status, 204);
    assert!(begin.elapsed() > Duration::from_millis(150), "{:?}", begin.elapsed());
}

#[test]
fn work_of_a_client_that_left_does_not_begin() {
    let server = Running::with(Limits::default(), None, Pool::start("test", 1, 9, LONG).expect("a thread"));
    let wait = "POST /v1/wait HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nContent-Length: 3\r\n\r\n600";
    let mut first = server.connect();
    first.send(wait);
    std::thread::sleep(Duration::from_millis(100));
    let mut gone: Vec<_> = (0..5).map(|_| server.connect()).collect();
    gone.iter_mut().for_each(|client| client.send(wait));
    std::thread::sleep(Duration::from_millis(100));
    drop(gone);
    first.answer();
    let begin = Instant::now();
    assert_eq!(server.ask("POST", "/v1/wait", "", "1").status, 200);
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
}

#[test]
fn a_shutdown_lets_the_running_request_end_and_closes_idle_ones() {
    let mut server = Running::start(Limits::default());
    let mut idle = server.connect();
    idle.send(&format!("{HEAD}\r\n"));
    idle.answer();
    let mut running = server.connect();
    running.send("POST /v1/wait HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nContent-Length: 3\r\n\r\n800");
    std::thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    server.begin_stop();
    assert!(closed_after(&mut idle, begin) < Duration::from_millis(500));
    assert!(TcpStream::connect(server.address).is_err(), "nothing new is accepted");
    let answer = running.answer();
    assert_eq!((answer.text(), answer.header("connection")), ("\"done\"", Some("close")));
    assert!(running.is_closed());
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_shutdown_ends_at_the_grace() {
    let mut server = Running::start(Limits { grace: Duration::from_millis(300), ..Limits::default() });
    let mut running = server.connect();
    running.send("POST /v1/wait HTTP/1.1\r\nHost: x\r\nX-Vault-Token: good\r\nContent-Length: 4\r\n\r\n2000");
    std::thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    assert_eq!(server.stop(), 1);
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(running.is_closed());
}

#[test]
fn an_address_in_use_is_named() {
    let server = Running::start(Limits::default());
    let error = Server::bind(server.address, None, Limits::default()).expect_err("in use");
    assert!(matches!(error, BindError::InUse(address) if address == server.address));
    assert!(error.to_string().contains("in use"));
    let elsewhere = Server::bind("192.0.2.1:1".parse().expect("an address"), None, Limits::default());
    assert!(matches!(elsewhere, Err(BindError::NotHere(_) | BindError::Denied(_))));
}

#[test]
fn probes_answer_without_a_token_and_nothing_else() {
    let metrics = Metrics::new(&[]);
    let server =
        Server::bind("127.0.0.1:0".parse().expect("an address"), None, Limits::default()).expect("a port");
    let address = server.local_addr();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(server.run(Probes::new(&metrics), std::future::pending()))
    });
    for (target, status, part) in [
        ("GET /healthz", "200", "ok"),
        ("GET /metrics", "200", "strongroom_http_connections 0"),
        ("GET /metrics/x", "404", "errors"),
        ("POST /healthz", "404", "errors"),
    ] {
        let mut socket = TcpStream::connect(address).expect("connected");
        write!(socket, "{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("read");
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.contains(part), "{target}: {text}");
    }
}
