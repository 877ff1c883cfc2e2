//! Keys that come from elsewhere: documents, raw bytes, wrapped keys, and backups of rings.

use std::sync::Arc;

use secrecy::ExposeSecret;
use strongroom_core::{
    Algorithm, Base, Cost, FixedClock, Gate, KeyBackend, KeyError, Name, OaepHash, Provider, Tenant,
    memory::MemoryStore,
};
use strongroom_keys::{KeyFormat, Transport};
use strongroom_kms::{BackupFrom, BackupTo, Import, Kms, KmsError, NewRing, Replace, Rings, Settings};

use crate::{Seed, database::NOW, fixed, input::Input};

/// Keys that an earlier build made: those of RSA take too long to make.
const KEPT: &str = include_str!("../../crates/keys/tests/asymmetric/golden/keys-1.txt");
const TENANT: Tenant = Tenant::from_bytes([6; 16]);
const FORMATS: [KeyFormat; 3] = KeyFormat::ALL;

/// The first byte tells what the others are: a secret key, a public one (each behind a byte for its type and one for its
/// format), a wrapped key, or a backup.
///
/// - Nothing panics. What is read is one key: written again and read again, it is the same.
/// - A public key has one document in DER.
/// - A ring takes exactly what is read, and hands out the same.
/// - Nothing unwraps and nothing is restored but what was wrapped and backed up.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => secret(algorithm(input.byte()), format(input.byte()), input.rest()),
        1 => public(algorithm(input.byte()), format(input.byte()), input.rest()),
        2 => wrapped(input.byte(), input.rest()),
        _ => backup(input.rest()),
    }
}

fn secret(algorithm: Algorithm, format: KeyFormat, written: &[u8]) {
    let read = format.private(algorithm, written);
    let Ok(material) = read else {
        let refused = rings().import(&name(), &open(algorithm), &Import::Secret { format, written });
        assert!(matches!(refused, Err(KmsError::Invalid(_))));
        return;
    };
    let again = format.write_private(algorithm, material.expose_secret()).expect("a key is written");
    let read = format.private(algorithm, again.expose_secret()).expect("what was written is read");
    assert_eq!(read.expose_secret(), material.expose_secret());
    let rings = rings();
    if rings.import(&name(), &open(algorithm), &Import::Secret { format, written }).is_ok() {
        let out = rings.export(&name(), strongroom_kms::Versions::Newest, format).expect("it may go out");
        let out = format.private(algorithm, out[0].secret.expose_secret()).expect("a key");
        assert!(out.expose_secret() == material.expose_secret() || algorithm.modulus_bits().is_some());
    }
}

fn public(algorithm: Algorithm, format: KeyFormat, written: &[u8]) {
    let Ok(public) = format.public(algorithm, written) else {
        let refused = rings().import(&name(), &open(algorithm), &Import::Public { format, written });
        assert!(matches!(refused, Err(KmsError::Invalid(_))));
        return;
    };
    let again = format.write_public(&public).expect("a key is written");
    assert_eq!(format.public(algorithm, &again).as_ref(), Ok(&public));
    if format == KeyFormat::Der {
        assert_eq!(again, written, "a second document of the same key");
    }
    let ring = rings().import(&name(), &open(algorithm), &Import::Public { format, written });
    assert!(!ring.expect("a ring of a public key").versions[0].has_secret);
}

fn wrapped(way: u8, bytes: &[u8]) {
    let provider = fixed::provider(33);
    let key = provider.software().load(&kept(Algorithm::Rsa2048)).expect("a key");
    let hash =
        [OaepHash::Sha256, OaepHash::Sha384, OaepHash::Sha512, OaepHash::LegacySha1][usize::from(way % 4)];
    for transport in [Transport::Oaep(hash), Transport::AesKwp(hash)] {
        match transport.unwrap(&*key, provider.random(), bytes) {
            Ok(key) => {
                assert_eq!((way % 4, bytes, &**key), (0, &wrapped_key()[..], KEY), "it was wrapped here")
            }
            Err(error) => assert_eq!(error, KeyError::Failed),
        }
    }
}

const KEY: &[u8] = b"a key that was wrapped";

fn wrapped_key() -> Vec<u8> {
    let provider = fixed::provider(34);
    let key = provider.software().load(&kept(Algorithm::Rsa2048)).expect("a key");
    Transport::AesKwp(OaepHash::Sha256).wrap(&*key, provider.random(), KEY).expect("it fits")
}

fn backup(file: &[u8]) {
    let rings = backed_up();
    let restored = rings.restore(Some(&name()), &mut &*file, BackupFrom::Database, Replace::Never);
    assert_eq!(restored.is_ok(), file == written(), "only what was backed up comes back");
    assert_eq!(rings.read(&name()).is_ok(), restored.is_ok(), "nothing is left of the rest");
}

fn rings() -> Rings {
    let provider = Arc::new(fixed::provider(35));
    let clock = Arc::new(FixedClock::at(NOW));
    let base = Base::new(Arc::new(MemoryStore::new()), Arc::new(Gate::new()), provider, clock);
    Kms::new(base.expect("a base")).without_caller(TENANT)
}

fn name() -> Name {
    Name::parse("ring").expect("a name")
}

/// A ring whose keys may go out and which may be deleted.
fn open(algorithm: Algorithm) -> NewRing {
    let allowed = Some(true);
    let settings = Settings { exportable: allowed, deletion_allowed: allowed, ..Settings::NONE };
    NewRing { settings, ..NewRing::of(algorithm) }
}

/// Rings of which one was backed up and deleted.
fn backed_up() -> Rings {
    taken().0
}

fn written() -> Vec<u8> {
    taken().1
}

/// The same in every run, as all randomness is.
fn taken() -> (Rings, Vec<u8>) {
    let (rings, mut file) = (rings(), Vec::new());
    rings.create_with(&name(), &open(Algorithm::Ed25519)).expect("a ring");
    rings.backup(&name(), BackupTo::Database, &mut file).expect("a backup");
    rings.delete(&name()).expect("it may be deleted");
    (rings, file)
}

fn algorithm(byte: u8) -> Algorithm {
    Algorithm::ALL[usize::from(byte) % Algorithm::ALL.len()]
}

fn format(byte: u8) -> KeyFormat {
    FORMATS[usize::from(byte) % FORMATS.len()]
}

fn kept(algorithm: Algorithm) -> strongroom_core::Stored {
    let known = format!("{algorithm:?} ");
    let line = KEPT.lines().find_map(|line| line.strip_prefix(&known)).expect("a key");
    let hex = line.split(' ').next().expect("a field");
    let digit = |place| u8::from_str_radix(&hex[place..place + 2], 16).expect("hex");
    let secret: Vec<u8> = (0..hex.len()).step_by(2).map(digit).collect();
    strongroom_core::Stored { algorithm, secret: secret.into(), public: None }
}

/// Keys of each type in each format, a wrapped one, and a backup; and each cut short.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = vec![
        Seed::new("wrapped", [&[2, 0][..], &wrapped_key()].concat()),
        Seed::new("wrapped-cut", [&[2, 0][..], &wrapped_key()[..280]].concat()),
        Seed::new("backup", [&[3][..], &written()].concat()),
        Seed::new("backup-cut", [&[3][..], &written()[..200]].concat()),
        Seed::new("empty", Vec::new()),
    ];
    let provider = fixed::provider(36);
    let backend: &dyn KeyBackend = provider.software();
    for (place, algorithm) in (0..).zip(Algorithm::ALL) {
        let stored = match algorithm {
            Algorithm::Rsa2048 => kept(algorithm),
            _ if algorithm.generation() == Cost::Slow => continue,
            _ => backend.generate(algorithm).expect("a key"),
        };
        let material = backend.export(&stored).expect("a key of software");
        for (number, format) in (0..).zip(FORMATS) {
            let Ok(written) = format.write_private(algorithm, material.expose_secret()) else { continue };
            let kind = format!("{algorithm:?}-{format:?}").to_lowercase();
            seeds.push(Seed::new(&kind, [&[0, place, number][..], written.expose_secret()].concat()));
            let key = backend.load(&stored).expect("a key");
            if let Some(public) = key.public() {
                let written = format.write_public(public).expect("a public key");
                seeds
                    .push(Seed::new(&format!("public-{kind}"), [&[1, place, number][..], &written].concat()));
            }
        }
    }
    seeds
}
