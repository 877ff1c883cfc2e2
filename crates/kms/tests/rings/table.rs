//! Every operation with every algorithm in every state, cold, through the cache and after a restart.

use strongroom_core::{Algorithm, HashAlgorithm};
use strongroom_kms::{Kms, KmsError, Rings, Signature};

use crate::support::{DELETABLE, Disk, minimums, name, verdict};

const RING: &str = "ring";
const MESSAGE: &[u8] = b"a message";
const DIGEST: &[u8] = &[9; 32];

/// Of three versions: all allowed; 1 forbidden and only 3 to encrypt; disabled; deleted.
#[derive(Debug, Clone, Copy)]
enum State {
    Enabled,
    Raised,
    Disabled,
    Deleted,
}

const STATES: [State; 4] = [State::Enabled, State::Raised, State::Disabled, State::Deleted];

/// What comes out in each state, in their order.
type Verdicts = [&'static str; 4];

const CAN: Verdicts = ["ok", "ok", "disabled", "not found"];
const NEW: Verdicts = ["ok", "too old", "disabled", "not found"];
const NONE: Verdicts = ["no version", "no version", "disabled", "not found"];
const TYPE: Verdicts = ["wrong type", "wrong type", "disabled", "not found"];
const OLD_TYPE: Verdicts = ["wrong type", "too old", "disabled", "not found"];
const SHOW: Verdicts = ["ok", "ok", "ok", "not found"];

/// The rings, and what versions 1 to 3 of the ring (or, where it cannot, of another) made before.
struct Subject {
    rings: Rings,
    made: Made,
}

#[derive(Clone)]
struct Made {
    sealed: Vec<Vec<u8>>,
    signed: Vec<Signature>,
    digested: Vec<Signature>,
}

type Act = fn(&Subject) -> Result<(), KmsError>;

/// An operation, and its verdicts for AES-256-GCM, Ed25519 and ECDSA P-256.
const TABLE: &[(&str, Act, [Verdicts; 3])] = &[
    ("encrypt", |s| s.encrypt(None), [CAN, TYPE, TYPE]),
    ("encrypt under 0, the newest", |s| s.encrypt(Some(0)), [CAN, TYPE, TYPE]),
    ("encrypt under 1", |s| s.encrypt(Some(1)), [NEW, TYPE, TYPE]),
    ("encrypt under 2", |s| s.encrypt(Some(2)), [NEW, TYPE, TYPE]),
    ("encrypt under 3", |s| s.encrypt(Some(3)), [CAN, TYPE, TYPE]),
    ("encrypt under 4", |s| s.encrypt(Some(4)), [NONE, TYPE, TYPE]),
    ("decrypt 1", |s| s.decrypt(1), [NEW, TYPE, TYPE]),
    ("decrypt 2", |s| s.decrypt(2), [CAN, TYPE, TYPE]),
    ("decrypt 3", |s| s.decrypt(3), [CAN, TYPE, TYPE]),
    ("rewrap 1", |s| s.rewrap(1, None), [NEW, TYPE, TYPE]),
    ("rewrap 2", |s| s.rewrap(2, None), [CAN, TYPE, TYPE]),
    ("rewrap 3 under 2", |s| s.rewrap(3, Some(2)), [NEW, TYPE, TYPE]),
    ("rewrap 3 under 4", |s| s.rewrap(3, Some(4)), [NONE, TYPE, TYPE]),
    ("sign", |s| s.sign(None), [TYPE, CAN, CAN]),
    ("sign under 2", |s| s.sign(Some(2)), [TYPE, NEW, NEW]),
    ("sign under 3", |s| s.sign(Some(3)), [TYPE, CAN, CAN]),
    ("sign under 4", |s| s.sign(Some(4)), [TYPE, NONE, NONE]),
    ("sign a digest", |s| s.sign_digest(None), [TYPE, TYPE, CAN]),
    ("sign a digest under 2", |s| s.sign_digest(Some(2)), [TYPE, OLD_TYPE, NEW]),
    ("verify 1", |s| s.verify(1), [TYPE, NEW, NEW]),
    ("verify 2", |s| s.verify(2), [TYPE, CAN, CAN]),
    ("verify 3", |s| s.verify(3), [TYPE, CAN, CAN]),
    ("verify a digest of 1", |s| s.verify_digest(1), [TYPE, OLD_TYPE, NEW]),
    ("verify a digest of 3", |s| s.verify_digest(3), [TYPE, TYPE, CAN]),
    ("ask for the algorithm", |s| s.rings.algorithm(&name(RING)).map(drop), [CAN, CAN, CAN]),
    ("take a handle", |s| s.rings.ring(&name(RING)).map(drop), [CAN, CAN, CAN]),
    ("read", |s| s.rings.read(&name(RING)).map(drop), [SHOW, SHOW, SHOW]),
];

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Aes256Gcm, Algorithm::Ed25519, Algorithm::EcdsaP256];

#[test]
fn each_operation_of_each_algorithm_in_each_state_through_the_cache() {
    for_all(|algorithm, at, state| {
        let subject = Subject::new(&Disk::new(), algorithm);
        for (_, act, _) in TABLE {
            // Every key that is used below is in memory now.
            let _ = act(&subject);
        }
        assert!(subject.rings.cached(&name(RING)));
        subject.become_(state);
        check(state, at, |act| act(&subject))
    });
}

#[test]
fn each_operation_of_each_algorithm_in_each_state_cold() {
    for_all(|algorithm, at, state| {
        let disk = Disk::new();
        let subject = Subject::new(&disk, algorithm);
        subject.become_(state);
        let unsealed = disk.start();
        check(state, at, |act| {
            let rings = Kms::new(unsealed.base()).without_caller(unsealed.first_tenant());
            act(&Subject { rings, made: subject.made.clone() })
        })
    });
}

#[test]
fn each_operation_of_each_algorithm_in_each_state_after_a_restart() {
    for_all(|algorithm, at, state| {
        let disk = Disk::new();
        let Subject { rings, made } = Subject::new(&disk, algorithm);
        let before = Subject { rings, made: made.clone() };
        before.become_(state);
        drop(before);
        let subject = Subject { rings: disk.rings(), made };
        check(state, at, |act| act(&subject))
    });
}

fn for_all(run: impl Fn(Algorithm, usize, State) -> Vec<String>) {
    let mut wrong = Vec::new();
    for (at, algorithm) in ALGORITHMS.into_iter().enumerate() {
        for state in STATES {
            let found = run(algorithm, at, state);
            wrong.extend(found.into_iter().map(|found| format!("{algorithm:?}, {state:?}: {found}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn check(state: State, algorithm: usize, run: impl Fn(&Act) -> Result<(), KmsError>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, act, expected) in TABLE {
        let (found, expected) = (verdict(run(act)), expected[algorithm][state as usize]);
        if found != expected {
            wrong.push(format!("{what} is {found}, not {expected}"));
        }
    }
    wrong
}

impl Subject {
    fn new(disk: &Disk, algorithm: Algorithm) -> Self {
        let (rings, ring) = (disk.rings(), name(RING));
        let mut made = Made { sealed: Vec::new(), signed: Vec::new(), digested: Vec::new() };
        rings.create(&ring, algorithm).unwrap();
        for version in 1..=3 {
            if version > 1 {
                assert_eq!(rings.rotate(&ring).unwrap(), version);
            }
            let none = || Signature { version, bytes: vec![1; 64] };
            made.sealed.push(rings.encrypt(&ring, MESSAGE, b"").unwrap_or_else(|_| foreign(&rings)));
            made.signed.push(rings.sign(&ring, None, MESSAGE).unwrap_or_else(|_| none()));
            made.digested.push(
                rings.sign_digest(&ring, None, HashAlgorithm::Sha256, DIGEST).unwrap_or_else(|_| none()),
            );
        }
        Self { rings, made }
    }

    fn become_(&self, state: State) {
        let (rings, ring) = (&self.rings, name(RING));
        match state {
            State::Enabled => {}
            State::Raised => drop(rings.configure(&ring, &minimums(2, 3)).unwrap()),
            State::Disabled => rings.disable(&ring).unwrap(),
            State::Deleted => {
                rings.configure(&ring, &DELETABLE).unwrap();
                rings.delete(&ring).unwrap();
            }
        }
    }

    fn encrypt(&self, version: Option<u32>) -> Result<(), KmsError> {
        self.rings.encrypt_with(&name(RING), version, MESSAGE, b"").map(drop)
    }

    fn decrypt(&self, version: usize) -> Result<(), KmsError> {
        let opened = self.rings.decrypt(&name(RING), &self.made.sealed[version - 1], b"")?;
        assert_eq!(*opened, MESSAGE);
        Ok(())
    }

    fn rewrap(&self, version: usize, under: Option<u32>) -> Result<(), KmsError> {
        let sealed = &self.made.sealed[version - 1];
        let again = self.rings.rewrap_with(&name(RING), under, sealed, b"")?;
        assert_ne!(&again, sealed);
        assert_eq!(*self.rings.decrypt(&name(RING), &again, b"")?, MESSAGE);
        Ok(())
    }

    fn sign(&self, version: Option<u32>) -> Result<(), KmsError> {
        let signature = self.rings.sign(&name(RING), version, MESSAGE)?;
        assert_eq!(signature.version, version.unwrap_or(3));
        assert!(self.rings.verify(&name(RING), MESSAGE, &signature)?);
        Ok(())
    }

    fn sign_digest(&self, version: Option<u32>) -> Result<(), KmsError> {
        let signature = self.rings.sign_digest(&name(RING), version, HashAlgorithm::Sha256, DIGEST)?;
        assert!(self.rings.verify_digest(&name(RING), HashAlgorithm::Sha256, DIGEST, &signature)?);
        Ok(())
    }

    fn verify(&self, version: usize) -> Result<(), KmsError> {
        assert!(self.rings.verify(&name(RING), MESSAGE, &self.made.signed[version - 1])?);
        Ok(())
    }

    fn verify_digest(&self, version: usize) -> Result<(), KmsError> {
        assert!(self.rings.verify_digest(
            &name(RING),
            HashAlgorithm::Sha256,
            DIGEST,
            &self.made.digested[version - 1]
        )?);
        Ok(())
    }
}

/// A ciphertext of some ring.
fn foreign(rings: &Rings) -> Vec<u8> {
    let _ = rings.create(&name("another"), Algorithm::Aes256Gcm);
    rings.encrypt(&name("another"), MESSAGE, b"").unwrap()
}
