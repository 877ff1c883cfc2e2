use std::{cell::RefCell, hint::black_box, sync::Arc};

use aes_gcm::{Aes256Gcm, aes::Aes256Enc};
use aes_siv::siv::CmacSiv;
use chacha20::ChaCha20Rng;
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac, SimpleHmac};
use rand_core::{Rng, SeedableRng};
use strongroom_core::{Algorithm, Key, Provider};
use strongroom_keys::{KeyWrap, RustCrypto};

use crate::{
    Result,
    effort::Effort,
    measure::{Compared, computing},
    table::{Found, Row, Table, Target, Unit},
};

const KEY: [u8; 32] = [7; 32];
const SHORT: usize = 64;
const LONG: usize = 16 << 10;

pub(crate) fn measure(effort: &Effort, table: &mut Table) -> Result<()> {
    let bench =
        Bench { effort, provider: RustCrypto::new(), random: RefCell::new(ChaCha20Rng::from_seed(KEY)) };
    aead::<Aes256Gcm>(&bench, table, Algorithm::RawAes256Gcm, "AES-256-GCM", "aes-gcm")?;
    aead::<ChaCha20Poly1305>(
        &bench,
        table,
        Algorithm::RawChaCha20Poly1305,
        "ChaCha20-Poly1305",
        "chacha20poly1305",
    )?;
    aead::<XChaCha20Poly1305>(
        &bench,
        table,
        Algorithm::RawXChaCha20Poly1305,
        "XChaCha20-Poly1305",
        "chacha20poly1305",
    )?;
    siv(&bench, table)?;
    mac::<Hmac<sha2::Sha256>>(&bench, table, Algorithm::HmacSha256, "HMAC-SHA-256", "hmac")?;
    mac::<Hmac<sha2::Sha512>>(&bench, table, Algorithm::HmacSha512, "HMAC-SHA-512", "hmac")?;
    mac::<SimpleHmac<sha3::Sha3_256>>(&bench, table, Algorithm::HmacSha3_256, "HMAC-SHA3-256", "hmac")?;
    mac::<Cmac<Aes256Enc>>(&bench, table, Algorithm::CmacAes256, "AES-256-CMAC", "cmac")?;
    wrap(&bench, table)
}

struct Bench<'e> {
    effort: &'e Effort,
    provider: RustCrypto,
    /// For nonces of the limit: a generator as ours has one for each thread, without what ours does beyond drawing.
    random: RefCell<ChaCha20Rng>,
}

impl Bench<'_> {
    fn key(&self, algorithm: Algorithm, secret: &[u8]) -> Result<Arc<dyn Key>> {
        let software = self.provider.software();
        Ok(software.load(&software.import(algorithm, secret)?)?)
    }
}

fn row(table: &mut Table, work: String, beside: &'static str, found: Compared) {
    let target = Target::AtMost(if work.contains("64 B") { 1.5 } else { 1.1 });
    table.add(Row { work, beside, unit: Unit::Seconds, found: Found::Beside(found), target, note: None });
}

fn sizes() -> [(usize, &'static str); 2] {
    [(SHORT, "64 B"), (LONG, "16 KiB")]
}

fn aead<C: aes_gcm::aead::Aead + KeyInit>(
    bench: &Bench<'_>,
    table: &mut Table,
    algorithm: Algorithm,
    text: &str,
    beside: &'static str,
) -> Result<()> {
    let (ours, limit) = (bench.key(algorithm, &KEY)?, C::new_from_slice(&KEY)?);
    for (size, length) in sizes() {
        let plaintext = vec![0x5a; size];
        let found = computing(
            bench.effort,
            || {
                let mut out = Vec::new();
                let _ = black_box(ours.encrypt(b"", black_box(&plaintext), &mut out));
                drop(black_box(out));
            },
            || {
                let mut nonce = aes_gcm::aead::Nonce::<C>::default();
                bench.random.borrow_mut().fill_bytes(&mut nonce);
                drop(black_box(limit.encrypt(&nonce, black_box(plaintext.as_slice()))));
            },
        );
        row(table, format!("encrypt {text} {length}"), beside, found);
        let mut sealed = Vec::new();
        ours.encrypt(b"", &plaintext, &mut sealed)?;
        let (nonce, ciphertext) = sealed.split_at(size_of::<aes_gcm::aead::Nonce<C>>());
        let nonce: &aes_gcm::aead::Nonce<C> = nonce.try_into()?;
        let found = computing(
            bench.effort,
            || drop(black_box(ours.decrypt(b"", black_box(&sealed)))),
            || drop(black_box(limit.decrypt(nonce, black_box(ciphertext)))),
        );
        row(table, format!("decrypt {text} {length}"), beside, found);
    }
    Ok(())
}

fn siv(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let secret = [7; 64];
    let ours = bench.key(Algorithm::Aes256Siv, &secret)?;
    let mut limit = CmacSiv::<Aes256Enc>::new(&secret.into());
    for (size, length) in sizes() {
        let plaintext = vec![0x5a; size];
        let found = computing(
            bench.effort,
            || {
                let mut out = Vec::new();
                let _ = black_box(ours.encrypt(b"", black_box(&plaintext), &mut out));
                drop(black_box(out));
            },
            || drop(black_box(limit.encrypt([b""], black_box(&plaintext)))),
        );
        row(table, format!("encrypt AES-256-SIV {length}"), "aes-siv", found);
    }
    Ok(())
}

fn mac<M: Mac + KeyInit + Clone>(
    bench: &Bench<'_>,
    table: &mut Table,
    algorithm: Algorithm,
    text: &str,
    beside: &'static str,
) -> Result<()> {
    let (ours, limit) = (bench.key(algorithm, &KEY)?, <M as KeyInit>::new_from_slice(&KEY)?);
    for (size, length) in sizes() {
        let message = vec![0x5a; size];
        let found = computing(
            bench.effort,
            || drop(black_box(ours.compute_mac(black_box(&message)))),
            || {
                let mac = limit.clone().chain_update(black_box(&message));
                drop(black_box(mac.finalize().into_bytes().to_vec()));
            },
        );
        row(table, format!("{text} {length}"), beside, found);
    }
    Ok(())
}

fn wrap(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let key = [9; 32];
    let found = computing(
        bench.effort,
        || drop(black_box(KeyWrap::Kwp.wrap(&KEY, black_box(&key)))),
        || {
            let mut out = vec![0; 40];
            let _ = aes_kw::AesKwp::<Aes256Enc>::new(&KEY.into()).wrap_key(black_box(&key), &mut out);
            drop(black_box(out));
        },
    );
    row(table, "AES-KWP 32 B".to_owned(), "aes-kw", found);
    Ok(())
}
