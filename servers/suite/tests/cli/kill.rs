//! SIGKILL of a real server under writers: nothing that was acknowledged is lost.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    path::Path,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Client, Server, dev_token};

const WRITERS: usize = 8;
const ROUNDS: usize = 8;

/// What a server acknowledged of one ring.
#[derive(Default)]
struct Ring {
    version: u64,
    /// What `min_decryption_version` was set to, if it was.
    least: u64,
    /// Ciphertexts with the version that made them.
    sealed: Vec<(u64, String)>,
}

type Rings = BTreeMap<String, Ring>;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_eight_writers() {
    let folder = tempfile::tempdir().unwrap();
    let mut rings = Rings::new();
    let mut server = Server::dev(folder.path(), &[]);
    let token = dev_token(folder.path());
    for round in 0..ROUNDS {
        let before: usize = rings.len();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let client = server.client(&token);
                thread::spawn(move || write(client, &format!("ring-{round}-{writer}")))
            })
            .collect();
        sleep(at_random(150, 500));
        server.kill();
        for writer in writers {
            rings.append(&mut writer.join().unwrap());
        }
        assert!(rings.len() > before, "round {round}: something was acknowledged");
        server = again(folder.path(), &token);
        let mut client = server.client(&token);
        rings.iter().for_each(|(name, ring)| holds(&mut client, name, ring));
    }
    let versions: u64 = rings.values().map(|ring| ring.version).sum();
    assert!(versions > rings.len() as u64, "rings were rotated");
    assert!(rings.values().any(|ring| ring.least > 1), "rings were configured");
}

/// Between 0 and 150 ms: sometimes it is killed before it is ready, and started once more.
fn again(folder: &Path, token: &str) -> Server {
    let mut early = crate::support::strongroom();
    early.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    let mut early =
        early.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    sleep(at_random(0, 150));
    early.kill().unwrap();
    early.wait().unwrap();
    let server = Server::dev(folder, &[]);
    assert_eq!(dev_token(folder), token);
    server
}

fn at_random(least: u64, most: u64) -> Duration {
    Duration::from_millis(least + RandomState::new().hash_one(Instant::now()) % (most - least))
}

/// Creates, uses, rotates and configures rings until the connection breaks; answers what was acknowledged.
fn write(mut client: Client, prefix: &str) -> Rings {
    let mut rings = Rings::new();
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        let mut ring = Ring::default();
        let goes_on = write_one(&mut client, &name, &mut ring).is_some();
        if ring.version > 0 {
            rings.insert(name, ring);
        }
        if !goes_on {
            break;
        }
    }
    rings
}

/// Nothing once the connection broke: the step that got no answer is not in `ring`.
fn write_one(client: &mut Client, name: &str, ring: &mut Ring) -> Option<()> {
    let path = format!("transit/keys/{name}");
    ring.version = acknowledged(client, &path, &json!({}))?["latest_version"].as_u64().unwrap();
    for _ in 0..3 {
        let made =
            acknowledged(client, &format!("transit/encrypt/{name}"), &json!({ "plaintext": "aGVsbG8=" }))?;
        let version = made["key_version"].as_u64().unwrap();
        assert_eq!(version, ring.version, "the newest one encrypts");
        ring.sealed.push((version, made["ciphertext"].as_str().unwrap().to_owned()));
        let rotated = acknowledged(client, &format!("{path}/rotate"), &json!({}))?;
        ring.version = rotated["latest_version"].as_u64().unwrap();
    }
    let least = json!({ "min_decryption_version": 2, "deletion_allowed": true });
    acknowledged(client, &format!("{path}/config"), &least)?;
    ring.least = 2;
    Some(())
}

fn acknowledged(client: &mut Client, path: &str, body: &Value) -> Option<Value> {
    let (status, mut answer) = client.ask("POST", path, body).ok()?;
    assert_eq!(status, 200, "{path}: {answer}");
    Some(answer["data"].take())
}

/// The ring is there, at least as it was acknowledged.
fn holds(client: &mut Client, name: &str, ring: &Ring) {
    let found = client.good("GET", &format!("transit/keys/{name}"), &Value::Null);
    assert!(found["latest_version"].as_u64().unwrap() >= ring.version, "{name}: {found}");
    let least = found["min_decryption_version"].as_u64().unwrap();
    assert!(least >= ring.least, "{name}: {found}");
    for (version, sealed) in &ring.sealed {
        let (status, answer) =
            client.ask("POST", &format!("transit/decrypt/{name}"), &json!({ "ciphertext": sealed })).unwrap();
        if *version < least {
            assert_eq!(status, 400, "{name}: too old");
        } else {
            assert_eq!((status, &answer["data"]["plaintext"]), (200, &json!("aGVsbG8=")), "{name}: {answer}");
        }
    }
}
