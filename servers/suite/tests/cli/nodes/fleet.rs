use std::{
    path::PathBuf,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, LONG, Server, argument, private_file, strongroom};

/// Several servers, each with its way to the one database.
pub(crate) struct Fleet {
    folder: TempDir,
    nodes: Vec<Mutex<Node>>,
    /// What initialization answered.
    pub(crate) made: Value,
}

struct Node {
    store: String,
    server: Server,
    /// What those before it have logged.
    log: String,
}

impl Fleet {
    /// Starts one server for each address of the database, initializes it by the first, and unseals all.
    pub(crate) fn start(stores: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        private_file(folder.path(), "secret", b"a secret of an unseal file, 32 b");
        let mut fleet = Self { nodes: Vec::new(), folder, made: Value::Null };
        for store in stores {
            let server = Server::start(fleet.command(&store));
            fleet.nodes.push(Mutex::new(Node { store, server, log: String::new() }));
            if fleet.made.is_null() {
                let how = json!({ "secret_shares": 3, "secret_threshold": 2 });
                fleet.made = fleet.client(0).good("PUT", "sys/init", &how);
                fleet.unseal(0);
            }
        }
        (0..fleet.len()).for_each(|node| fleet.until_sealed_is(node, false));
        fleet
    }

    /// Unseals a server by two of the shares.
    pub(crate) fn unseal(&self, node: usize) {
        for share in [0, 2] {
            let key = json!({ "key": self.made["keys_base64"][share] });
            self.client(node).good("PUT", "sys/unseal", &key);
        }
    }

    fn command(&self, store: &str) -> Command {
        let mut command = strongroom();
        command.args(["server", "--insecure-http", "--listen", "127.0.0.1:0", "--store", store]);
        command.args(["--unseal-secret", argument(&self.secret())]);
        command
    }

    /// The file whose secret every server has.
    pub(crate) fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, node: usize) -> MutexGuard<'_, Node> {
        self.nodes[node].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a server listens now.
    pub(crate) fn url(&self, node: usize) -> String {
        self.node(node).server.url.clone()
    }

    pub(crate) fn token(&self) -> &str {
        self.made["root_token"].as_str().unwrap_or_default()
    }

    pub(crate) fn client(&self, node: usize) -> Client {
        Client::connect(&self.url(node), self.token()).unwrap()
    }

    /// Kills a server and starts it again after a while, at another address.
    pub(crate) fn kill(&self, node: usize, rest: Duration) {
        let store = {
            let mut node = self.node(node);
            node.server.kill();
            node.store.clone()
        };
        sleep(rest);
        let begun = Instant::now();
        let server = loop {
            match Server::try_start(self.command(&store)) {
                Ok(server) => break server,
                // The database may be away.
                Err(said) => assert!(begun.elapsed() < LONG, "{said}"),
            }
        };
        let mut node = self.node(node);
        let before = std::mem::replace(&mut node.server, server);
        node.log.push_str(&before.said());
    }

    /// All that the servers have logged, also those that were killed.
    pub(crate) fn logs(&self) -> String {
        let log = |node| {
            let node = self.node(node);
            node.log.clone() + &node.server.said()
        };
        (0..self.len()).map(log).collect()
    }

    pub(crate) fn is_sealed(&self, node: usize) -> bool {
        self.client(node).good("GET", "sys/seal-status", &Value::Null)["sealed"].as_bool().unwrap()
    }

    pub(crate) fn until_sealed_is(&self, node: usize, sealed: bool) {
        let begun = Instant::now();
        while self.is_sealed(node) != sealed {
            assert!(begun.elapsed() < LONG, "{}", self.logs());
            sleep(Duration::from_millis(20));
        }
    }
}
