//! The record of a key ring, seen through what a ring can do.

use std::sync::Arc;

use minicbor::Encoder;
use strongroom_core::{
    Algorithm, Base, Cost, FixedClock, Gate, KeyBackend, Name, Provider, Purpose, RecordKey, SealOptions,
    Segment, StoreError, Table, Tenant, Write, memory::MemoryStore,
};
use strongroom_keys::envelope::Header;
use strongroom_kms::{Kms, KmsError, Policy, Ring, RingState, Rings, Settings, Signature, VersionState};
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
/// - A record that is read is the only one of its ring: written anew without a change, it is the same, unless versions have
///   to move to the archive.
/// - What a ring encrypts or signs, it decrypts or verifies, also after a rotation; and nothing while disabled.
/// - A ring whose newest version is not active, or whose policy is another, does not do what they forbid.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let record = if input.byte() == 0 { input.rest().to_vec() } else { Fields::read(&mut input).to_bytes() };
    let kept = Kept::new(&record);
    match kept.rings.read(&name()) {
        Ok(ring) => {
            makes_sense(&ring);
            kept.rewritten(&record, &ring);
            if is_plain(&ring) {
                kept.used(&ring);
            } else {
                kept.tried(&ring);
            }
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
    let latest = ring.versions.last().map_or(0, |version| version.version);
    assert_eq!(ring.latest_version, latest);
    assert_eq!(ring.deletion.is_some(), ring.state == RingState::PendingDeletion);
    if ring.versions.is_empty() {
        let waits = [RingState::Creating, RingState::PendingImport, RingState::PendingDeletion];
        return assert!(waits.contains(&ring.state));
    }
    assert!((1..=ring.versions[0].version).contains(&ring.min_available_version));
    assert!(ring.versions.windows(2).all(|pair| pair[0].version < pair[1].version));
    assert!((ring.min_available_version..=latest).contains(&ring.min_decryption_version));
    let encryption = ring.min_encryption_version;
    assert!(encryption == 0 || (ring.min_decryption_version..=latest).contains(&encryption));
    for version in &ring.versions {
        let destroyed = version.state == VersionState::Destroyed;
        assert_eq!(destroyed, !version.has_secret && version.public.is_none());
    }
}

/// Whether nothing but its type says what the ring may do once it is enabled.
fn is_plain(ring: &Ring) -> bool {
    let newest = ring.versions.last();
    matches!(ring.state, RingState::Active | RingState::Disabled)
        && newest.is_some_and(|newest| newest.state == VersionState::Active && newest.has_secret)
        && ring.policy == Policy::default()
        && !ring.derived
        && (!ring.imported || ring.allow_rotation)
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
        let stays = ring.versions.first().is_none_or(|first| first.version >= ring.min_decryption_version);
        match self.rings.configure(&name(), &Settings::default()) {
            Ok(same) if stays => assert_eq!((&same, self.record().as_deref()), (ring, Some(record))),
            Ok(shown) => assert_eq!(shown.latest_version, ring.latest_version),
            Err(error) => {
                assert!(matches!(error, KmsError::RingState(RingState::PendingDeletion)), "{error:?}");
                assert_eq!(self.record().as_deref(), Some(record));
            }
        }
        if !matches!(ring.state, RingState::Active | RingState::Disabled) {
            return;
        }
        self.rings.disable(&name()).expect("a ring");
        assert!(matches!(
            self.rings.encrypt(&name(), b"x", b""),
            Err(KmsError::Disabled | KmsError::Store(_))
        ));
        assert!(matches!(self.rings.sign(&name(), None, b"x"), Err(KmsError::Disabled | KmsError::Store(_))));
        self.rings.enable(&name()).expect("a ring");
        assert_eq!(self.rings.read(&name()).expect("a ring").state, RingState::Active);
    }

    /// A ring that is limited: nothing panics, and what its newest version's state forbids is not done.
    fn tried(&self, ring: &Ring) {
        let used = ring.versions.iter().rev().find(|version| version.state != VersionState::PreActive);
        let may = used.is_some_and(|version| version.state == VersionState::Active)
            && matches!(ring.state, RingState::Active | RingState::Disabled);
        let done = [
            self.rings.encrypt(&name(), b"a text", b"more").is_ok(),
            self.rings.sign(&name(), None, b"a text").is_ok(),
            self.rings.mac(&name(), None, b"a text").is_ok(),
            self.rings.derive(&name(), None, b"fuzz", b"a text", 40).is_ok(),
            self.rings.encapsulate(&name(), None).is_ok(),
        ];
        assert!(may || done.iter().all(|done| !done), "{done:?}");
        let _ = self.rings.rotate(&name());
        let _ = self.rings.set_version_state(&name(), ring.latest_version, VersionState::Destroyed);
        let _ = self.rings.trim(&name(), ring.min_decryption_version);
        let _ = self.rings.read(&name()).map(|ring| makes_sense(&ring));
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
    state: u8,
    /// Deletion allowed, exportable, plaintext backup, derived, imported, rotation allowed; then whether it has a deletion and
    /// a rotation.
    flags: u8,
    /// Of decryption, of encryption, and what is there.
    minima: [u32; 3],
    delay: u8,
    operations: u32,
    versions: Vec<Version>,
}

/// A version, field by field.
#[derive(Debug, Clone)]
struct Version {
    number: u32,
    state: u8,
    /// How long before or after now its use begins.
    activates: i8,
    secret: Vec<u8>,
    public: Option<Vec<u8>>,
}

impl Fields {
    fn read(input: &mut Input<'_>) -> Self {
        let (format, id, algorithm) = (input.byte(), input.array(), some_number(input.byte()));
        let (state, flags, delay) = (input.byte(), input.byte(), input.byte());
        let (minima, operations) = ([input.u32(), input.u32(), input.u32()], input.u32());
        let count = input.byte() % 5;
        let versions = (0..count).map(|_| Version::read(input, algorithm)).collect();
        Self { format, id, algorithm, state, flags, minima, delay, operations, versions }
    }

    /// As the record is written: CBOR arrays, without absent values at the end.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut Encoder::new(&mut bytes)).expect("a vector takes all");
        bytes
    }

    fn encode(
        &self,
        to: &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let (now, flag) = (NOW.as_millis(), |bit: u8| self.flags & (1 << bit) > 0);
        to.array(15)?.u8(self.format)?.bytes(&self.id)?.u8(self.algorithm)?;
        to.u64(now)?.u8(self.state)?.u64(now)?;
        if flag(6) {
            to.u64(now)?
        } else {
            to.null()?
        };
        to.array(6)?;
        for bit in 0..6 {
            to.bool(flag(bit))?;
        }
        to.u32(self.minima[0])?.u32(self.minima[1])?.u32(self.minima[2])?;
        if flag(7) {
            to.array(2)?.u64(3_600_000)?.u64(now)?
        } else {
            to.null()?
        };
        to.u8(self.delay)?.array(1)?.u32(self.operations)?;
        to.array(self.versions.len() as u64)?;
        self.versions.iter().try_for_each(|version| version.encode(to))
    }
}

impl Version {
    fn read(input: &mut Input<'_>, algorithm: u8) -> Self {
        let (number, state, activates) = (input.u32(), input.byte(), input.byte() as i8);
        let (kind, bytes) = (input.byte(), input.short());
        let (secret, public) = match kind % 4 {
            0 => (bytes.to_vec(), None),
            1 => (bytes.to_vec(), Some(input_half(bytes))),
            _ => with_public(algorithm, bytes),
        };
        Self { number, state, activates, secret, public }
    }

    /// An active one.
    fn of(number: u32, algorithm: u8, bytes: &[u8]) -> Self {
        let (secret, public) = with_public(algorithm, bytes);
        Self { number, state: 2, activates: 0, secret, public }
    }

    fn encode(
        &self,
        to: &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let (now, activates) =
            (NOW.as_millis(), NOW.as_millis().saturating_add_signed(self.activates.into()));
        to.array(7 + u64::from(self.public.is_some()))?.u32(self.number)?.u64(now)?;
        to.u8(self.state)?.u64(now)?.u64(activates)?.u8(1)?.bytes(&self.secret)?;
        if let Some(public) = &self.public {
            to.bytes(public)?;
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
fn with_public(number: u8, bytes: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.number() == number);
    let length = algorithm.and_then(Algorithm::secret_lengths).map_or(32, |lengths| *lengths.start());
    let mut secret = vec![1; length];
    secret.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    let provider = fixed::provider(21);
    let backend: &dyn KeyBackend = provider.software();
    match algorithm.map(|algorithm| backend.import(algorithm, &secret)) {
        Some(Ok(stored)) => (stored.expose().to_vec(), stored.public.map(|public| public.bytes)),
        _ => (secret, None),
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
    let version = |number: u32| Version::of(number, 1, &[number as u8]);
    let plain = Fields {
        format: 2,
        id: [5; 16],
        algorithm: 1,
        state: 3,
        flags: 0,
        minima: [1, 0, 1],
        delay: 0,
        operations: 0x1fff,
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
        raw("number-in-a-longer-spelling", &[&[0x8f, 0x18, 0x02], &ring[2..]].concat()),
        raw("empty", b""),
        raw("versions-claimed-and-not-there", &[&ring[..56], &[0x9b], &[0xff; 8]].concat()),
        made("valid-by-hand", &|_| {}),
        made("disabled-and-deletable", &|fields| (fields.state, fields.flags) = (4, 1)),
        made("all-flags", &|fields| fields.flags = 0x3f),
        made("pending-deletion", &|fields| fields.flags = 1 << 6),
        made("rotated-by-itself", &|fields| fields.flags = 1 << 7),
        made("creating", &|fields| (fields.state, fields.versions) = (1, Vec::new())),
        made("pending-import", &|fields| (fields.state, fields.versions) = (2, Vec::new())),
        made("creating-with-versions", &|fields| fields.state = 1),
        made("destroyed-and-there", &|fields| fields.state = 6),
        made("format-of-before", &|fields| fields.format = 1),
        made("format-of-the-future", &|fields| fields.format = 3),
        made("algorithm-unknown", &|fields| fields.algorithm = 4),
        made("no-versions", &|fields| fields.versions.clear()),
        made("version-zero", &|fields| fields.versions[0].number = 0),
        made("version-largest", &|fields| fields.versions[2].number = u32::MAX),
        made("versions-in-disorder", &|fields| fields.versions.swap(0, 2)),
        made("version-twice", &|fields| fields.versions[1].number = 1),
        made("versions-without-the-first", &|fields| drop(fields.versions.remove(0))),
        made("minimum-of-decryption-zero", &|fields| fields.minima = [0, 0, 1]),
        made("minimum-of-decryption-above-the-newest", &|fields| fields.minima = [4, 0, 1]),
        made("minimum-of-encryption-above-the-newest", &|fields| fields.minima = [1, 4, 1]),
        made("minimum-of-encryption-below-decryption", &|fields| fields.minima = [3, 2, 1]),
        made("available-from-zero", &|fields| fields.minima = [1, 0, 0]),
        made("available-from-the-second", &|fields| fields.minima = [2, 0, 2]),
        made("old-versions-to-archive", &|fields| fields.minima = [3, 0, 1]),
        made("no-operation-allowed", &|fields| fields.operations = 0),
        made("operation-unknown", &|fields| fields.operations = 0x3fff),
        made("newest-not-active-yet", &|fields| fields.versions[2].activates = 100),
        made("newest-suspended", &|fields| fields.versions[2].state = 3),
        made("newest-deactivated", &|fields| fields.versions[2].state = 4),
        made("newest-compromised", &|fields| fields.versions[2].state = 5),
        made("newest-destroyed", &|fields| {
            fields.versions[2] = Version { state: 6, secret: Vec::new(), ..fields.versions[2].clone() };
        }),
        made("destroyed-with-its-secret", &|fields| fields.versions[2].state = 6),
        made("secret-too-short", &|fields| fields.versions[1].secret.truncate(31)),
        made("public-half-of-nothing", &|fields| fields.versions[0].public = Some(vec![4; 65])),
        Seed::new(
            "fields",
            [
                &[1, 2][..],
                &[5; 16],
                &[2, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x1f, 0xff],
                &[1, 0, 0, 0, 1, 2, 0, 2, 2, 7, 8],
            ]
            .concat(),
        ),
    ];
    made_by_rings.chain(by_hand).collect()
}
