//! Vault's `transit`: key rings.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use strongroom_core::{Algorithm, Name, RequestId};
use strongroom_keys::{ecdsa_from_der, ecdsa_to_der, public_pem};
use strongroom_kms::{KmsError, Ring, RingVersion, Rings, Settings, Signature, from_text, to_text};
use strongroom_serve::{Head, Limits, Method, Response, StatusCode, json as body_json};

use crate::{
    answer,
    payload::{Payload, encode},
    routes::{Access, name},
};

/// What is asked below `transit`.
#[derive(Debug)]
pub enum Operation {
    /// `LIST keys`
    List,
    /// On the ring itself.
    Ring(RingOperation, Name),
    /// With its keys.
    Use(Use, Name),
}

/// What is done to a ring.
#[derive(Debug, Clone, Copy)]
pub enum RingOperation {
    /// `POST keys/NAME`
    Create,
    /// `GET keys/NAME`
    Read,
    /// `DELETE keys/NAME`
    Delete,
    /// `POST keys/NAME/rotate`
    Rotate,
    /// `POST keys/NAME/config`
    Configure,
    /// `POST keys/NAME/disable`
    Disable,
    /// `POST keys/NAME/enable`
    Enable,
}

/// What is done with a ring.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// `POST encrypt/NAME`
    Encrypt,
    /// `POST decrypt/NAME`
    Decrypt,
    /// `POST rewrap/NAME`
    Rewrap,
    /// `POST sign/NAME`
    Sign,
    /// `POST verify/NAME`
    Verify,
}

/// Which part of a listing is asked for.
#[derive(Debug)]
pub(crate) struct Page {
    after: Option<Name>,
    limit: usize,
}

/// Items of one batch.
const BATCH: usize = 1_000;
/// Names of one listing, unless fewer are asked for.
const PAGE: usize = 1_000;
/// Bodies up to this size are worked on at once; larger ones go to the pool.
const INLINE: usize = 64 << 10;

impl Page {
    /// Vault's `after` and `limit` of a listing.
    pub(crate) fn of(head: &Head<'_>) -> Result<Self, Response> {
        let after = match head.parameter("after").map_err(Response::from)? {
            Some(text) if !text.is_empty() => Some(name(&text)?),
            _ => None,
        };
        let limit = match head.parameter("limit").map_err(Response::from)? {
            Some(text) => text.parse().ok().filter(|limit| *limit > 0),
            None => Some(usize::MAX),
        };
        let limit = limit.ok_or_else(|| answer::bad_request("limit must be a positive number"))?;
        Ok(Self { after, limit })
    }
}

impl Operation {
    pub(crate) fn route(method: Method, lists: bool, path: &[&str]) -> Result<Self, Response> {
        use Method::{Delete, Get, List, Post, Put};
        let write = matches!(method, Post | Put);
        let operation = match path {
            ["keys"] if method == List || lists => return Ok(Self::List),
            ["keys", text] => (
                *text,
                match method {
                    Post | Put => Some(RingOperation::Create),
                    Get | Method::Head => Some(RingOperation::Read),
                    Delete => Some(RingOperation::Delete),
                    _ => None,
                },
            ),
            ["keys", text, "rotate"] => (*text, write.then_some(RingOperation::Rotate)),
            ["keys", text, "config"] => (*text, write.then_some(RingOperation::Configure)),
            ["keys", text, "disable"] => (*text, write.then_some(RingOperation::Disable)),
            ["keys", text, "enable"] => (*text, write.then_some(RingOperation::Enable)),
            ["keys"] => return Err(answer::no_operation()),
            [verb, text] => {
                let using = match *verb {
                    "encrypt" => Use::Encrypt,
                    "decrypt" => Use::Decrypt,
                    "rewrap" => Use::Rewrap,
                    "sign" => Use::Sign,
                    "verify" => Use::Verify,
                    _ => return Err(answer::no_route()),
                };
                let using = write.then_some(using).ok_or_else(answer::no_operation)?;
                return Ok(Self::Use(using, name(text)?));
            }
            _ => return Err(answer::no_route()),
        };
        let (text, operation) = operation;
        Ok(Self::Ring(operation.ok_or_else(answer::no_operation)?, name(text)?))
    }

    /// Whether the answer needs memory only.
    pub(crate) fn inline(&self, access: &Access, length: usize) -> bool {
        match self {
            Self::Use(_, name) => length <= INLINE && rings(access).cached(name),
            Self::List | Self::Ring(..) => false,
        }
    }

    pub(crate) fn answer(self, access: &Access, page: &Page, id: RequestId, body: &[u8]) -> Response {
        let rings = rings(access);
        let answered = match self {
            Self::List => list(&rings, page, id),
            Self::Ring(operation, name) => ring(&rings, operation, &name, id, body),
            Self::Use(using, name) => used(&rings, using, &name, id, body),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }
}

fn rings(access: &Access) -> Rings {
    access.open.kms.on_behalf_of(access.caller)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    body_json::parse_or_empty(body, &Limits::default()).map_err(Response::from)
}

fn refused(error: KmsError) -> Response {
    answer::refused(&error)
}

fn list(rings: &Rings, page: &Page, id: RequestId) -> Result<Response, Response> {
    let (mut names, mut after) = (Vec::new(), page.after.clone());
    while names.len() < page.limit {
        let rows = rings.list(after.as_ref(), PAGE.min(page.limit - names.len())).map_err(refused)?;
        after = rows.last().cloned();
        let last = rows.len() < PAGE;
        names.extend(rows);
        if last {
            break;
        }
    }
    if names.is_empty() {
        return Err(Response::errors(StatusCode::NOT_FOUND, &[]));
    }
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    Ok(answer::data(id, &json!({ "keys": names })))
}

#[derive(Deserialize)]
struct CreateRequest {
    #[serde(rename = "type")]
    kind: Option<String>,
    derived: Option<bool>,
    convergent_encryption: Option<bool>,
    exportable: Option<bool>,
    allow_plaintext_backup: Option<bool>,
}

#[derive(Deserialize)]
struct ConfigRequest {
    min_decryption_version: Option<u32>,
    min_encryption_version: Option<u32>,
    deletion_allowed: Option<bool>,
}

fn ring(
    rings: &Rings,
    operation: RingOperation,
    name: &Name,
    id: RequestId,
    body: &[u8],
) -> Result<Response, Response> {
    let shown = |ring: &Ring| answer::data(id, &view(name, ring));
    let done = || Response::empty(StatusCode::NO_CONTENT);
    match operation {
        RingOperation::Create => create(rings, name, body).map(|ring| shown(&ring)),
        RingOperation::Read => match rings.read(name) {
            Ok(ring) => Ok(shown(&ring)),
            Err(KmsError::NotFound) => Err(Response::errors(StatusCode::NOT_FOUND, &[])),
            Err(error) => Err(refused(error)),
        },
        RingOperation::Delete => rings.delete(name).map(|()| done()).map_err(refused),
        RingOperation::Rotate => {
            rings.rotate(name).and_then(|_| rings.read(name)).map(|ring| shown(&ring)).map_err(refused)
        }
        RingOperation::Configure => {
            let ConfigRequest { min_decryption_version, min_encryption_version, deletion_allowed } =
                parse(body)?;
            let settings = Settings { min_decryption_version, min_encryption_version, deletion_allowed };
            rings.configure(name, &settings).map(|ring| shown(&ring)).map_err(refused)
        }
        RingOperation::Disable => rings.disable(name).map(|()| done()).map_err(refused),
        RingOperation::Enable => rings.enable(name).map(|()| done()).map_err(refused),
    }
}

/// Creates a ring; one that is there already with the same type is answered as it is.
fn create(rings: &Rings, name: &Name, body: &[u8]) -> Result<Ring, Response> {
    let request: CreateRequest = parse(body)?;
    let flags =
        [request.derived, request.convergent_encryption, request.exportable, request.allow_plaintext_backup];
    if flags.contains(&Some(true)) {
        return Err(answer::bad_request("derived, convergent and exportable keys are not supported"));
    }
    let asked = match request.kind.as_deref() {
        None => None,
        Some(kind) => Some(
            Algorithm::ALL
                .into_iter()
                .find(|known| type_name(*known) == kind)
                .ok_or_else(|| answer::bad_request("unknown or unsupported key type"))?,
        ),
    };
    match rings.create(name, asked.unwrap_or(Algorithm::Aes256Gcm)) {
        Err(KmsError::Exists) => {
            let ring = rings.read(name).map_err(refused)?;
            if asked.is_some_and(|asked| asked != ring.algorithm) {
                return Err(answer::bad_request("a key of this name and of another type exists"));
            }
            Ok(ring)
        }
        other => other.map_err(refused),
    }
}

fn type_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::EcdsaP256 => "ecdsa-p256",
        _ => "aes256-gcm96",
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
        "latest_version": ring.versions.last().map_or(0, |version| version.version),
        "min_available_version": 0,
        "min_decryption_version": ring.min_decryption_version,
        "min_encryption_version": ring.min_encryption_version,
        "name": name.as_str(),
        "soft_deleted": ring.disabled,
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

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct UseRequest<T> {
    batch_input: Option<Vec<T>>,
    partial_failure_response_code: Option<u16>,
}

/// One thing to do, and whether it is the only one of its request.
trait Item: DeserializeOwned {
    type Done: Serialize;

    fn run(&self, rings: &Rings, using: Use, name: &Name, shared: &Shared) -> Result<Self::Done, ItemError>;

    fn reference(&self) -> &str;
}

/// Why one item of a batch failed.
enum ItemError {
    Input(&'static str),
    Kms(KmsError),
}

impl From<&'static str> for ItemError {
    fn from(text: &'static str) -> Self {
        Self::Input(text)
    }
}

impl From<KmsError> for ItemError {
    fn from(error: KmsError) -> Self {
        Self::Kms(error)
    }
}

impl ItemError {
    fn response(self) -> Response {
        match self {
            Self::Input(text) => answer::bad_request(text),
            Self::Kms(error) => answer::refused(&error),
        }
    }
}

#[derive(Serialize)]
struct Outcome<T> {
    #[serde(flatten)]
    done: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    reference: String,
}

/// What stands once in a request and concerns all its items.
#[derive(Default, Deserialize)]
struct Shared {
    hash_algorithm: Option<String>,
    prehashed: Option<bool>,
    marshaling_algorithm: Option<String>,
}

fn used(rings: &Rings, using: Use, name: &Name, id: RequestId, body: &[u8]) -> Result<Response, Response> {
    match using {
        Use::Encrypt | Use::Decrypt | Use::Rewrap => {
            all::<Crypt>(rings, using, name, id, body, Shared::default())
        }
        Use::Sign | Use::Verify => all::<Sign>(rings, using, name, id, body, parse(body)?),
    }
}

fn all<T: Item>(
    rings: &Rings,
    using: Use,
    name: &Name,
    id: RequestId,
    body: &[u8],
    shared: Shared,
) -> Result<Response, Response> {
    if !body.windows(11).any(|window| window == b"batch_input") {
        let item: T = parse(body)?;
        let done = item.run(rings, using, name, &shared).map_err(ItemError::response)?;
        return Ok(answer::data(id, &done));
    }
    let request: UseRequest<T> = parse(body)?;
    let Some(items) = request.batch_input else {
        let item: T = parse(body)?;
        let done = item.run(rings, using, name, &shared).map_err(ItemError::response)?;
        return Ok(answer::data(id, &done));
    };
    if items.is_empty() {
        return Err(answer::bad_request("missing batch input to process"));
    }
    if items.len() > BATCH {
        return Err(answer::bad_request("a batch has at most 1,000 items: split it"));
    }
    let mut outcomes = Vec::with_capacity(items.len());
    for item in &items {
        let reference = item.reference().to_owned();
        outcomes.push(match item.run(rings, using, name, &shared) {
            Ok(done) => Outcome { done: Some(done), error: None, reference },
            // What concerns every item is the answer to the whole.
            Err(ItemError::Kms(error @ (KmsError::Store(_) | KmsError::NotFound | KmsError::Commit(_)))) => {
                return Err(answer::refused(&error));
            }
            Err(ItemError::Kms(error)) => Outcome { done: None, error: Some(error.to_string()), reference },
            Err(ItemError::Input(text)) => Outcome { done: None, error: Some(text.to_owned()), reference },
        });
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let code = request.partial_failure_response_code.filter(|_| failed < outcomes.len());
    let status = match (failed, using, code) {
        (0, ..) | (_, Use::Rewrap | Use::Sign | Use::Verify, None) => StatusCode::OK,
        (_, _, Some(code)) => StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST),
        (_, _, None) => StatusCode::BAD_REQUEST,
    };
    Ok(answer::data_with(status, id, &json!({ "batch_results": outcomes })))
}

#[derive(Deserialize)]
struct Crypt {
    #[serde(default)]
    plaintext: Payload,
    ciphertext: Option<String>,
    #[serde(default)]
    associated_data: Payload,
    key_version: Option<i64>,
    reference: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Crypted {
    Sealed { ciphertext: String, key_version: u32 },
    Opened { plaintext: String },
}

impl Item for Crypt {
    type Done = Crypted;

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &Shared) -> Result<Crypted, ItemError> {
        let additional = self.associated_data.optional()?;
        let version = asked_version(self.key_version)?;
        let ciphertext = || match self.ciphertext.as_deref() {
            None | Some("") => Err(ItemError::Input("missing ciphertext to decrypt")),
            Some(text) => Ok(from_text(text)?),
        };
        let sealed = match using {
            Use::Encrypt => {
                let plaintext = self.plaintext.required("missing plaintext to encrypt")?;
                rings.encrypt_with(name, version, plaintext, additional)?
            }
            Use::Rewrap => rings.rewrap_with(name, version, &ciphertext()?, additional)?,
            _ => {
                let plaintext = rings.decrypt(name, &ciphertext()?, additional)?;
                return Ok(Crypted::Opened { plaintext: encode(&plaintext) });
            }
        };
        let ciphertext = to_text(&sealed)?;
        let key_version =
            strongroom_keys::envelope::Header::parse(&sealed).map_err(KmsError::from)?.key.version;
        Ok(Crypted::Sealed { ciphertext, key_version })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }
}

fn asked_version(version: Option<i64>) -> Result<Option<u32>, ItemError> {
    version
        .map(|version| u32::try_from(version).map_err(|_| "key_version must not be negative".into()))
        .transpose()
}

#[derive(Deserialize)]
struct Sign {
    #[serde(default)]
    input: Payload,
    signature: Option<String>,
    key_version: Option<i64>,
    reference: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Signed {
    Made { signature: String, key_version: u32 },
    Checked { valid: bool },
}

/// How a signature is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marshaling {
    Asn1,
    Jws,
}

impl Shared {
    fn marshaling(&self) -> Result<Marshaling, ItemError> {
        match self.marshaling_algorithm.as_deref() {
            None | Some("" | "asn1") => Ok(Marshaling::Asn1),
            Some("jws") => Ok(Marshaling::Jws),
            Some(_) => Err(ItemError::Input("marshaling_algorithm must be asn1 or jws")),
        }
    }

    /// The hash comes from the key; a request may only name it.
    fn check_hash(&self) -> Result<(), ItemError> {
        match self.hash_algorithm.as_deref() {
            None | Some("" | "sha2-256") => Ok(()),
            Some(_) => Err(ItemError::Input("hash_algorithm must be sha2-256 for this key type")),
        }
    }
}

impl Item for Sign {
    type Done = Signed;

    fn run(&self, rings: &Rings, using: Use, name: &Name, shared: &Shared) -> Result<Signed, ItemError> {
        let input = self.input.required("missing input to sign or verify")?;
        let marshaling = shared.marshaling()?;
        let prehashed = shared.prehashed.unwrap_or(false);
        let algorithm = rings.algorithm(name)?;
        if algorithm == Algorithm::EcdsaP256 {
            shared.check_hash()?;
        }
        if matches!(using, Use::Sign) {
            let version = asked_version(self.key_version)?;
            let made = if prehashed {
                rings.sign_digest(name, version, input)?
            } else {
                rings.sign(name, version, input)?
            };
            let signature = marshal(algorithm, marshaling, &made)?;
            return Ok(Signed::Made { signature, key_version: made.version });
        }
        let text = self.signature.as_deref().filter(|text| !text.is_empty());
        let text = text.ok_or(ItemError::Input("missing signature to verify"))?;
        let Some(signature) = unmarshal(algorithm, marshaling, text)? else {
            return Ok(Signed::Checked { valid: false });
        };
        let valid = if prehashed {
            rings.verify_digest(name, input, &signature)?
        } else {
            rings.verify(name, input, &signature)?
        };
        Ok(Signed::Checked { valid })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }
}

fn marshal(algorithm: Algorithm, how: Marshaling, signature: &Signature) -> Result<String, KmsError> {
    let text = match (algorithm, how) {
        (_, Marshaling::Jws) => URL_SAFE_NO_PAD.encode(&signature.bytes),
        (Algorithm::EcdsaP256, Marshaling::Asn1) => encode(&ecdsa_to_der(&signature.bytes)?),
        (_, Marshaling::Asn1) => encode(&signature.bytes),
    };
    Ok(format!("vault:v{}:{text}", signature.version))
}

/// A signature from its text; nothing where it has the right form but cannot be right.
fn unmarshal(algorithm: Algorithm, how: Marshaling, text: &str) -> Result<Option<Signature>, ItemError> {
    let rest = text.strip_prefix("vault:v").ok_or("invalid signature: no prefix")?;
    let (version, text) = rest.split_once(':').ok_or("invalid signature: wrong number of fields")?;
    let version = version.parse().map_err(|_| "invalid signature: version number could not be decoded")?;
    let bytes = match how {
        Marshaling::Jws => URL_SAFE_NO_PAD.decode(text),
        Marshaling::Asn1 => base64::engine::general_purpose::STANDARD.decode(text),
    };
    let bytes = bytes.map_err(|_| "invalid signature: could not decode base64")?;
    let bytes = match (algorithm, how) {
        (Algorithm::EcdsaP256, Marshaling::Asn1) => match ecdsa_from_der(&bytes) {
            Ok(bytes) => bytes.to_vec(),
            Err(_) => return Ok(None),
        },
        _ => bytes,
    };
    Ok(Some(Signature { version, bytes }))
}
