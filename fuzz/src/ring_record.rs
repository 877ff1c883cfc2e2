//! The record of a key ring, seen through what a ring can do.

use std::sync::Arc;

use minicbor::Encoder;
use strongroom_core::{
    Algorithm, Base, Cost, FixedClock, Gate, KeyBackend, Name, Provider, Purpose, RecordKey, SealOptions,
    Segment, StoreError, Table, Tenant, Write, memory::MemoryStore,
};
use strongroom_keys::envelope::Header;
use strongroom_kms::{Kms, KmsError, Ring, Rings, Settings, Signature};
use zeroize::Zeroizing;

use crate::{
    Seed,
    database::{NOW, write},
    fixed,
    input::Input,
};

const TENANT: Tenant = Tenant::from_bytes([6; 16]);

/// The first byte tells what the others are: a record, or its fields.
///
/// - Nothing panics; what is no ring is `Corrupt` or unsupported, in every operation.
/// - A ring that is read has versions in order, and minima within them.
/// - A record that is read is the only one of its ring: written anew without a change, it is the same.
/// - What a ring encrypts or signs, it decrypts or verifies, also after a rotation; and nothing while disabled.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let record = if input.byte() == 0 { input.rest().to_vec() } else { Fields::read(&mut input).to_bytes() };
    let kept = Kept::new(&record);
    match kept.rings.read(&name()) {
        Ok(ring) => {
            makes_sense(&ring);
            kept.rewritten(&record, &ring);
            kept.used(&ring);
            kept.ended(&ring);
        }
        Err(error) => {
            corrupt(&error);
            corrupt(&kept.rings.rotate(&name()).expect_err("no ring"));
            corrupt(&kept.rings.encrypt(&name(), b"x", b"").expect_err("no ring"));
            corrupt(&kept.rings.sign(&name(), None, b"x").expect_err("no ring"));
            corrupt(&kept.rings.delete(&name()).expect_err("no ring"));
        }
    }
    assert_eq!(kept.rings.list(None, 10).map(|names| names.len() <= 1).ok(), Some(true));
}

fn name() -> Name {
    Name::parse("orders").expect("a name")
}

fn makes_sense(ring: &Ring) {
    let latest = ring.versions.last().expect("a version").version;
    assert!(ring.versions[0].version > 0);
    assert!(ring.versions.windows(2).all(|pair| pair[0].version < pair[1].version));
    assert!((1..=latest).contains(&ring.min_decryption_version));
    let encryption = ring.min_encryption_version;
    assert!(encryption == 0 || (ring.min_decryption_version..=latest).contains(&encryption));
}

/// A ring in a store that holds nothing else.
struct Kept {
    store: Arc<MemoryStore>,
    rings: Rings,
}

impl Kept {
    fn new(record: &[u8]) -> Self {
        let store = Arc::new(MemoryStore::new());
        write(&store, vec![(key(), Write::Put(Zeroizing::new(record.to_vec())))]);
        let (gate, clock) = (Arc::new(Gate::new()), Arc::new(FixedClock::at(NOW)));
        let base = Base::new(store.clone(), gate, Arc::new(fixed::provider(20)), clock).expect("randomness");
        Self { store, rings: Kms::new(base).without_caller(TENANT) }
    }

    fn record(&self) -> Option<Vec<u8>> {
        let rows = self.store.dump();
        rows.into_iter().find(|(bytes, _)| bytes == key().as_bytes()).map(|(_, value)| value)
    }

    fn rewritten(&self, record: &[u8], ring: &Ring) {
        let same = self.rings.configure(&name(), &Settings::default()).expect("nothing to change");
        assert_eq!((&same, self.record().as_deref()), (ring, Some(record)));
        self.rings.disable(&name()).expect("a ring");
        assert!(matches!(
            self.rings.encrypt(&name(), b"x", b""),
            Err(KmsError::Disabled | KmsError::Store(_))
        ));
        assert!(matches!(self.rings.sign(&name(), None, b"x"), Err(KmsError::Disabled | KmsError::Store(_))));
        self.rings.enable(&name()).expect("a ring");
        assert_eq!(ring.disabled, self.record().as_deref() != Some(record));
    }

    fn used(&self, ring: &Ring) {
        let latest = ring.versions.last().expect("a version").version;
        match ring.algorithm.purpose() {
            Purpose::Envelope | Purpose::Aead => self.encrypted(ring, latest),
            Purpose::Sign | Purpose::SignAndOpen => self.signed(latest),
            Purpose::Mac => self.authenticated(latest),
            Purpose::Derive => self.derived(latest),
            Purpose::Open | Purpose::Agree | Purpose::Decapsulate => self.public_halves(ring.algorithm),
            other => panic!("nothing here uses a ring for {other:?}"),
        }
        if !ring.algorithm.signs() {
            assert!(matches!(self.rings.sign(&name(), None, b"x"), Err(KmsError::WrongType)));
        }
        if !matches!(ring.algorithm.purpose(), Purpose::Envelope | Purpose::Aead) {
            assert!(matches!(self.rings.encrypt(&name(), b"x", b""), Err(KmsError::WrongType)));
        }
    }

    fn encrypted(&self, ring: &Ring, latest: u32) {
        let sealed = match self.rings.encrypt(&name(), b"a text", b"more") {
            Ok(sealed) => sealed,
            // Only using a key tells that its bytes are none.
            Err(error) => return corrupt(&error),
        };
        if ring.algorithm == Algorithm::Aes256Gcm {
            let header = Header::parse(&sealed).expect("a ciphertext").key;
            assert_eq!((header.id, header.version), (ring.id, latest));
        } else {
            assert_eq!(sealed[3..8], [&[ring.algorithm.number()][..], &latest.to_be_bytes()].concat());
        }
        self.rotated(latest);
        let opened = self.rings.decrypt(&name(), &sealed, b"more").expect("what the ring sealed");
        assert_eq!(*opened, b"a text");
        assert!(matches!(self.rings.decrypt(&name(), &sealed, b""), Err(KmsError::OpenFailed)));
    }

    fn authenticated(&self, latest: u32) {
        let code = match self.rings.mac(&name(), None, b"a text") {
            Ok(code) => code,
            Err(error) => return corrupt(&error),
        };
        assert_eq!(code.version, latest);
        self.rotated(latest);
        assert!(self.rings.verify_mac(&name(), b"a text", &code).expect("a code"));
        assert!(!self.rings.verify_mac(&name(), b"another", &code).expect("a code"));
    }

    /// Only using a key tells that its bytes are none.
    fn public_halves(&self, algorithm: Algorithm) {
        let done = match algorithm.purpose() {
            Purpose::Open => {
                let options = SealOptions::Hpke { info: b"", aad: b"" };
                self.rings.seal(&name(), None, b"a text", &options).map(drop)
            }
            Purpose::Agree => self.rings.agree(&name(), None, b"").map(drop),
            _ => self.rings.encapsulate(&name(), None).map(drop),
        };
        match done {
            Ok(()) | Err(KmsError::OpenFailed) => {}
            Err(error) => corrupt(&error),
        }
    }

    fn derived(&self, latest: u32) {
        let derive = |version| self.rings.derive(&name(), version, b"fuzz", b"a text", 40);
        let derived = match derive(None) {
            Ok(derived) => derived,
            Err(error) => return corrupt(&error),
        };
        assert_eq!(derived.version, latest);
        self.rotated(latest);
        assert_eq!(*derive(Some(latest)).expect("a version").secret, *derived.secret);
    }

    fn signed(&self, latest: u32) {
        let signature = match self.rings.sign(&name(), None, b"a text") {
            Ok(signature) => signature,
            Err(error) => return corrupt(&error),
        };
        assert_eq!(signature.version, latest);
        self.rotated(latest);
        assert!(self.rings.verify(&name(), b"a text", &signature).expect("a signature"));
        assert!(!self.rings.verify(&name(), b"another", &signature).expect("a signature"));
        let other = Signature { version: latest.saturating_add(1), ..signature };
        assert!(!matches!(self.rings.verify(&name(), b"a text", &other), Ok(true)) || latest == u32::MAX);
    }

    fn rotated(&self, latest: u32) {
        match self.rings.rotate(&name()) {
            Ok(version) => assert_eq!(Some(version), latest.checked_add(1)),
            Err(error) => assert!(latest == u32::MAX && matches!(error, KmsError::Invalid(_)), "{error:?}"),
        }
    }

    fn ended(&self, ring: &Ring) {
        match self.rings.delete(&name()) {
            Ok(()) => assert!(ring.deletion_allowed && self.record().is_none()),
            Err(error) => assert!(!ring.deletion_allowed && matches!(error, KmsError::NotDeletable)),
        }
    }
}

fn key() -> RecordKey {
    RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Name("orders")]).expect("a short key")
}

fn corrupt(error: &KmsError) {
    let known = matches!(error, KmsError::Store(StoreError::Corrupt | StoreError::Unsupported(_)));
    assert!(known, "{error:?}");
}

/// A record, field by field.
#[derive(Debug, Clone)]
struct Fields {
    format: u8,
    id: [u8; 16],
    algorithm: u8,
    minima: [u32; 2],
    flags: u8,
    versions: Vec<(u32, Vec<u8>, Option<Vec<u8>>)>,
}

impl Fields {
    fn read(input: &mut Input<'_>) -> Self {
        let (format, id, algorithm) = (input.byte(), input.array(), some_number(input.byte()));
        let (minima, flags) = ([input.u32(), input.u32()], input.byte());
        let count = input.byte() % 5;
        let versions =
            (0..count).map(|_| (input.u32(), input.byte(), input.short())).map(|(version, kind, bytes)| {
                match kind % 4 {
                    0 => (version, bytes.to_vec(), None),
                    1 => (version, bytes.to_vec(), Some(input_half(bytes))),
                    _ => with_public(version, algorithm, bytes),
                }
            });
        Self { format, id, algorithm, minima, flags, versions: versions.collect() }
    }

    /// As the record is written: CBOR arrays, without an absent public half at the end.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut Encoder::new(&mut bytes)).expect("a vector takes all");
        bytes
    }

    fn encode(
        &self,
        to: &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(8)?.u8(self.format)?.bytes(&self.id)?.u8(self.algorithm)?;
        to.u32(self.minima[0])?.u32(self.minima[1])?.bool(self.flags & 1 > 0)?.bool(self.flags & 2 > 0)?;
        to.array(self.versions.len() as u64)?;
        for (version, secret, public) in &self.versions {
            to.array(3 + u64::from(public.is_some()))?.u32(*version)?.u64(NOW.as_millis())?.bytes(secret)?;
            if let Some(public) = public {
                to.bytes(public)?;
            }
        }
        Ok(())
    }
}

/// Some public half, seldom the right one.
fn input_half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// The number of an algorithm, or of none.
fn some_number(byte: u8) -> u8 {
    let place = usize::from(byte) % (Algorithm::ALL.len() + 2);
    match place.checked_sub(1) {
        Some(place) => Algorithm::ALL.get(place).map_or(u8::MAX, |algorithm| algorithm.number()),
        None => 0,
    }
}

/// A secret as its backend stores it, with its own public half, if it has one.
fn with_public(version: u32, number: u8, bytes: &[u8]) -> (u32, Vec<u8>, Option<Vec<u8>>) {
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.number() == number);
    let length = algorithm.and_then(Algorithm::secret_lengths).map_or(32, |lengths| *lengths.start());
    let mut secret = vec![1; length];
    secret.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    let provider = fixed::provider(21);
    let backend: &dyn KeyBackend = provider.software();
    match algorithm.map(|algorithm| backend.import(algorithm, &secret)) {
        Some(Ok(stored)) => (version, stored.expose().to_vec(), stored.public.map(|public| public.bytes)),
        _ => (version, secret, None),
    }
}

/// A record as a ring of this kind writes it.
fn written(algorithm: Algorithm, versions: u32) -> Vec<u8> {
    let kept = Kept::new(b"");
    write(&kept.store, vec![(key(), Write::Delete)]);
    kept.rings.create(&name(), algorithm).expect("a new ring");
    for _ in 1..versions {
        kept.rings.rotate(&name()).expect("a ring");
    }
    kept.record().expect("a ring")
}

/// Records of each kind of ring, and those that no ring writes.
pub fn seeds() -> Vec<Seed> {
    let raw = |name: &str, record: &[u8]| Seed::new(name, [&[0], record].concat());
    let ring = written(Algorithm::Aes256Gcm, 2);
    let version = |number: u32| with_public(number, 1, &[number as u8]);
    let plain = Fields {
        format: 1,
        id: [5; 16],
        algorithm: 1,
        minima: [1, 0],
        flags: 0,
        versions: vec![version(1), version(2), version(3)],
    };
    let made = |name: &str, change: &dyn Fn(&mut Fields)| {
        let mut fields = plain.clone();
        change(&mut fields);
        raw(name, &fields.to_bytes())
    };
    let valid = |algorithm| {
        let kind = match algorithm {
            Algorithm::Aes256Gcm => "aes".to_owned(),
            Algorithm::EcdsaP256 => "p256".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        raw(&format!("valid-{kind}"), &written(algorithm, 2))
    };
    let made_by_rings =
        Algorithm::ALL.into_iter().filter(|kind| kind.generation() == Cost::Inline).map(valid);
    let by_hand = vec![
        raw("truncated", &ring[..ring.len() - 1]),
        raw("one-byte-more", &[&ring[..], &[0xf6]].concat()),
        raw("array-of-unknown-length", &[&[0x9f], &ring[1..], &[0xff]].concat()),
        raw("number-in-a-longer-spelling", &[&[0x88, 0x18, 0x01], &ring[2..]].concat()),
        raw("empty", b""),
        raw("versions-claimed-and-not-there", &[&ring[..24], &[0x9b], &[0xff; 8]].concat()),
        made("valid-by-hand", &|_| {}),
        made("disabled-and-deletable", &|fields| fields.flags = 3),
        made("format-of-the-future", &|fields| fields.format = 2),
        made("algorithm-unknown", &|fields| fields.algorithm = 4),
        made("no-versions", &|fields| fields.versions.clear()),
        made("version-zero", &|fields| fields.versions[0].0 = 0),
        made("version-largest", &|fields| fields.versions[2].0 = u32::MAX),
        made("versions-in-disorder", &|fields| fields.versions.swap(0, 2)),
        made("version-twice", &|fields| fields.versions[1].0 = 1),
        made("versions-without-the-first", &|fields| drop(fields.versions.remove(0))),
        made("minimum-of-decryption-zero", &|fields| fields.minima = [0, 0]),
        made("minimum-of-decryption-above-the-newest", &|fields| fields.minima = [4, 0]),
        made("minimum-of-encryption-above-the-newest", &|fields| fields.minima = [1, 4]),
        made("minimum-of-encryption-below-decryption", &|fields| fields.minima = [3, 2]),
        made("secret-too-short", &|fields| fields.versions[1].1.truncate(31)),
        made("public-half-of-nothing", &|fields| fields.versions[0].2 = Some(vec![4; 65])),
        Seed::new(
            "fields",
            [&[1, 1][..], &[5; 16], &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 2, 7, 8]].concat(),
        ),
    ];
    made_by_rings.chain(by_hand).collect()
}
