//! What a ring shows, in the shape of Vault.

use serde_json::{Map, Value, json};
use strongroom_core::{Algorithm, HashAlgorithm, Name, PublicKey, Purpose};
use strongroom_keys::public_pem;
use strongroom_kms::{Ring, RingState, RingVersion, VersionState};

use super::{policy, types};
use crate::{answer, payload::encode};

pub(super) fn shown(name: &Name, ring: &Ring) -> Value {
    let keys: Map<_, _> = live(ring)
        .map(|version| (version.version.to_string(), version_shown(ring.algorithm, version)))
        .collect();
    let algorithm = ring.algorithm;
    let symmetric = matches!(algorithm.purpose(), Purpose::Envelope | Purpose::Aead);
    let encrypts = symmetric || algorithm.opens();
    let (kind, _) = types::shown(algorithm);
    let mut shown = json!({
        "allow_plaintext_backup": ring.plaintext_backup,
        "auto_rotate_period": ring.rotation_period.map_or(0, |period| period.as_secs()),
        "deletion_allowed": ring.deletion_allowed,
        "derived": ring.derived,
        "exportable": ring.exportable,
        "imported_key": ring.imported,
        "keys": keys,
        "latest_version": ring.latest_version,
        "min_available_version": if ring.min_available_version > 1 { ring.min_available_version } else { 0 },
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
    if let Some(members) = shown.as_object_mut() {
        members.extend(further(ring).into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    shown
}

/// What only some rings show, and what Vault's do not.
fn further(ring: &Ring) -> Vec<(&'static str, Value)> {
    let mut further = vec![("state", ring_word(ring.state).into()), ("version_states", version_states(ring))];
    if let (_, Some(set)) = types::shown(ring.algorithm) {
        further.push(("parameter_set", set.into()));
    }
    if ring.derived {
        further.push(("convergent_encryption", ring.algorithm.is_deterministic().into()));
    }
    if let Some(hash) = HashAlgorithm::ALL.into_iter().find(|hash| hash.hmac() == Some(ring.algorithm)) {
        further.push(("key_size", hash.size().into()));
    }
    if let Some(policy) = policy::shown(&ring.policy) {
        further.push(("policy", policy));
    }
    if ring.imported {
        further.push(("imported_key_allow_rotation", ring.allow_rotation.into()));
    }
    if !ring.publish_delay.is_zero() {
        further.push(("publish_delay", ring.publish_delay.as_secs().into()));
    }
    if let Some(deletion) = ring.deletion {
        further.push(("deletion_time", answer::rfc3339(deletion).into()));
    }
    further
}

fn version_states(ring: &Ring) -> Value {
    let word = |version: &RingVersion| (version.version.to_string(), version_word(version.state).into());
    Value::Object(live(ring).map(word).collect())
}

/// The versions that a ring shows.
fn live(ring: &Ring) -> impl Iterator<Item = &RingVersion> {
    ring.versions.iter().filter(|version| version.version >= ring.min_decryption_version)
}

pub(super) const fn ring_word(state: RingState) -> &'static str {
    match state {
        RingState::Creating => "creating",
        RingState::PendingImport => "pending_import",
        RingState::Active => "active",
        RingState::Disabled => "disabled",
        RingState::PendingDeletion => "pending_deletion",
        RingState::Destroyed => "destroyed",
    }
}

const fn version_word(state: VersionState) -> &'static str {
    match state {
        VersionState::PreActive => "pre_active",
        VersionState::Active => "active",
        VersionState::Suspended => "suspended",
        VersionState::Deactivated => "deactivated",
        VersionState::Compromised => "compromised",
        VersionState::Destroyed => "destroyed",
    }
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
pub(super) fn public_text(public: &PublicKey) -> String {
    match public.algorithm {
        Algorithm::Ed25519 => encode(&public.bytes),
        _ => public_pem(public).unwrap_or_else(|_| encode(&public.bytes)),
    }
}
