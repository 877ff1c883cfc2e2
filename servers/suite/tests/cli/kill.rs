//! SIGKILL of a real server under writers: nothing that was acknowledged is lost.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Client, Server, dev_token, strongroom};

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
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut writer = Writer {
                    client: server.client(&token),
                    prefix: format!("ring-{round}-{writer}"),
                    acknowledged: Arc::clone(&acknowledged),
                };
                thread::spawn(move || writer.write())
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < WRITERS {
            sleep(Duration::from_millis(1));
        }
        sleep(at_random(0, 350));
        server.kill();
        for writer in writers {
            rings.append(&mut writer.join().unwrap());
        }
        server = again(folder.path(), &token);
        let mut client = server.client(&token);
        rings.iter().for_each(|(name, ring)| holds(&mut client, name, ring));
    }
    let versions: u64 = rings.values().map(|ring| ring.version).sum();
    assert!(versions > rings.len() as u64, "rings were rotated");
    assert!(rings.values().any(|ring| ring.least > 1), "rings were configured");
}

/// Starts it again; before that it is killed once more, perhaps while it recovers.
fn again(folder: &Path, token: &str) -> Server {
    let mut early = strongroom();
    early.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    let mut early = early.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
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

struct Writer {
    client: Client,
    prefix: String,
    /// What all writers of a round were answered.
    acknowledged: Arc<AtomicUsize>,
}

impl Writer {
    /// Creates, uses, rotates and configures rings until the connection breaks; answers what was acknowledged.
    fn write(&mut self) -> Rings {
        let mut rings = Rings::new();
        for number in 0.. {
            let name = format!("{}-{number}", self.prefix);
            let mut ring = Ring::default();
            let goes_on = self.write_one(&name, &mut ring).is_some();
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
    fn write_one(&mut self, name: &str, ring: &mut Ring) -> Option<()> {
        let path = format!("transit/keys/{name}");
        ring.version = self.post(&path, &json!({}))?["latest_version"].as_u64().unwrap();
        for _ in 0..3 {
            let made = self.post(&format!("transit/encrypt/{name}"), &json!({ "plaintext": "aGVsbG8=" }))?;
            let version = made["key_version"].as_u64().unwrap();
            assert_eq!(version, ring.version, "the newest one encrypts");
            ring.sealed.push((version, made["ciphertext"].as_str().unwrap().to_owned()));
            let rotated = self.post(&format!("{path}/rotate"), &json!({}))?;
            ring.version = rotated["latest_version"].as_u64().unwrap();
        }
        self.post(&format!("{path}/config"), &json!({ "min_decryption_version": 2 }))?;
        ring.least = 2;
        Some(())
    }

    fn post(&mut self, path: &str, body: &Value) -> Option<Value> {
        let (status, mut answer) = self.client.ask("POST", path, body).ok()?;
        assert_eq!(status, 200, "{path}: {answer}");
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        Some(answer["data"].take())
    }
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
