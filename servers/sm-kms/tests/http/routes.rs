//! Every route, and what it answers in each state.

use serde_json::{Value, json};
use strongroom::audit::LogId;
use strongroom_barrier::{NewSlot, Split, UnsealSecret};
use strongroom_core::{Caller, Tenant};

use crate::support::{Request, Vault, b64};

/// Not initialised; sealed; open and no token; open and a wrong token; open and the root token.
pub(crate) type Statuses = [u16; 5];

pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) statuses: Statuses,
}

impl Route {
    pub(crate) fn request(&self) -> Request {
        Request::new(self.method, &self.path).json(&self.body)
    }

    /// Whether it is a write, whose body is read.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.method, "POST" | "PUT")
    }

    pub(crate) fn is_public(&self) -> bool {
        self.statuses[2] == self.statuses[4]
    }
}

fn public(methods: [&'static str; 2], path: &str, body: Value, states: [u16; 3]) -> Vec<Route> {
    let [bare, sealed, open] = states;
    let statuses = [bare, sealed, open, open, open];
    methods.map(|method| Route { method, path: path.into(), body: body.clone(), statuses }).into()
}

fn private(methods: &[&'static str], path: &str, body: Value, good: u16) -> Vec<Route> {
    let statuses = [503, 503, 403, 403, good];
    methods.iter().map(|method| Route { method, path: path.into(), body: body.clone(), statuses }).collect()
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

/// What the routes of slots and tenants work on; where nothing is open, it is not there.
struct Upkeep {
    /// In use.
    slot: String,
    /// To be removed.
    spare: String,
    proposed: [String; 2],
    /// The first tenant.
    tenant: String,
    /// To be shredded.
    doomed: [String; 2],
}

impl Upkeep {
    fn of(vault: &Vault) -> Self {
        let nobody = || "0f".repeat(16);
        let Some(open) = vault.node.open() else {
            let (two, also) = ([nobody(), nobody()], [nobody(), nobody()]);
            return Self { slot: nobody(), spare: nobody(), proposed: two, tenant: nobody(), doomed: also };
        };
        let (unsealed, caller) = (&open.unsealed, Caller::system());
        let hex = |id: [u8; 16]| Tenant::from_bytes(id).to_string();
        let slots = vault.node.sealed().unwrap().status().unwrap().slots;
        let slot = slots.iter().find(|slot| slot.split.is_some()).unwrap().id;
        let secret = UnsealSecret::new(vec![7; 32]).unwrap();
        let spare = unsealed.add_slot(&caller, &NewSlot::Secret(&secret), None).unwrap().id;
        let split = Split { shares: 3, threshold: 2 };
        Self {
            slot: hex(slot),
            spare: hex(spare),
            proposed: [(); 2].map(|()| hex(unsealed.propose(&caller, slot, split).unwrap().id)),
            tenant: unsealed.first_tenant().to_string(),
            doomed: [(); 2].map(|()| unsealed.create_tenant(&caller).unwrap().to_string()),
        }
    }
}

fn upkeep(on: &Upkeep) -> Vec<Route> {
    let none = || Value::Null;
    let Upkeep { slot, spare, proposed: [proposed, also], tenant, doomed: [doomed, next] } = on;
    let at = |id: &str, verb: &str| format!("sys/slots/{id}{verb}");
    let of = |tenant: &str, verb: &str| format!("sys/tenants/{tenant}{verb}");
    let secret = json!({ "kind": "secret", "secret": b64([9; 32]), "label": "added" });
    let split = json!({ "kind": "shamir", "shares": 3, "threshold": 2 });
    [
        private(&READ, "sys/slots", none(), 200),
        private(&["LIST"], "sys/slots", none(), 200),
        private(&WRITE, "sys/slots", secret, 200),
        private(&WRITE, "sys/slots/verify", json!({ "secret": b64([9; 32]) }), 200),
        private(&READ, &at(slot, ""), none(), 200),
        private(&WRITE, &at(slot, ""), json!({ "label": "custodians" }), 204),
        private(&WRITE, &at(slot, "/replace"), split, 200),
        private(&WRITE, &at(proposed, "/confirm"), json!({ "reset": true }), 200),
        private(&["POST"], &at(proposed, "/cancel"), none(), 204),
        private(&["PUT"], &at(also, "/cancel"), none(), 204),
        private(&["DELETE"], &at(spare, ""), none(), 204),
        private(&READ, "sys/rotation/status", none(), 200),
        private(&READ, "sys/rotation/config", none(), 200),
        private(&WRITE, "sys/rotation/config", json!({ "root_seconds": 86_400 }), 204),
        private(&["POST"], "sys/reseal", none(), 204),
        private(&["PUT"], "sys/reseal", json!({ "tenant": doomed }), 204),
        private(&WRITE, "sys/scrub", none(), 204),
        private(&WRITE, "sys/renew", json!({ "again": true }), 200),
        private(&READ, "sys/renew", none(), 200),
        private(&READ, "sys/renew/1", none(), 200),
        private(&READ, "sys/tenants", none(), 200),
        private(&["LIST"], "sys/tenants", none(), 200),
        private(&READ, &of(tenant, ""), none(), 200),
        private(&["POST"], &of(doomed, "/shred"), json!({ "confirm": doomed }), 200),
        private(&["PUT"], &of(next, "/shred"), json!({ "confirm": next }), 200),
        private(&READ, "sys/backup", none(), 200),
        // This server has no folder for them.
        private(&WRITE, "sys/backup", none(), 400),
    ]
    .into_iter()
    .flatten()
    .collect()
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
        private(&["DELETE"], "transit/keys/new/soft-delete", none(), 200),
        private(&WRITE, "transit/keys/new/soft-delete-restore", none(), 200),
        private(&["POST"], "transit/keys/new/schedule-deletion", json!({ "wait": "7d" }), 200),
        private(&["PUT"], "transit/keys/new/schedule-deletion", none(), 400),
        private(&["POST"], "transit/keys/new/cancel-deletion", none(), 200),
        private(&["PUT"], "transit/keys/new/cancel-deletion", none(), 400),
        private(
            &WRITE,
            "transit/keys/new/config",
            json!({ "min_decryption_version": 2, "min_encryption_version": 2 }),
            200,
        ),
        private(&WRITE, "transit/keys/new/trim", json!({ "min_available_version": 2 }), 200),
        // Once only: the second finds nothing to do.
        private(&["POST"], "transit/keys/new/versions/3/suspend", none(), 200),
        private(&["PUT"], "transit/keys/new/versions/3/suspend", none(), 400),
        private(&["POST"], "transit/keys/new/versions/3/resume", none(), 200),
        private(&["PUT"], "transit/keys/new/versions/3/resume", none(), 400),
        private(&["POST"], "transit/keys/new/versions/3/deactivate", none(), 200),
        private(&["PUT"], "transit/keys/new/versions/3/deactivate", none(), 400),
        private(&["POST"], "transit/keys/new/versions/3/compromise", none(), 200),
        private(&["PUT"], "transit/keys/new/versions/3/compromise", none(), 400),
        private(&["PUT"], "transit/keys/new/versions/3/destroy", none(), 200),
        private(&["POST"], "transit/keys/new/versions/3/destroy", none(), 400),
        private(&READ, "transit/cache-config", none(), 200),
        private(&WRITE, "transit/cache-config", json!({ "size": 0 }), 200),
        private(&READ, "transit/config/keys", none(), 200),
        private(&WRITE, "transit/config/keys", json!({ "disable_upsert": true }), 200),
        private(&["DELETE"], "transit/keys/new", none(), 204),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the routes that use rings work on; where nothing is open, it is not there.
struct Made {
    ciphertext: String,
    ed: String,
    p256: String,
    code: String,
    encapsulated: String,
    peer: String,
}

impl Made {
    fn of(vault: &Vault) -> Self {
        let none = || "vault:v1:AAAA".to_owned();
        if vault.node.open().is_none() {
            let [ciphertext, ed, p256, code, encapsulated, peer] = [(); 6].map(|()| none());
            return Self { ciphertext, ed, p256, code, encapsulated, peer };
        }
        let make = |path: &str, body: Value| vault.write(&format!("transit/{path}"), body).data();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for (name, kind) in [
            ("cmac", "aes128-cmac"),
            ("kdf", "kbkdf-hmac-sha2-256"),
            ("kem", "ml-kem-768"),
            ("x25519", "x25519"),
        ] {
            make(&format!("keys/{name}"), json!({ "type": kind }));
        }
        Self {
            ciphertext: vault.encrypt("aes", "kept"),
            ed: vault.sign("ed", "input"),
            p256: vault.sign("p256", "input"),
            code: text(&make("hmac/aes", json!({ "input": b64("input") }))["hmac"]),
            encapsulated: text(&make("encapsulate/kem", json!({}))["ciphertext"]),
            peer: text(&vault.read("transit/keys/x25519").data()["keys"]["1"]["public_key"]),
        }
    }
}

/// The public key of RFC 8410, section 10.1.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

/// All that brings keys in, out and back.
fn transfers() -> Vec<Route> {
    let none = || Value::Null;
    let half = || json!({ "public_key": PUBLIC, "type": "ed25519" });
    let damaged = || json!({ "backup": b64("SRKB") });
    [
        private(&["GET"], "transit/wrapping_key", none(), 200),
        private(&["POST"], "transit/keys/half/import", half(), 204),
        // There is one of this name.
        private(&["PUT"], "transit/keys/half/import", half(), 400),
        private(&WRITE, "transit/keys/half/import_version", half(), 204),
        private(&["GET"], "transit/export/public-key/half", none(), 200),
        private(&["GET"], "transit/export/signing-key/ed/latest", none(), 400),
        private(&["GET"], "transit/byok-export/ed/half", none(), 400),
        private(&["GET"], "transit/byok-export/ed/half/1", none(), 400),
        private(&["GET"], "transit/backup/aes", none(), 200),
        private(&WRITE, "transit/restore", damaged(), 400),
        private(&WRITE, "transit/restore/back", damaged(), 400),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn uses(made: &Made) -> Vec<Route> {
    let Made { ciphertext, ed, p256, code, encapsulated, peer } = made;
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
        private(&WRITE, "transit/verify/aes", json!({ "input": input, "hmac": code }), 200),
        private(&WRITE, "transit/hmac/aes", json!({ "input": input }), 200),
        private(&WRITE, "transit/hmac/aes/sha3-512", json!({ "input": input }), 200),
        private(&WRITE, "transit/cmac/cmac", json!({ "input": input }), 200),
        private(&WRITE, "transit/datakey/plaintext/aes", json!({ "bits": 128 }), 200),
        private(&WRITE, "transit/datakey/wrapped/aes", Value::Null, 200),
        private(&WRITE, "transit/agree/x25519", json!({ "peer_public_key": peer }), 200),
        private(&WRITE, "transit/encapsulate/kem", Value::Null, 200),
        private(&WRITE, "transit/decapsulate/kem", json!({ "ciphertext": encapsulated }), 200),
        private(&WRITE, "transit/derive/kdf", json!({ "label": input }), 200),
        private(&WRITE, "transit/random", Value::Null, 200),
        private(&WRITE, "transit/random/16", Value::Null, 200),
        private(&WRITE, "transit/random/platform", Value::Null, 200),
        private(&WRITE, "transit/random/all/16", json!({ "format": "hex" }), 200),
        private(&WRITE, "transit/hash", json!({ "input": input }), 200),
        private(&WRITE, "transit/hash/sha2-512", json!({ "input": input }), 200),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the log of events has by now; where nothing is open, it has nothing.
fn kept_checkpoint(vault: &Vault) -> String {
    let Some(open) = vault.node.open() else { return String::new() };
    vault.node.tend();
    let tenant = LogId::Tenant(open.unsealed.first_tenant());
    open.audit().unwrap().checkpoint(tenant).unwrap().to_string()
}

fn audit(checkpoint: &str) -> Vec<Route> {
    let none = || Value::Null;
    let event = json!({ "service": "kms", "action": "create", "resource": "elsewhere" });
    let handed = json!({ "producer": "0f".repeat(16), "number": 1, "events": [event] });
    let month = json!({ "month": "2015-01", "confirm": "2015-01" });
    [
        private(&WRITE, &format!("audit/producer/{}", "0f".repeat(16)), json!({ "services": ["kms"] }), 204),
        private(&READ, "audit/producer", none(), 200),
        private(&["POST"], "audit/events", handed.clone(), 200),
        // The same once more is no news.
        private(&["PUT"], "audit/events", handed, 200),
        private(&READ, "audit/events?action=create&order=oldest&limit=1", none(), 200),
        private(&READ, "audit/system/events?action=unseal", none(), 200),
        private(&READ, "audit/tail", none(), 200),
        private(&READ, "audit/export?limit=1", none(), 200),
        private(&READ, "audit/checkpoint", none(), 200),
        private(&READ, "audit/global/checkpoint", none(), 200),
        private(&READ, "audit/key", none(), 200),
        private(&READ, "audit/tile/0/000.p/1", none(), 200),
        private(&READ, "audit/global/tile/0/000.p/1", none(), 200),
        private(&READ, "audit/tile/entries/000.p/1", none(), 200),
        private(&READ, "audit/events/000.p/1", none(), 200),
        private(&READ, "audit/proof/0", none(), 200),
        private(&READ, "audit/consistency?from=1&to=2", none(), 200),
        private(&WRITE, "audit/consistency?from=1&to=2", json!({ "checkpoint": checkpoint }), 200),
        private(&READ, "audit/retention", none(), 200),
        private(&WRITE, "audit/retention", json!({ "rules": [] }), 204),
        private(&["POST"], "audit/hold/suit", json!({ "resource": "aes" }), 204),
        // There is one of this name.
        private(&["PUT"], "audit/hold/suit", none(), 409),
        private(&READ, "audit/hold", none(), 200),
        private(&["DELETE"], "audit/hold/suit", none(), 204),
        // Nothing was logged then.
        private(&WRITE, "audit/prune", month, 404),
        private(&READ, "sys/audit", none(), 200),
        // There is one device, always.
        private(&["POST", "PUT", "DELETE"], "sys/audit/file", none(), 400),
        private(&WRITE, "sys/audit-hash/log", json!({ "input": "text" }), 200),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All routes in an order in which each works; only sealing is missing.
pub(crate) fn all(vault: &Vault) -> Vec<Route> {
    let uses = uses(&Made::of(vault));
    let upkeep = upkeep(&Upkeep::of(vault));
    let audit = audit(&kept_checkpoint(vault));
    [upkeep, sys(), rings(), uses, transfers(), audit].into_iter().flatten().collect()
}

/// Sealing, which ends what is open.
pub(crate) fn seal() -> Vec<Route> {
    let mut routes = private(&WRITE, "sys/seal", Value::Null, 204);
    // What is sealed needs no token to stay so.
    routes.iter_mut().for_each(|route| route.statuses[1] = 204);
    routes
}
