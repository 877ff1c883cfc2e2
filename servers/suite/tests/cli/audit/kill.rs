//! SIGKILL under load: every change that was answered has exactly one event, no event is without its change, and
//! checkpoints never go back.

use std::{
    env,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use strongroom_store_postgres::testing::{Database, database};

use super::book::Book;
use crate::support::{Client, Server, argument, dev_token, private_file, strongroom};

const WRITERS: usize = 4;

/// How often it is killed: `STRONGROOM_KILLS`, or a few times.
fn kills(few: usize) -> usize {
    env::var("STRONGROOM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// The rings that a writer tried to make, each with the versions that were acknowledged.
type Rings = Vec<(String, u64)>;

/// Writes through a server until it is killed.
struct Load {
    writers: Vec<JoinHandle<Rings>>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    fn on(server: &Server, token: &str, prefix: &str) -> Self {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writer = |number: usize| {
            let (client, acknowledged) = (server.client(token), Arc::clone(&acknowledged));
            let prefix = format!("{prefix}-{number}");
            thread::spawn(move || write(client, &prefix, &acknowledged))
        };
        Self { writers: (0..WRITERS).map(writer).collect(), acknowledged }
    }

    /// Waits until as many changes were acknowledged as there are writers, and then a little.
    fn run(&self) {
        let begin = Instant::now();
        while self.acknowledged.load(Ordering::Relaxed) < WRITERS {
            assert!(begin.elapsed() < crate::support::LONG, "nothing is acknowledged");
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(RandomState::new().hash_one(Instant::now()) % 300));
    }

    fn rings(self) -> Rings {
        self.writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    }
}

fn write(mut client: Client, prefix: &str, acknowledged: &AtomicUsize) -> Rings {
    let mut rings = Rings::new();
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        rings.push((name.clone(), 0));
        for path in [format!("transit/keys/{name}"), format!("transit/keys/{name}/rotate")] {
            let Ok((status, answer)) = client.ask("POST", &path, &json!({})) else { return rings };
            assert_eq!(status, 200, "{path}: {answer}");
            acknowledged.fetch_add(1, Ordering::Relaxed);
            if let Some((_, versions)) = rings.last_mut() {
                *versions += 1;
            }
        }
    }
    rings
}

#[test]
fn what_was_acknowledged_has_exactly_one_event_after_every_kill_and_checkpoints_never_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::dev(folder.path(), &[]);
    let token = dev_token(folder.path());
    let mut book = Book::open(&mut server.client(&token));
    let mut changes = 0;
    for round in 0..kills(15) {
        let load = Load::on(&server, &token, &format!("ring-{round}"));
        load.run();
        server.kill();
        let rings = load.rings();
        server = Server::dev(folder.path(), &[]);
        let mut client = server.client(&token);
        book.update(&mut client);
        changes += book.tells_all(&mut client, &rings);
    }
    told("one server on SQLite", kills(15), changes, WRITERS);
}

/// That enough was acknowledged before the kills to show something; the figures are for whoever runs it for long.
fn told(what: &str, kills: usize, changes: u64, least: usize) {
    println!("{what}: {kills} kills, {changes} acknowledged changes, each with its event");
    assert!(changes as usize >= kills * least, "{changes} changes in {kills} kills");
}

/// Nodes that share a database on PostgreSQL.
struct Nodes {
    store: String,
    secret: PathBuf,
}

impl Nodes {
    fn on(database: &Database, port: u16, folder: &Path) -> Self {
        let store = format!("postgres://postgres@127.0.0.1:{port}/{}?sslmode=disable", database.name());
        Self { store, secret: private_file(folder, "unseal.key", &[7; 32]) }
    }

    fn start(&self) -> Server {
        let mut command = strongroom();
        command.args(["server", "--insecure-http", "--listen", "127.0.0.1:0", "--store", &self.store]);
        command.args(["--unseal-secret", argument(&self.secret)]);
        Server::start(command)
    }

    /// Initialises the database; answers the root token.
    fn initialize(&self) -> String {
        let server = self.start();
        let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let (status, made) = server.client("").ask("PUT", "sys/init", &body).unwrap();
        assert_eq!(status, 200, "{made}");
        made["root_token"].as_str().unwrap().to_owned()
    }
}

#[test]
fn two_nodes_on_postgresql_of_which_one_is_killed_log_every_change_once() {
    let Some(database) = database() else { return };
    let (folder, proxy) = (tempfile::tempdir().unwrap(), database.proxy());
    let nodes = Nodes::on(&database, proxy.port(), folder.path());
    let token = nodes.initialize();
    let mut pair = [nodes.start(), nodes.start()];
    let mut book = Book::open(&mut pair[0].client(&token));
    let (rounds, mut changes) = (kills(8).div_ceil(2), 0);
    for round in 0..rounds {
        let (killed, other) = (round % 2, (round + 1) % 2);
        let load = Load::on(&pair[killed], &token, &format!("ring-{round}"));
        let steady = Load::on(&pair[other], &token, &format!("steady-{round}"));
        load.run();
        pair[killed].kill();
        let mut rings = load.rings();
        // The other one goes on alone, and has by now taken over what the killed one left.
        sleep(Duration::from_millis(200));
        steady.run();
        pair[other].kill();
        rings.extend(steady.rings());
        pair = [nodes.start(), nodes.start()];
        let mut client = pair[killed].client(&token);
        book.update(&mut client);
        changes += book.tells_all(&mut client, &rings);
    }
    told("two nodes on PostgreSQL", rounds * 2, changes, WRITERS);
    assert!(pair[0].client(&token).ask("GET", "sys/health", &Value::Null).is_ok());
}
