//! Keys, signatures and secrets, to AWS-LC and back.

use std::{error::Error, sync::Arc};

use aws_lc_rs::{
    kem::{Ciphertext, DecapsulationKey, EncapsulationKey},
    signature::{KeyPair as _, PqdsaKeyPair, UnparsedPublicKey},
};
use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, Key, Provider as _, PublicKey, SignOptions, Stored};
use strongroom_interop_awslc::{ML_DSA, ML_KEM};
use strongroom_keys::{RustCrypto, private_from_der, private_to_der, verify};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const TEXT: &[u8] = b"a message for AWS-LC";
/// Enough for a ciphertext or signature with an unlucky byte to be among them.
const TIMES: usize = 20;

fn generated(algorithm: Algorithm) -> Result<(Stored, Arc<dyn Key>)> {
    let provider = RustCrypto::new();
    let stored = provider.software().generate(algorithm)?;
    let key = provider.software().load(&stored)?;
    Ok((stored, key))
}

fn imported(algorithm: Algorithm, material: &[u8]) -> Result<Arc<dyn Key>> {
    let provider = RustCrypto::new();
    Ok(provider.software().load(&provider.software().import(algorithm, material)?)?)
}

fn public(key: &dyn Key) -> Result<&[u8]> {
    Ok(&key.public().ok_or("no public half")?.bytes)
}

/// A changed copy.
fn changed(bytes: &[u8]) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes.iter().enumerate().map(|(place, byte)| byte ^ u8::from(place == middle)).collect()
}

#[test]
fn signatures_of_ml_dsa_are_taken_both_ways() -> Result {
    for (algorithm, signing, verification) in ML_DSA {
        let (_, ours) = generated(algorithm)?;
        let theirs = PqdsaKeyPair::generate(signing)?;
        let half = PublicKey { algorithm, bytes: theirs.public_key().as_ref().to_vec() };
        for deterministic in [false, true] {
            for _ in 0..TIMES {
                let options = SignOptions { deterministic, ..SignOptions::default() };
                let signature = ours.sign(TEXT, &options)?;
                let reader = UnparsedPublicKey::new(verification, public(&*ours)?);
                reader.verify(TEXT, &signature)?;
                assert!(reader.verify(TEXT, &changed(&signature)).is_err(), "{algorithm:?}");
                assert!(reader.verify(b"another", &signature).is_err(), "{algorithm:?}");
            }
        }
        for _ in 0..TIMES {
            let mut signature = vec![0; signing.signature_len()];
            theirs.sign(TEXT, &mut signature)?;
            assert!(verify(&half, TEXT, &signature)?, "{algorithm:?}");
            assert!(!verify(&half, TEXT, &changed(&signature))?, "{algorithm:?}");
            assert!(!verify(&half, b"another", &signature)?, "{algorithm:?}");
        }
    }
    Ok(())
}

#[test]
fn private_keys_of_ml_dsa_are_read_both_ways() -> Result {
    for (algorithm, signing, _) in ML_DSA {
        let (stored, ours) = generated(algorithm)?;
        let material = RustCrypto::new().software().export(&stored)?;
        let document = private_to_der(algorithm, material.expose_secret())?;
        for theirs in [
            PqdsaKeyPair::from_pkcs8(signing, document.expose_secret())?,
            PqdsaKeyPair::from_seed(signing, material.expose_secret())?,
        ] {
            assert_eq!(theirs.public_key().as_ref(), public(&*ours)?, "{algorithm:?}");
        }
        let theirs = PqdsaKeyPair::generate(signing)?;
        let material = private_from_der(algorithm, theirs.to_pkcs8v1()?.as_ref())?;
        let ours = imported(algorithm, material.expose_secret())?;
        assert_eq!(public(&*ours)?, theirs.public_key().as_ref(), "{algorithm:?}");
    }
    Ok(())
}

/// Private keys of ML-KEM are no exchange: AWS-LC has them expanded, and ours are seeds.
#[test]
fn secrets_of_ml_kem_are_shared_both_ways() -> Result {
    for (algorithm, kem) in ML_KEM {
        let (_, ours) = generated(algorithm)?;
        let to_ours = EncapsulationKey::new(kem, public(&*ours)?)?;
        let theirs = DecapsulationKey::generate(kem)?;
        let half = PublicKey { algorithm, bytes: theirs.encapsulation_key()?.key_bytes()?.as_ref().to_vec() };
        let provider = RustCrypto::new();
        let to_theirs = provider.software().load(&provider.software().import_public(&half)?)?;
        for _ in 0..TIMES {
            let (ciphertext, secret) = to_ours.encapsulate()?;
            assert_eq!(*ours.decapsulate(ciphertext.as_ref())?, secret.as_ref(), "{algorithm:?}");
            let made = to_theirs.encapsulate()?;
            let secret = theirs.decapsulate(Ciphertext::from(made.ciphertext.as_slice()))?;
            assert_eq!(secret.as_ref(), made.secret.as_slice(), "{algorithm:?}");
            // What was changed gives another secret, not an error, on both sides.
            let wrong = changed(&made.ciphertext);
            assert_ne!(
                theirs.decapsulate(Ciphertext::from(wrong.as_slice()))?.as_ref(),
                made.secret.as_slice()
            );
            assert_ne!(*ours.decapsulate(&changed(ciphertext.as_ref()))?, secret.as_ref());
        }
    }
    Ok(())
}
