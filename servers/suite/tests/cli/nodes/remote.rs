use std::{thread::sleep, time::Duration};

use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
use serde_json::{Value, json};
use strongroom_keys::envelope::Header;

use super::fleet::Fleet;
use crate::{
    linear::{self, Act, Answer, Shown, Text},
    support::Client,
};

/// Somebody who asks the servers of a fleet, wherever they are.
pub(crate) struct Remote<'f> {
    fleet: &'f Fleet,
    /// By server: where it was, and the connection.
    connections: Vec<Option<(String, Client)>>,
    made: Option<String>,
}

impl<'f> Remote<'f> {
    pub(crate) fn to(fleet: &'f Fleet) -> Self {
        Self { fleet, connections: (0..fleet.len()).map(|_| None).collect(), made: None }
    }

    fn connected(&mut self, node: usize) -> Option<&mut Client> {
        let (url, place) = (self.fleet.url(node), &mut self.connections[node]);
        if place.as_ref().is_none_or(|(before, _)| *before != url) {
            *place = Client::connect(&url, self.fleet.token()).ok().map(|client| (url, client));
        }
        place.as_mut().map(|(_, client)| client)
    }

    fn answer(&mut self, act: Act, status: u16, answer: &Value) -> Option<Answer> {
        let (data, why) = (&answer["data"], answer["errors"][0].as_str().unwrap_or_default());
        match (act, status) {
            (Act::Create { .. } | Act::Read, 200) => Some(Answer::Shown(shown(data))),
            (Act::Rotate, 200) => Some(Answer::Version(number(&data["latest_version"]))),
            (Act::Encrypt, 200) => {
                let made = data["ciphertext"].as_str().unwrap();
                Some(Answer::Made(text(self.made.insert(made.to_owned()))))
            }
            (_, 200 | 204) => Some(Answer::Done),
            (Act::Read, 404) => Some(Answer::Refused("not found")),
            // It was found, and gone before it was read.
            (Act::Create { .. }, 404) => None,
            (_, 400) => Some(Answer::Refused(refusal(why))),
            (_, 503) if NOT_DONE.iter().any(|text| why.contains(text)) => None,
            (_, 500 | 503) => lost(act),
            _ => panic!("{act:?}: {status} {answer}"),
        }
    }
}

impl linear::Client for Remote<'_> {
    type Sealed = String;
    const CREATE: Act = Act::Create { may_exist: true };
    const STATES: bool = false;

    fn ask(&mut self, node: usize, ring: &str, act: Act, sealed: Option<&String>) -> Option<Answer> {
        let Some(client) = self.connected(node) else {
            sleep(Duration::from_millis(20));
            return None;
        };
        let (method, path, body) = request(ring, act, sealed);
        let Ok((status, answer)) = client.ask(method, &path, &body) else {
            self.connections[node] = None;
            return lost(act);
        };
        if status >= 500 {
            sleep(Duration::from_millis(20));
        }
        self.answer(act, status, &answer)
    }

    fn made(&mut self) -> Option<String> {
        self.made.take()
    }
}

fn request(ring: &str, act: Act, sealed: Option<&String>) -> (&'static str, String, Value) {
    let key = format!("transit/keys/{ring}");
    match act {
        Act::Create { .. } => ("POST", key, json!({})),
        Act::Rotate => ("POST", key + "/rotate", json!({})),
        Act::Enable => ("POST", key + "/enable", json!({})),
        Act::Disable => ("POST", key + "/disable", json!({})),
        Act::Least(least) => {
            let settings = json!({ "min_decryption_version": least, "deletion_allowed": true });
            ("POST", key + "/config", settings)
        }
        Act::State(..) => unreachable!("this client brings no version into a state"),
        Act::Delete => ("DELETE", key, Value::Null),
        Act::Read => ("GET", key, Value::Null),
        Act::Encrypt => ("POST", format!("transit/encrypt/{ring}"), json!({ "plaintext": "aGVsbG8=" })),
        Act::Decrypt(_) => ("POST", format!("transit/decrypt/{ring}"), json!({ "ciphertext": sealed })),
    }
}

/// What a change is whose answer is lost; what changes nothing tells nothing then.
fn lost(act: Act) -> Option<Answer> {
    match act {
        Act::Read | Act::Encrypt | Act::Decrypt(_) => None,
        _ => Some(Answer::Unknown),
    }
}

/// Answers after which a change was certainly not made.
const NOT_DONE: [&str; 5] = [
    "Vault is sealed",
    "nothing is served from memory",
    "is being changed too often",
    "too many requests are waiting",
    "the request waited too long",
];

fn refusal(why: &str) -> &'static str {
    let known = [
        ("encryption key not found", "not found"),
        ("the key is disabled", "disabled"),
        ("deletion is not allowed", "not deletable"),
        ("(too old)", "too old"),
        ("no such version", "no version"),
        ("min_decryption_version must be", "invalid"),
        ("does not open", "does not open"),
    ];
    let found = known.iter().find(|(text, _)| why.contains(text));
    found.unwrap_or_else(|| panic!("refused: {why}")).1
}

fn shown(data: &Value) -> Shown {
    let (newest, least) = (number(&data["latest_version"]), number(&data["min_decryption_version"]));
    Shown { newest, least, enabled: data["soft_deleted"] == false }
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn text(ciphertext: &str) -> Text {
    let (_, base64) = ciphertext.rsplit_once(':').unwrap();
    let key = Header::parse(&BASE64.decode(base64).unwrap()).unwrap().key;
    Text { id: key.id, version: key.version }
}
