//! What clients call the kinds of keys.

use strongroom_core::Algorithm;

/// Every kind by its name. Where Vault or OpenBao have one, it is theirs; the others are our own.
const TYPES: [(Algorithm, &str); 50] = [
    (Algorithm::Aes256Gcm, "aes256-gcm96"),
    (Algorithm::RawAes128Gcm, "aes128-gcm96"),
    (Algorithm::RawAes192Gcm, "aes192-gcm96"),
    (Algorithm::RawAes256Gcm, "raw-aes256-gcm96"),
    (Algorithm::RawChaCha20Poly1305, "chacha20-poly1305"),
    (Algorithm::RawXChaCha20Poly1305, "xchacha20-poly1305"),
    (Algorithm::Aes256Siv, "aes256-siv"),
    (Algorithm::Ed25519, "ed25519"),
    (Algorithm::EcdsaP256, "ecdsa-p256"),
    (Algorithm::EcdsaP384, "ecdsa-p384"),
    (Algorithm::EcdsaP521, "ecdsa-p521"),
    (Algorithm::EcdsaSecp256k1, "ecdsa-secp256k1"),
    (Algorithm::Rsa2048, "rsa-2048"),
    (Algorithm::Rsa3072, "rsa-3072"),
    (Algorithm::Rsa4096, "rsa-4096"),
    (Algorithm::MlDsa44, "ml-dsa-44"),
    (Algorithm::MlDsa65, "ml-dsa-65"),
    (Algorithm::MlDsa87, "ml-dsa-87"),
    (Algorithm::HmacSha224, "hmac-sha2-224"),
    (Algorithm::HmacSha256, "hmac"),
    (Algorithm::HmacSha384, "hmac-sha2-384"),
    (Algorithm::HmacSha512, "hmac-sha2-512"),
    (Algorithm::HmacSha3_224, "hmac-sha3-224"),
    (Algorithm::HmacSha3_256, "hmac-sha3-256"),
    (Algorithm::HmacSha3_384, "hmac-sha3-384"),
    (Algorithm::HmacSha3_512, "hmac-sha3-512"),
    (Algorithm::CmacAes128, "aes128-cmac"),
    (Algorithm::CmacAes192, "aes192-cmac"),
    (Algorithm::CmacAes256, "aes256-cmac"),
    (Algorithm::KbkdfHmacSha256, "kbkdf-hmac-sha2-256"),
    (Algorithm::EcdhP256, "ecdh-p256"),
    (Algorithm::EcdhP384, "ecdh-p384"),
    (Algorithm::EcdhP521, "ecdh-p521"),
    (Algorithm::X25519, "x25519"),
    (Algorithm::MlKem512, "ml-kem-512"),
    (Algorithm::MlKem768, "ml-kem-768"),
    (Algorithm::MlKem1024, "ml-kem-1024"),
    (Algorithm::XWing, "x-wing"),
    (Algorithm::HpkeX25519, "hpke-x25519"),
    (Algorithm::HpkeP256, "hpke-p256"),
    (Algorithm::HpkeXWing, "hpke-x-wing"),
    (Algorithm::SlhDsaSha2_128s, "slh-dsa-sha2-128s"),
    (Algorithm::SlhDsaSha2_128f, "slh-dsa-sha2-128f"),
    (Algorithm::SlhDsaSha2_192s, "slh-dsa-sha2-192s"),
    (Algorithm::SlhDsaSha2_192f, "slh-dsa-sha2-192f"),
    (Algorithm::SlhDsaSha2_256s, "slh-dsa-sha2-256s"),
    (Algorithm::SlhDsaSha2_256f, "slh-dsa-sha2-256f"),
    (Algorithm::SlhDsaShake128f, "slh-dsa-shake-128f"),
    (Algorithm::SlhDsaShake192f, "slh-dsa-shake-192f"),
    (Algorithm::SlhDsaShake256f, "slh-dsa-shake-256f"),
];

/// Vault's one name for ML-DSA, of which `parameter_set` says the rest.
const ML_DSA: [(Algorithm, &str); 3] =
    [(Algorithm::MlDsa44, "44"), (Algorithm::MlDsa65, "65"), (Algorithm::MlDsa87, "87")];

/// What clients call a kind of ring.
pub fn type_name(algorithm: Algorithm) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == algorithm).map_or("unknown", |(_, name)| name)
}

/// The type and the parameter set that a ring shows.
pub(super) fn shown(algorithm: Algorithm) -> (&'static str, Option<&'static str>) {
    match ML_DSA.iter().find(|(known, _)| *known == algorithm) {
        Some((_, set)) => ("ml-dsa", Some(set)),
        None => (type_name(algorithm), None),
    }
}

/// The kind that is asked for.
pub(super) fn parse(kind: &str, parameter_set: Option<&str>) -> Result<Algorithm, &'static str> {
    match (kind, parameter_set.filter(|set| !set.is_empty())) {
        ("ml-dsa", set) => {
            let found = ML_DSA.iter().find(|(_, known)| Some(*known) == set);
            found.map(|(algorithm, _)| *algorithm).ok_or("ml-dsa needs the parameter_set 44, 65 or 87")
        }
        (_, Some(_)) => Err("parameter_set is for ml-dsa only"),
        ("hmac-sha2-256", None) => Ok(Algorithm::HmacSha256),
        ("managed_key" | "external-key", None) => Err("keys that live elsewhere are not supported"),
        ("slh-dsa" | "hybrid", None) => {
            Err("signatures of this type are not supported: use ml-dsa, or slh-dsa-sha2-128s and its like")
        }
        (name, None) => {
            let found = TYPES.iter().find(|(_, known)| *known == name);
            found.map(|(algorithm, _)| *algorithm).ok_or("unknown or unsupported key type")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_one_name_and_is_found_by_what_it_shows() {
        assert_eq!(TYPES.iter().map(|(_, name)| name).collect::<HashSet<_>>().len(), TYPES.len());
        assert_eq!(TYPES.len(), Algorithm::known().count());
        for algorithm in Algorithm::known() {
            assert_eq!(parse(type_name(algorithm), None), Ok(algorithm));
            let (kind, set) = shown(algorithm);
            assert_eq!(parse(kind, set), Ok(algorithm));
        }
    }
}
