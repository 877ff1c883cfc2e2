//! NIST's own vectors: whole files, as far as they are of what is here.

use strongroom_core::{
    Algorithm::{
        self, CmacAes128, CmacAes192, CmacAes256, HmacSha224, HmacSha256, HmacSha384, HmacSha512,
        RawAes128Gcm, RawAes192Gcm, RawAes256Gcm,
    },
    HashAlgorithm, Provider,
};
use strongroom_keys::{KeyWrap, RustCrypto, kbkdf};

use crate::{
    rsp::{Case, cases},
    support::{decrypted, encrypted, key, key_drawing},
};

const GCM: [(Algorithm, usize); 3] = [(RawAes128Gcm, 128), (RawAes192Gcm, 192), (RawAes256Gcm, 256)];

/// The cases with a nonce and a tag of our lengths; each file has as many of the others, by section.
fn gcm(file: &str) -> Option<Vec<Case>> {
    let ours = |case: &Case| case.text("IVlen") == "96" && case.text("Taglen") == "128";
    Some(cases(file)?.into_iter().filter(ours).collect())
}

#[test]
fn gcm_encrypt() {
    for (algorithm, bits) in GCM {
        let Some(cases) = gcm(&format!("ciphers/AES/GCM/gcmEncryptExtIV{bits}.rsp")) else { return };
        let mut compared = 0;
        for case in cases {
            let key = key_drawing(algorithm, &case.bytes("Key"), case.bytes("IV")).unwrap();
            let expected = ["IV", "CT", "Tag"].map(|field| case.bytes(field)).concat();
            assert_eq!(encrypted(&*key, &case.bytes("AAD"), &case.bytes("PT")), expected);
            compared += 1;
        }
        assert_eq!(compared, 375, "{algorithm:?}");
    }
}

#[test]
fn gcm_decrypt() {
    for (algorithm, bits) in GCM {
        let Some(cases) = gcm(&format!("ciphers/AES/GCM/gcmDecrypt{bits}.rsp")) else { return };
        let (mut opened, mut failed) = (0, 0);
        for case in cases {
            let key = key(algorithm, &case.bytes("Key")).unwrap();
            let whole = ["IV", "CT", "Tag"].map(|field| case.bytes(field)).concat();
            let expected = (!case.fails()).then(|| case.bytes("PT"));
            assert_eq!(decrypted(&*key, &case.bytes("AAD"), &whole), expected);
            *if expected.is_some() { &mut opened } else { &mut failed } += 1;
        }
        assert!(opened > 150 && failed > 150 && opened + failed == 375, "{opened} {failed}");
    }
}

#[test]
fn kbkdf_in_counter_mode() {
    let Some(cases) = cases("KDF/nist-800-108-KBKDF-CTR.txt") else { return };
    let mut compared = 0;
    for case in cases {
        // Ours counts in 32 bits before the fixed input. SHA-1 and Triple DES are not here.
        if (case.text("CTRLOCATION"), case.text("RLEN")) != ("BEFORE_FIXED", "32_BITS") {
            continue;
        }
        let algorithm = match case.text("PRF") {
            "CMAC_AES128" => CmacAes128,
            "CMAC_AES192" => CmacAes192,
            "CMAC_AES256" => CmacAes256,
            "HMAC_SHA224" => HmacSha224,
            "HMAC_SHA256" => HmacSha256,
            "HMAC_SHA384" => HmacSha384,
            "HMAC_SHA512" => HmacSha512,
            _ => continue,
        };
        let (key, expected) = (key(algorithm, &case.bytes("KI")).unwrap(), case.bytes("KO"));
        let derived = kbkdf(&*key, &case.bytes("FixedInputData"), expected.len()).unwrap();
        assert_eq!(*derived, expected, "{algorithm:?} {}", case.text("COUNT"));
        compared += 1;
    }
    assert_eq!(compared, 7 * 40);
}

/// The files named `…_inv` are of the inverse cipher in the forward direction, which is another algorithm.
#[test]
fn key_wrap() {
    for (wrap, name) in [(KeyWrap::Kw, "KW"), (KeyWrap::Kwp, "KWP")] {
        for bits in [128, 192, 256] {
            let Some(wrapped) = cases(&format!("keywrap/kwtestvectors/{name}_AE_{bits}.txt")) else { return };
            for case in &wrapped {
                let made = wrap.wrap(&case.bytes("K"), &case.bytes("P")).unwrap();
                assert_eq!(made, case.bytes("C"), "{name} {bits} {}", case.text("COUNT"));
            }
            let unwrapped = cases(&format!("keywrap/kwtestvectors/{name}_AD_{bits}.txt")).unwrap();
            for case in &unwrapped {
                let key = wrap.unwrap(&case.bytes("K"), &case.bytes("C")).ok();
                let expected = (!case.fails()).then(|| case.bytes("P"));
                assert_eq!(key.map(|key| key.to_vec()), expected, "{name} {bits} {}", case.text("COUNT"));
            }
            assert_eq!((wrapped.len(), unwrapped.len()), (500, 500));
        }
    }
}

#[test]
fn cmac() {
    for (algorithm, bits) in [(CmacAes128, 128), (CmacAes192, 192), (CmacAes256, 256)] {
        let Some(cases) = cases(&format!("CMAC/nist-800-38b-aes{bits}.txt")) else { return };
        assert_eq!(cases.len(), 4);
        for case in cases {
            let key = key(algorithm, &case.bytes("KEY")).unwrap();
            assert_eq!(*key.compute_mac(&case.bytes("MESSAGE")).unwrap(), case.bytes("OUTPUT"));
        }
    }
}

#[test]
fn hashes() {
    let provider = RustCrypto::new();
    for (hash, name) in [
        (HashAlgorithm::Sha224, "SHA2/SHA224"),
        (HashAlgorithm::Sha256, "SHA2/SHA256"),
        (HashAlgorithm::Sha384, "SHA2/SHA384"),
        (HashAlgorithm::Sha512, "SHA2/SHA512"),
        (HashAlgorithm::Sha3_224, "SHA3/SHA3_224"),
        (HashAlgorithm::Sha3_256, "SHA3/SHA3_256"),
        (HashAlgorithm::Sha3_384, "SHA3/SHA3_384"),
        (HashAlgorithm::Sha3_512, "SHA3/SHA3_512"),
    ] {
        let mut compared = 0;
        for messages in ["ShortMsg", "LongMsg"] {
            let Some(cases) = cases(&format!("hashes/{name}{messages}.rsp")) else { return };
            for case in cases {
                // A message of no bits is written as one zero byte.
                let bytes = if case.text("Len") == "0" { Vec::new() } else { case.bytes("Msg") };
                let digest = provider.hash(hash, &[&bytes]);
                assert_eq!(digest, case.bytes("MD"), "{hash:?} {}", case.text("Len"));
                compared += 1;
            }
        }
        assert!(compared > 120, "{hash:?} {compared}");
    }
}
