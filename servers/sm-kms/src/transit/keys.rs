use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};
use strongroom_core::{Algorithm, Failure, Name, Verdict};
use strongroom_keys::public_pem;
use strongroom_kms::{KmsError, Ring, RingState, RingVersion, Rings, Settings};
use strongroom_serve::{Response, StatusCode};

use super::{Page, RingOperation};
use crate::{
    answer::{self, Reply, refused},
    loose::{Flag, Number},
    payload::{check, encode, take},
};

/// Names that are read at once.
const PAGE: usize = 1_000;

/// The kinds of ring that clients make.
const CREATED: [Algorithm; 3] = [Algorithm::Aes256Gcm, Algorithm::Ed25519, Algorithm::EcdsaP256];

const CREATE: &[&str] = &[
    "type",
    "derived",
    "convergent_encryption",
    "exportable",
    "allow_plaintext_backup",
    "auto_rotate_period",
];
const CONFIG: &[&str] = &[
    "min_decryption_version",
    "min_encryption_version",
    "deletion_allowed",
    "exportable",
    "allow_plaintext_backup",
    "auto_rotate_period",
];

#[derive(Deserialize)]
struct CreateRequest {
    #[serde(rename = "type")]
    kind: Option<String>,
    derived: Option<Flag>,
    convergent_encryption: Option<Flag>,
    #[serde(flatten)]
    unsupported: Unsupported,
}

#[derive(Deserialize)]
struct ConfigRequest {
    min_decryption_version: Option<Number>,
    min_encryption_version: Option<Number>,
    deletion_allowed: Option<Flag>,
    #[serde(flatten)]
    unsupported: Unsupported,
}

/// What Vault's clients may ask for and nobody gets.
#[derive(Deserialize)]
struct Unsupported {
    exportable: Option<Flag>,
    allow_plaintext_backup: Option<Flag>,
    auto_rotate_period: Option<Value>,
}

impl Unsupported {
    fn refuse(&self) -> Result<(), Response> {
        let period = match &self.auto_rotate_period {
            None | Some(Value::Null) => false,
            Some(Value::Number(number)) => number.as_u64() != Some(0),
            Some(Value::String(text)) => !matches!(text.as_str(), "" | "0" | "0s"),
            Some(_) => true,
        };
        if self.exportable == Some(Flag(true)) || self.allow_plaintext_backup == Some(Flag(true)) {
            return Err(answer::bad_request("keys are never exported and have no plaintext backup"));
        }
        if period {
            Err(answer::bad_request("auto_rotate_period is not supported: rotate by a call"))
        } else {
            Ok(())
        }
    }
}

pub(super) fn list(rings: &Rings, page: &Page, reply: Reply) -> Result<Response, Response> {
    let (mut names, mut after) = (Vec::new(), page.after.clone());
    while names.len() < page.limit {
        let rows = rings
            .list(after.as_ref(), PAGE.min(page.limit - names.len()))
            .map_err(|error| refused(&error))?;
        after = rows.last().cloned();
        let last = rows.len() < PAGE;
        names.extend(rows);
        if last {
            break;
        }
    }
    if names.is_empty() {
        return Err(answer::nothing());
    }
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    Ok(reply.data(&json!({ "keys": names })))
}

pub(super) fn answer(
    rings: &Rings,
    operation: RingOperation,
    name: &Name,
    mut reply: Reply,
    body: &[u8],
) -> Result<Response, Response> {
    let done = |outcome: Result<(), KmsError>| outcome.map(|()| Response::empty(StatusCode::NO_CONTENT));
    let ring = match operation {
        RingOperation::Create => {
            let body = check(body)?;
            reply.ignored(body, CREATE);
            let (ring, created) = create(rings, name, &take(body)?)?;
            let answer = reply.data(&view(name, &ring));
            // Nothing was changed, so no change tells of it.
            return Ok(if created { answer } else { answer.told(Verdict::Failed(Failure::Conflict)) });
        }
        RingOperation::Read => match rings.read(name) {
            Err(KmsError::NotFound) => return Err(answer::nothing()),
            read => read,
        },
        RingOperation::Rotate => {
            let body = check(body)?;
            reply.ignored(body, &[]);
            take::<IgnoredAny>(body)?;
            rings.rotate_and_read(name)
        }
        RingOperation::Configure => {
            let body = check(body)?;
            reply.ignored(body, CONFIG);
            let settings = settings(&take(body)?, &mut reply)?;
            rings.configure(name, &settings)
        }
        RingOperation::Delete => return done(rings.delete(name)).map_err(|error| refused(&error)),
        RingOperation::Disable => {
            take::<IgnoredAny>(check(body)?)?;
            return done(rings.disable(name)).map_err(|error| refused(&error));
        }
        RingOperation::Enable => {
            take::<IgnoredAny>(check(body)?)?;
            return done(rings.enable(name)).map_err(|error| refused(&error));
        }
    };
    ring.map(|ring| reply.data(&view(name, &ring))).map_err(|error| refused(&error))
}

/// Creates a ring; one that is there already with the same type is answered as it is. Also whether it was created.
fn create(rings: &Rings, name: &Name, request: &CreateRequest) -> Result<(Ring, bool), Response> {
    if request.derived == Some(Flag(true)) || request.convergent_encryption == Some(Flag(true)) {
        return Err(answer::bad_request("derived and convergent keys are not supported"));
    }
    request.unsupported.refuse()?;
    let asked = match request.kind.as_deref() {
        None => None,
        Some(kind) => Some(
            CREATED
                .into_iter()
                .find(|known| type_name(*known) == kind)
                .ok_or_else(|| answer::bad_request("unknown or unsupported key type"))?,
        ),
    };
    match rings.create(name, asked.unwrap_or(Algorithm::Aes256Gcm)) {
        Err(KmsError::Exists) => {
            let ring = rings.read(name).map_err(|error| refused(&error))?;
            if asked.is_some_and(|asked| asked != ring.algorithm) {
                return Err(answer::bad_request("a key of this name and of another type exists")
                    .told(Verdict::Failed(Failure::Conflict)));
            }
            Ok((ring, false))
        }
        other => other.map(|ring| (ring, true)).map_err(|error| refused(&error)),
    }
}

fn settings(request: &ConfigRequest, reply: &mut Reply) -> Result<Settings, Response> {
    let ConfigRequest { min_decryption_version, min_encryption_version, deletion_allowed, unsupported } =
        request;
    unsupported.refuse()?;
    let mut min_decryption_version = version(*min_decryption_version)?;
    if min_decryption_version == Some(0) {
        min_decryption_version = Some(1);
        reply.warn("min_decryption_version starts at 1: 0 was taken for 1".to_owned());
    }
    let min_encryption_version = version(*min_encryption_version)?;
    let deletion_allowed = deletion_allowed.map(|Flag(allowed)| allowed);
    Ok(Settings { min_decryption_version, min_encryption_version, deletion_allowed, ..Settings::NONE })
}

fn version(number: Option<Number>) -> Result<Option<u32>, Response> {
    number
        .map(|Number(number)| {
            u32::try_from(number).map_err(|_| answer::bad_request("a version is negative or too large"))
        })
        .transpose()
}

/// What clients call a kind of ring.
pub fn type_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::EcdsaP256 => "ecdsa-p256",
        Algorithm::Aes256Gcm => "aes256-gcm96",
        Algorithm::RawAes128Gcm => "raw-aes128-gcm96",
        Algorithm::RawAes192Gcm => "raw-aes192-gcm96",
        Algorithm::RawAes256Gcm => "raw-aes256-gcm96",
        Algorithm::RawChaCha20Poly1305 => "raw-chacha20-poly1305",
        Algorithm::RawXChaCha20Poly1305 => "raw-xchacha20-poly1305",
        Algorithm::Aes256Siv => "aes256-siv",
        Algorithm::HmacSha224 => "hmac-sha2-224",
        Algorithm::HmacSha256 => "hmac-sha2-256",
        Algorithm::HmacSha384 => "hmac-sha2-384",
        Algorithm::HmacSha512 => "hmac-sha2-512",
        Algorithm::HmacSha3_224 => "hmac-sha3-224",
        Algorithm::HmacSha3_256 => "hmac-sha3-256",
        Algorithm::HmacSha3_384 => "hmac-sha3-384",
        Algorithm::HmacSha3_512 => "hmac-sha3-512",
        Algorithm::CmacAes128 => "aes128-cmac",
        Algorithm::CmacAes192 => "aes192-cmac",
        Algorithm::CmacAes256 => "aes256-cmac",
        Algorithm::KbkdfHmacSha256 => "kbkdf-hmac-sha2-256",
        _ => "unknown",
    }
}

fn view(name: &Name, ring: &Ring) -> Value {
    let live = ring.versions.iter().filter(|version| version.version >= ring.min_decryption_version);
    let keys: Map<_, _> =
        live.map(|version| (version.version.to_string(), version_view(ring.algorithm, version))).collect();
    let signs = ring.algorithm.signs();
    json!({
        "allow_plaintext_backup": false,
        "auto_rotate_period": 0,
        "deletion_allowed": ring.deletion_allowed,
        "derived": false,
        "exportable": false,
        "imported_key": false,
        "keys": keys,
        "latest_version": ring.latest_version,
        "min_available_version": 0,
        "min_decryption_version": ring.min_decryption_version,
        "min_encryption_version": ring.min_encryption_version,
        "name": name.as_str(),
        "soft_deleted": ring.state == RingState::Disabled,
        "supports_decryption": !signs,
        "supports_derivation": false,
        "supports_encryption": !signs,
        "supports_signing": signs,
        "type": type_name(ring.algorithm),
    })
}

fn version_view(algorithm: Algorithm, version: &RingVersion) -> Value {
    let Some(public) = &version.public else { return json!(version.made.as_millis() / 1000) };
    let (name, key) = match algorithm {
        Algorithm::EcdsaP256 => ("P-256", public_pem(public).unwrap_or_default()),
        _ => ("ed25519", encode(&public.bytes)),
    };
    let made = answer::rfc3339(version.made);
    json!({ "certificate_chain": "", "creation_time": made, "name": name, "public_key": key })
}
