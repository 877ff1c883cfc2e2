//! What a ring shows, in the shape of Vault.

use serde_json::{Map, Value, json};
use strongroom_core::{Algorithm, Name, PublicKey, Purpose};
use strongroom_keys::public_pem;
use strongroom_kms::{Ring, RingState, RingVersion};

use super::types;
use crate::{answer, payload::encode};

pub(super) fn shown(name: &Name, ring: &Ring) -> Value {
    let live = ring.versions.iter().filter(|version| version.version >= ring.min_decryption_version);
    let keys: Map<_, _> =
        live.map(|version| (version.version.to_string(), version_shown(ring.algorithm, version))).collect();
    let algorithm = ring.algorithm;
    let symmetric = matches!(algorithm.purpose(), Purpose::Envelope | Purpose::Aead);
    let encrypts = symmetric || algorithm.opens();
    let (kind, parameter_set) = types::shown(algorithm);
    let mut shown = json!({
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
        "supports_decryption": encrypts,
        "supports_derivation": symmetric,
        "supports_encryption": encrypts,
        "supports_signing": algorithm.signs(),
        "type": kind,
    });
    if let (Some(set), Some(members)) = (parameter_set, shown.as_object_mut()) {
        members.insert("parameter_set".into(), set.into());
    }
    shown
}

fn version_shown(algorithm: Algorithm, version: &RingVersion) -> Value {
    let Some(public) = &version.public else { return json!(version.made.as_millis() / 1000) };
    let name = match algorithm {
        Algorithm::EcdsaP256 => "P-256",
        Algorithm::EcdsaP384 => "P-384",
        Algorithm::EcdsaP521 => "P-521",
        _ => types::type_name(algorithm),
    };
    let made = answer::rfc3339(version.made);
    let key = public_text(public);
    json!({ "certificate_chain": "", "creation_time": made, "name": name, "public_key": key })
}

/// PEM; of Ed25519, as in Vault, and of keys that have no such form, base64 of the bytes.
fn public_text(public: &PublicKey) -> String {
    match public.algorithm {
        Algorithm::Ed25519 => encode(&public.bytes),
        _ => public_pem(public).unwrap_or_else(|_| encode(&public.bytes)),
    }
}
