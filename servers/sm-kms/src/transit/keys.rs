use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use strongroom_core::{Algorithm, Failure, Name, Verdict};
use strongroom_kms::{KmsError, Ring, Rings, Settings};
use strongroom_serve::{Response, StatusCode};

use super::{Page, RingOperation, shown::shown, types};
use crate::{
    answer::{self, Reply, refused},
    loose::{Flag, Number},
    payload::{check, take},
};

/// Names that are read at once.
const PAGE: usize = 1_000;

const CREATE: &[&str] = &[
    "type",
    "parameter_set",
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
    parameter_set: Option<String>,
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
            let answer = reply.data(&shown(name, &ring));
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
        // OpenBao answers with the key.
        RingOperation::SoftDelete => rings.disable(name).and_then(|()| rings.read(name)),
        RingOperation::SoftRestore => {
            take::<IgnoredAny>(check(body)?)?;
            rings.enable(name).and_then(|()| rings.read(name))
        }
    };
    ring.map(|ring| reply.data(&shown(name, &ring))).map_err(|error| refused(&error))
}

/// Creates a ring; one that is there already with the same type is answered as it is. Also whether it was created.
fn create(rings: &Rings, name: &Name, request: &CreateRequest) -> Result<(Ring, bool), Response> {
    if request.derived == Some(Flag(true)) || request.convergent_encryption == Some(Flag(true)) {
        return Err(answer::bad_request("derived and convergent keys are not supported"));
    }
    request.unsupported.refuse()?;
    let asked = match request.kind.as_deref() {
        None => None,
        Some(kind) => {
            Some(types::parse(kind, request.parameter_set.as_deref()).map_err(answer::bad_request)?)
        }
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
