//! Large bodies, slow clients, and what they cost others.

use std::time::Instant;

use serde_json::{Value, json};
use strongroom_serve::Limits;

use crate::{
    routes::{self, Route},
    support::{LONG, Request, Vault},
};

const SMALL: usize = 64 << 10;

/// The largest body that a route takes.
fn limit(route: &Route) -> usize {
    let small = ["keys", "config", "cache-config", "random", "export", "byok-export", "backup"];
    match route.path.split(['/', '?']).collect::<Vec<_>>()[..] {
        ["transit", what, ..] if !small.contains(&what) => Limits::default().body,
        _ => SMALL,
    }
}

fn head(request: &Request, token: &str, header: &str) -> String {
    let Request { method, path, .. } = request;
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\n{header}\r\n\r\n")
}

#[test]
fn a_body_over_the_limit_of_its_route_is_refused_before_it_comes() {
    let vault = Vault::with_rings();
    for route in routes::all(&vault).iter().chain(&routes::seal()) {
        for length in [limit(route) + 1, 1 << 40, usize::MAX >> 1] {
            let mut client = vault.connect();
            client
                .write(head(&route.request(), &vault.token, &format!("Content-Length: {length}")).as_bytes())
                .unwrap();
            // Nothing of the body is ever sent.
            assert_eq!(client.answer(route.method).status, 413, "{} {} {length}", route.method, route.path);
        }
    }
    assert!(vault.node.open().is_some());
}

#[test]
fn a_chunked_body_is_cut_off_at_the_limit() {
    let vault = Vault::with_rings();
    let chunk = format!("{:x}\r\n{}\r\n", SMALL, " ".repeat(SMALL));
    for (path, chunks) in [
        ("sys/unseal", 2),
        ("transit/keys/x", 2),
        ("transit/encrypt/aes", Limits::default().body / SMALL + 1),
    ] {
        let mut client = vault.connect();
        let request = vault.request("POST", path);
        client.write(head(&request, &vault.token, "Transfer-Encoding: chunked").as_bytes()).unwrap();
        for _ in 0..chunks {
            // The answer may come before the last chunk, and end the connection.
            if client.write(chunk.as_bytes()).is_err() {
                break;
            }
        }
        assert_eq!(client.answer("POST").status, 413, "{path}");
    }
    let mut client = vault.connect();
    let request = vault.request("POST", "transit/encrypt/aes");
    client.write(head(&request, &vault.token, "Transfer-Encoding: chunked").as_bytes()).unwrap();
    client.write(b"8\r\n{\"plaint\r\n8\r\next\":\"\"}\r\n0\r\n\r\n").unwrap();
    assert_eq!(client.answer("POST").status, 200, "chunks below the limit are a body");
}

/// CVE-2025-12044: bodies were read and parsed before the caller was checked.
#[test]
fn the_token_is_checked_before_the_body_is_read() {
    let vault = Vault::with_rings();
    for route in
        routes::all(&vault).iter().chain(&routes::seal()).filter(|route| route.writes() && !route.is_public())
    {
        for header in ["Content-Length: 1000", "Content-Length: 99999999999", "Transfer-Encoding: chunked"] {
            let mut client = vault.connect();
            client.write(head(&route.request(), "wrong", header).as_bytes()).unwrap();
            assert_eq!(client.answer(route.method).status, 403, "{} {header}", route.path);
        }
    }
}

#[test]
fn what_everybody_may_send_is_small() {
    let vault = Vault::sealed();
    for (body, expected) in [(SMALL, 400), (SMALL + 1, 413)] {
        for path in ["sys/init", "sys/unseal"] {
            let request = Request::new("PUT", path).body(vec![b' '; body]);
            assert_eq!(vault.send(&request).status, expected, "{path} {body}");
        }
    }
}

#[test]
fn a_large_message_below_the_limit_comes_back() {
    let vault = Vault::with_rings();
    let plaintext = "x".repeat(1 << 20);
    let ciphertext = vault.encrypt("aes", &plaintext);
    let opened = vault.decrypt("aes", &ciphertext).data();
    assert!(opened["plaintext"] == json!(crate::support::b64(&plaintext)));
    let signature = vault.sign("ed", &plaintext);
    assert_eq!(vault.verify("ed", &plaintext, &signature).data()["valid"], json!(true));
}

#[test]
fn slow_clients_stop_nobody() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "x");
    let mut slow: Vec<_> = (0..200)
        .map(|number| {
            let mut client = vault.connect();
            let begun = match number % 4 {
                0 => String::new(),
                1 => "POST /v1/transit/enc".into(),
                2 => head(&vault.request("POST", "transit/encrypt/aes"), &vault.token, "Content-Length: 100"),
                _ => {
                    head(&Request::new("PUT", "sys/unseal"), "", "Transfer-Encoding: chunked") + "5\r\n{\"key"
                }
            };
            client.write(begun.as_bytes()).unwrap();
            client
        })
        .collect();
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
        assert_eq!(vault.write("transit/keys/aes/rotate", Value::Null).status, 200);
    }
    assert!(begin.elapsed() < LONG / 2, "{:?}", begin.elapsed());
    slow[2].write(&[b' '; 98]).unwrap();
    slow[2].write(b"{}").unwrap();
    assert_eq!(slow[2].answer("POST").error().0, 400, "and a slow one is answered in the end");
}

/// COSMIAN-2026-006: a handful of requests at once were enough to hang or to panic.
#[test]
fn many_requests_at_once_are_all_answered() {
    let vault = Vault::with_rings();
    let routes = routes::all(&vault);
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let (vault, routes) = (&vault, &routes);
            scope.spawn(move || {
                let mut client = vault.connect();
                for route in routes.iter().cycle().skip(worker * 3).take(routes.len()) {
                    let answer = client.exchange(&route.request().token(&vault.token));
                    assert!(answer.status < 500, "{} {} {}", route.method, route.path, answer.text());
                }
            });
        }
    });
    assert_eq!(vault.read("transit/keys/aes").status, 200);
}

#[test]
fn requests_behind_each_other_on_one_connection_are_answered_in_order() {
    let vault = Vault::with_rings();
    let mut client = vault.connect();
    let mut wire = String::new();
    for number in 0..50 {
        let body =
            json!({ "batch_input": [{ "plaintext": "", "reference": format!("{number}") }] }).to_string();
        let request = vault.request("POST", "transit/encrypt/aes");
        wire += &head(&request, &vault.token, &format!("Content-Length: {}", body.len()));
        wire += &body;
    }
    client.write(wire.as_bytes()).unwrap();
    for number in 0..50 {
        let answer = client.answer("POST").data();
        assert_eq!(answer["batch_results"][0]["reference"], json!(format!("{number}")));
    }
    assert!(client.is_quiet());
}
