//! Keys that come and go stand in no error, no event, no text for programmers, and in the engine only sealed.

use std::{fmt::Write as _, sync::Arc};

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, Provider as _};
use strongroom_keys::KeyFormat;
use strongroom_kms::{BackupFrom, BackupTo, Import, Kms, Replace, Versions};

use super::material::{Foreign, KWP, Quick, RING, open};
use crate::support::{Disk, drained, name};

/// Pieces of a secret in each form in which a text could show it.
fn shows(text: &str, secret: &[u8]) -> bool {
    let piece = &secret[secret.len() / 2..][..8];
    let hex = piece.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let list = format!("{piece:?}");
    text.contains(&hex) || text.contains(&list[1..list.len() - 1])
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    let piece = &secret[secret.len() / 2..][..8];
    bytes.windows(piece.len()).any(|window| window == piece)
}

#[test]
fn keys_that_come_in_go_out_and_come_back_leave_no_trace() {
    let disk = Disk::with(Arc::new(Quick::default()));
    let unsealed = disk.start();
    let rings = Kms::new(unsealed.base()).without_caller(unsealed.first_tenant());
    for algorithm in
        [Algorithm::EcdsaP256, Algorithm::Ed25519, Algorithm::RawAes256Gcm, Algorithm::HmacSha512]
    {
        let foreign = Foreign::new(algorithm);
        let ring = name(&format!("{RING}-{algorithm:?}"));
        let mut texts = format!("{:?}", foreign.secret());
        let wrapped = foreign.wrapped(&rings, KWP);
        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped };
        texts += &format!("{import:?} {:?}", rings.import(&ring, &open(algorithm), &import));
        // The secret of another type, which is refused.
        let other = if algorithm == Algorithm::EcdsaP256 { Algorithm::Ed25519 } else { Algorithm::EcdsaP256 };
        let refused = rings.import(&name("other"), &open(other), &foreign.secret()).unwrap_err();
        texts += &format!("{refused:?} {refused}");
        let out = rings.export(&ring, Versions::All, KeyFormat::of(algorithm)).unwrap();
        assert_eq!(out[0].secret.expose_secret(), foreign.written);
        let public = rings.wrapping_key().unwrap();
        texts += &format!("{out:?} {:?}", rings.export_wrapped(&ring, Versions::All, &public, KWP));
        let mut file = Vec::new();
        rings.backup(&ring, BackupTo::Database, &mut file).unwrap();
        rings.delete(&ring).unwrap();
        texts += &format!("{:?}", rings.restore(None, &mut &*file, BackupFrom::Database, Replace::Never));
        let secret = Quick::default().software().import(algorithm, &material(&foreign)).unwrap();
        let secret = Quick::default().software().export(&secret).unwrap();
        let secret = secret.expose_secret();
        assert!(!shows(&texts, secret), "{algorithm:?}: {texts}");
        assert!(!holds(&file, secret), "{algorithm:?}: the backup shows the key");
        for (key, value) in disk.engine.dump() {
            assert!(!holds(&key, secret) && !holds(&value, secret), "{algorithm:?}: the engine has the key");
        }
        for event in drained(&*unsealed.base().store) {
            assert!(!holds(&event.to_bytes().unwrap(), secret), "{algorithm:?}: {event:?}");
        }
    }
}

fn material(foreign: &Foreign) -> Vec<u8> {
    let material = foreign.format.private(foreign.algorithm, &foreign.written).unwrap();
    material.expose_secret().to_vec()
}
