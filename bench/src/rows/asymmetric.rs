use std::{hint::black_box, sync::Arc};

use ecdsa::signature::{Signer as _, Verifier as _};
use getrandom::SysRng;
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, aead::AesGcm256, kdf::HkdfSha256, kem::X25519HkdfSha256,
    single_shot_open, single_shot_seal_with_rng,
};
use ml_dsa::{MlDsa65, SigningKey};
use ml_kem::{
    MlKem768,
    kem::{Decapsulate as _, Encapsulate as _, FromSeed as _},
};
use rand_core::UnwrapErr;
use rsa::{Oaep, Pkcs1v15Sign, Pss, pkcs1::DecodeRsaPrivateKey as _};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use strongroom_core::{Algorithm, Key, OaepHash, Padding, Provider as _, SealOptions, SignOptions};
use strongroom_keys::RustCrypto;

use crate::{
    Result,
    effort::Effort,
    measure::computing,
    table::{Found, Row, Table, Target, Unit},
};

const MESSAGE: [u8; 64] = [0x5a; 64];

/// A new key of ours, and its material for the primitive beside it.
fn key(algorithm: Algorithm) -> Result<(Arc<dyn Key>, Vec<u8>)> {
    let provider = RustCrypto::new();
    let stored = provider.software().generate(algorithm)?;
    let material = provider.software().export(&stored)?;
    Ok((provider.software().load(&stored)?, material.expose_secret().to_vec()))
}

/// Adds rows that compare one thing done by both.
struct Rows<'t>(&'t Effort, &'t mut Table);

impl Rows<'_> {
    fn add<O, L>(
        &mut self,
        work: &str,
        beside: &'static str,
        mut ours: impl FnMut() -> O,
        mut limit: impl FnMut() -> L,
    ) {
        let found = computing(self.0, || drop(black_box(ours())), || drop(black_box(limit())));
        let (unit, target) = (Unit::Seconds, Target::AtMost(1.1));
        self.1.add(Row { work: work.into(), beside, unit, found: Found::Beside(found), target, note: None });
    }
}

pub(crate) fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let mut rows = Rows(effort, table);
    ecdsa_rows(&mut rows)?;
    rsa_rows(&mut rows)?;
    post_quantum(&mut rows)?;
    agreements(&mut rows)?;
    hpke_rows(&mut rows)
}

macro_rules! curve_rows {
    ($rows:expr, $curve:ident, $algorithm:expr, $name:literal) => {{
        let (key, material) = key($algorithm)?;
        let bare = $curve::ecdsa::SigningKey::from_slice(&material)?;
        let usual = SignOptions::default();
        $rows.add(
            concat!("keys.sign ", $name),
            stringify!($curve),
            || key.sign(black_box(&MESSAGE), &usual),
            || -> $curve::ecdsa::Signature { bare.sign(black_box(&MESSAGE)) },
        );
        let (made, verifying) = (key.sign(&MESSAGE, &usual)?, *bare.verifying_key());
        let parsed = $curve::ecdsa::Signature::from_slice(&made)?;
        $rows.add(
            concat!("keys.verify ", $name),
            stringify!($curve),
            || key.verify(black_box(&MESSAGE), &made, &usual),
            || verifying.verify(black_box(&MESSAGE), &parsed),
        );
    }};
}

fn ecdsa_rows(rows: &mut Rows<'_>) -> Result<()> {
    curve_rows!(rows, p256, Algorithm::EcdsaP256, "P-256");
    curve_rows!(rows, p384, Algorithm::EcdsaP384, "P-384");
    curve_rows!(rows, p521, Algorithm::EcdsaP521, "P-521");
    curve_rows!(rows, k256, Algorithm::EcdsaSecp256k1, "secp256k1");
    Ok(())
}

fn rsa_rows(rows: &mut Rows<'_>) -> Result<()> {
    let (key, material) = key(Algorithm::Rsa2048)?;
    let bare = rsa::PrivateKey::from_pkcs1_der(&material)?;
    let public = bare.to_public_key();
    let digest = |message: &[u8]| Sha256::digest(black_box(message));
    let pss = SignOptions::default();
    let pkcs1 = SignOptions { padding: Padding::Pkcs1v15, ..pss };
    rows.add(
        "keys.sign RSA-2048 PSS",
        "rsa",
        || key.sign(black_box(&MESSAGE), &pss),
        || bare.sign_with_rng(&mut SysRng, Pss::<Sha256>::new(), &digest(&MESSAGE)),
    );
    rows.add(
        "keys.sign RSA-2048 PKCS#1",
        "rsa",
        || key.sign(black_box(&MESSAGE), &pkcs1),
        || bare.sign_with_rng(&mut SysRng, Pkcs1v15Sign::new::<Sha256>(), &digest(&MESSAGE)),
    );
    let made = key.sign(&MESSAGE, &pss)?;
    rows.add(
        "keys.verify RSA-2048 PSS",
        "rsa",
        || key.verify(black_box(&MESSAGE), &made, &pss),
        || public.verify(Pss::<Sha256>::new(), &digest(&MESSAGE), &made),
    );
    let oaep = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" };
    rows.add(
        "keys.seal RSA-2048 OAEP",
        "rsa",
        || key.seal(black_box(&MESSAGE), &oaep),
        || public.encrypt(&mut SysRng, Oaep::<Sha256>::new(), black_box(&MESSAGE)),
    );
    let sealed = key.seal(&MESSAGE, &oaep)?;
    rows.add(
        "keys.open RSA-2048 OAEP",
        "rsa",
        || key.open(black_box(&sealed), &oaep),
        || bare.decrypt_blinded(&mut SysRng, Oaep::<Sha256>::new(), black_box(&sealed)),
    );
    Ok(())
}

fn post_quantum(rows: &mut Rows<'_>) -> Result<()> {
    let (signing, seed) = key(Algorithm::MlDsa65)?;
    let bare = SigningKey::<MlDsa65>::from_seed(seed.as_slice().try_into()?);
    let usual = SignOptions::default();
    // The time to sign varies from try to try: without randomness both sides do the same tries.
    let fixed = SignOptions { deterministic: true, ..usual };
    rows.add(
        "keys.sign ML-DSA-65",
        "ml-dsa",
        || signing.sign(black_box(&MESSAGE), &fixed),
        || bare.sign(black_box(&MESSAGE)).encode(),
    );
    let made = signing.sign(&MESSAGE, &usual)?;
    let (parsed, verifying) = (made.as_slice().try_into()?, ml_dsa::Keypair::verifying_key(&bare));
    rows.add(
        "keys.verify ML-DSA-65",
        "ml-dsa",
        || signing.verify(black_box(&MESSAGE), &made, &usual),
        || verifying.verify(black_box(&MESSAGE), &parsed),
    );
    let (opening, seed) = key(Algorithm::MlKem768)?;
    let (secret, public) = MlKem768::from_seed(seed.as_slice().try_into()?);
    rows.add(
        "keys.encapsulate ML-KEM-768",
        "ml-kem",
        || opening.encapsulate(),
        || public.encapsulate_with_rng(&mut UnwrapErr(SysRng)),
    );
    let made = opening.encapsulate()?.ciphertext;
    rows.add(
        "keys.decapsulate ML-KEM-768",
        "ml-kem",
        || opening.decapsulate(black_box(&made)),
        || secret.decapsulate_slice(black_box(&made)),
    );
    Ok(())
}

fn agreements(rows: &mut Rows<'_>) -> Result<()> {
    let ((ours, material), (peer, _)) = (key(Algorithm::EcdhP256)?, key(Algorithm::EcdhP256)?);
    let peer = peer.public().ok_or("a public half")?.bytes.clone();
    let bare = p256::SecretKey::from_slice(&material)?;
    rows.add(
        "keys.agree P-256",
        "p256",
        || ours.agree(black_box(&peer)),
        || -> Result<_> {
            let point = p256::PublicKey::from_sec1_bytes(black_box(&peer))?;
            Ok(p256::ecdh::diffie_hellman(bare.to_nonzero_scalar(), point.as_affine()))
        },
    );
    let ((ours, material), (peer, _)) = (key(Algorithm::X25519)?, key(Algorithm::X25519)?);
    let peer: [u8; 32] = peer.public().ok_or("a public half")?.bytes.as_slice().try_into()?;
    let bare = x25519_dalek::StaticSecret::from(<[u8; 32]>::try_from(material.as_slice())?);
    rows.add(
        "keys.agree X25519",
        "x25519-dalek",
        || ours.agree(black_box(&peer)),
        || bare.diffie_hellman(&black_box(peer).into()),
    );
    Ok(())
}

fn hpke_rows(rows: &mut Rows<'_>) -> Result<()> {
    type Kem = X25519HkdfSha256;
    let (key, material) = key(Algorithm::HpkeX25519)?;
    let secret = <Kem as hpke::Kem>::PrivateKey::from_bytes(&material).map_err(|_| "no key")?;
    let public = Kem::sk_to_pk(&secret);
    let options = SealOptions::Hpke { info: b"info", aad: b"" };
    rows.add(
        "keys.seal HPKE X25519",
        "hpke",
        || key.seal(black_box(&MESSAGE), &options),
        || {
            let mut rng = UnwrapErr(SysRng);
            let mode = OpModeS::Base;
            single_shot_seal_with_rng::<AesGcm256, HkdfSha256, Kem>(
                &mode, &public, b"info", &MESSAGE, b"", &mut rng,
            )
        },
    );
    let sealed = key.seal(&MESSAGE, &options)?;
    let (encapsulated, ciphertext) = sealed.split_at(32);
    rows.add(
        "keys.open HPKE X25519",
        "hpke",
        || key.open(black_box(&sealed), &options),
        || -> Result<_> {
            let encapsulated =
                <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| "no key")?;
            let mode = OpModeR::Base;
            let opened = single_shot_open::<AesGcm256, HkdfSha256, Kem>(
                &mode,
                &secret,
                &encapsulated,
                b"info",
                ciphertext,
                b"",
            );
            Ok(opened.map_err(|_| "does not open")?)
        },
    );
    Ok(())
}
