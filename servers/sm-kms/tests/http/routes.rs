//! Every route, and what it answers in each state.

use serde_json::{Value, json};

use crate::support::{Request, Vault, b64};

/// Not initialised; sealed; open and no token; open and a wrong token; open and the root token.
pub(crate) type Statuses = [u16; 5];

pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Value,
    pub(crate) statuses: Statuses,
}

impl Route {
    pub(crate) fn request(&self) -> Request {
        Request::new(self.method, self.path).json(&self.body)
    }

    /// Whether it is a write, whose body is read.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.method, "POST" | "PUT")
    }

    pub(crate) fn is_public(&self) -> bool {
        self.statuses[2] == self.statuses[4]
    }
}

fn public(methods: [&'static str; 2], path: &'static str, body: Value, states: [u16; 3]) -> Vec<Route> {
    let [bare, sealed, open] = states;
    let statuses = [bare, sealed, open, open, open];
    methods.map(|method| Route { method, path, body: body.clone(), statuses }).into()
}

fn private(methods: &[&'static str], path: &'static str, body: Value, good: u16) -> Vec<Route> {
    let statuses = [503, 503, 403, 403, good];
    methods.iter().map(|method| Route { method, path, body: body.clone(), statuses }).collect()
}

const READ: [&str; 2] = ["GET", "HEAD"];
const WRITE: [&str; 2] = ["POST", "PUT"];

fn sys() -> Vec<Route> {
    let none = || Value::Null;
    let mut routes = [
        public(READ, "sys/init", none(), [200, 200, 200]),
        public(WRITE, "sys/init", json!({}), [400, 400, 400]),
        public(READ, "sys/seal-status", none(), [200, 200, 200]),
        public(WRITE, "sys/unseal", json!({ "reset": true }), [400, 200, 400]),
        public(READ, "sys/health", none(), [501, 503, 200]),
        public(READ, "sys/leader", none(), [503, 503, 200]),
        private(&WRITE, "sys/rotate", none(), 204),
        private(&WRITE, "sys/rotate/keyring", json!({}), 204),
        private(&WRITE, "sys/rotate/root", none(), 204),
        private(&READ, "sys/key-status", none(), 200),
        private(&READ, "sys/mounts", none(), 200),
        private(&READ, "sys/internal/ui/mounts", none(), 200),
        private(&READ, "sys/internal/ui/mounts/transit", none(), 200),
        private(&READ, "auth/token/lookup-self", none(), 200),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    // Everybody may see that they may use nothing.
    routes
        .iter_mut()
        .filter(|route| route.path == "sys/internal/ui/mounts")
        .for_each(|route| route.statuses[2] = 200);
    routes
}

fn rings() -> Vec<Route> {
    let none = || Value::Null;
    [
        private(&["LIST"], "transit/keys", none(), 200),
        private(&["LIST"], "transit/keys/", none(), 200),
        private(&["GET"], "transit/keys?list=true", none(), 200),
        private(&WRITE, "transit/keys/new", json!({ "type": "ed25519" }), 200),
        private(&READ, "transit/keys/new", none(), 200),
        private(&WRITE, "transit/keys/new/rotate", none(), 200),
        private(&WRITE, "transit/keys/new/config", json!({ "deletion_allowed": true }), 200),
        private(&WRITE, "transit/keys/new/disable", json!({}), 204),
        private(&WRITE, "transit/keys/new/enable", none(), 204),
        private(&["DELETE"], "transit/keys/new", none(), 204),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn uses(ciphertext: &str, ed: &str, p256: &str) -> Vec<Route> {
    let input = b64("input");
    let verify = |signature: &str| json!({ "input": input, "signature": signature });
    [
        private(&WRITE, "transit/encrypt/aes", json!({ "plaintext": input }), 200),
        private(&WRITE, "transit/decrypt/aes", json!({ "ciphertext": ciphertext }), 200),
        private(&WRITE, "transit/rewrap/aes", json!({ "ciphertext": ciphertext }), 200),
        private(&WRITE, "transit/sign/ed", json!({ "input": input }), 200),
        private(&WRITE, "transit/sign/p256/sha2-256", json!({ "input": input }), 200),
        private(&WRITE, "transit/verify/ed", verify(ed), 200),
        private(&WRITE, "transit/verify/p256/sha2-256", verify(p256), 200),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All routes in an order in which each works; only sealing is missing.
pub(crate) fn all(vault: &Vault) -> Vec<Route> {
    let open = vault.node.open().is_some();
    let [ciphertext, ed, p256] = if open {
        [vault.encrypt("aes", "kept"), vault.sign("ed", "input"), vault.sign("p256", "input")]
    } else {
        ["vault:v1:AAAA"; 3].map(String::from)
    };
    [sys(), rings(), uses(&ciphertext, &ed, &p256)].into_iter().flatten().collect()
}

/// Sealing, which ends what is open.
pub(crate) fn seal() -> Vec<Route> {
    let mut routes = private(&WRITE, "sys/seal", Value::Null, 204);
    // What is sealed needs no token to stay so.
    routes.iter_mut().for_each(|route| route.statuses[1] = 204);
    routes
}
