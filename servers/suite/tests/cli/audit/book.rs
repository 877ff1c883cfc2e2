use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom::audit::{ConsistencyProof, SignedCheckpoint, VerifierKey};

use crate::support::Client;

/// What somebody outside keeps of a log: its key, the newest checkpoint, and how often each ring was created and rotated
/// by what the log says.
pub(super) struct Book {
    key: VerifierKey,
    checkpoint: String,
    next: String,
    told: BTreeMap<(String, String), u64>,
}

impl Book {
    /// From now on.
    pub(super) fn open(client: &mut Client) -> Self {
        let key = client.good("GET", "audit/key", &Value::Null)["key"].as_str().unwrap().to_owned();
        let next = client.good("GET", "audit/tail", &Value::Null)["next"].as_str().unwrap().to_owned();
        let checkpoint = client.text("GET", "audit/checkpoint", &Value::Null);
        Self { key: VerifierKey::parse(&key).unwrap(), checkpoint, next, told: BTreeMap::new() }
    }

    /// Checks that the log goes on from the checkpoint that was kept, keeps the newest, and reads what came in.
    pub(super) fn update(&mut self, client: &mut Client) {
        let proof = client.text("POST", "audit/consistency", &json!({ "checkpoint": self.checkpoint }));
        let (old, new) = ConsistencyProof::parse(&proof).unwrap().verify(&self.key).unwrap();
        assert_eq!(&old, SignedCheckpoint::parse(&self.checkpoint).unwrap().verify(&self.key).unwrap());
        assert!(new.size >= old.size && new.commit >= old.commit, "{old:?} {new:?}");
        self.checkpoint = client.text("GET", "audit/checkpoint", &Value::Null);
        loop {
            let path = format!("audit/tail?service=kms&outcome=allowed&limit=1000&after={}", self.next);
            let page = client.good("GET", &path, &Value::Null);
            self.next = page["next"].as_str().unwrap().to_owned();
            for event in page["events"].as_array().unwrap() {
                let name = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
                *self.told.entry((name("resource"), name("action"))).or_default() += 1;
            }
            // That it was asked is an event as well, so the place goes on all the same.
            if page["events"].as_array().unwrap().is_empty() {
                return;
            }
        }
    }

    /// That each ring has exactly the events of what was done to it; answers how many changes were acknowledged.
    pub(super) fn tells_all(&self, client: &mut Client, rings: &[(String, u64)]) -> u64 {
        rings.iter().for_each(|(ring, acknowledged)| self.tells(client, ring, *acknowledged));
        rings.iter().map(|(_, acknowledged)| acknowledged).sum()
    }

    fn tells(&self, client: &mut Client, ring: &str, acknowledged: u64) {
        let told =
            |action: &str| self.told.get(&(ring.to_owned(), action.to_owned())).copied().unwrap_or_default();
        let path = format!("transit/keys/{ring}");
        let (status, found) = client.ask("GET", &path, &Value::Null).unwrap();
        let version = if status == 200 { found["data"]["latest_version"].as_u64().unwrap() } else { 0 };
        assert!(version >= acknowledged, "{ring}: {version} of {acknowledged}");
        assert_eq!(told("create"), version.min(1), "{ring}: created");
        assert_eq!(told("rotate"), version.saturating_sub(1), "{ring}: rotated");
    }
}
