use minicbor::{Decode, Encode};
use secrecy::SecretSlice;
use strongroom_backup::SignerKey;
use strongroom_core::{
    Action, Algorithm, Base, Caller, CommitError, Event, KeyError, Name, PublicKey, RecordKey, Service,
    SignOptions, Signer, StoreError, Stored, Table, Tenant, Time, UseError, commit,
};
use zeroize::Zeroizing;

use crate::Strongroom;

/// The key that signs backups: one row.
const SIGNER: Table = Table::new(0x0301);
const FORMAT: u8 = 1;

/// The public half of the key that signs the backups of this database. To be kept with the recovery keys: whoever
/// restores says whom to trust.
///
/// # Errors
/// [`UseError`]. The key is made when it is first asked for.
pub fn signer(room: &Strongroom) -> Result<SignerKey, UseError> {
    SignerKey::of(&DatabaseSigner::of(room.barrier().base())?)
}

/// Signs with the database's own key, which it reads each time: nothing of it stays in memory.
pub(super) struct DatabaseSigner(Base);

#[derive(Encode, Decode)]
struct SignerRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    made: Time,
    #[cbor(n(2), with = "strongroom_core::secret_bytes")]
    secret: Zeroizing<Vec<u8>>,
    #[cbor(n(3), with = "minicbor::bytes")]
    public: [u8; 32],
}

impl DatabaseSigner {
    /// The signer of a database, with a key that is made now unless there is one.
    pub(super) fn of(base: Base) -> Result<Self, UseError> {
        let signer = Self(base);
        if signer.read()?.is_none() {
            signer.create()?;
        }
        Ok(signer)
    }

    fn create(&self) -> Result<(), UseError> {
        let Base { store, clock, outbox, .. } = &self.0;
        let (key, record) = (key()?, self.generate()?.to_bytes()?);
        let name = Name::parse("backup-signer").map_err(|_| StoreError::Invalid("a name"))?;
        let event =
            Event::allowed(&Caller::system(), clock.now(), Service::Backup, Action::Create, Some(name));
        let committed = commit(&**store, Tenant::SYSTEM, |mut reader| {
            let there = reader.get(&key)?.is_some();
            let mut change = reader.change(());
            // Who came first made the key.
            if !there {
                change.put_secret(&key, record.clone());
                outbox.put(&mut change, &event)?;
            }
            Ok::<_, CommitError>(change)
        });
        committed.map_err(|error| match error {
            CommitError::Store(error) => error.into(),
            // The key is read by whoever asks again.
            CommitError::Conflict(_) | CommitError::Contended | CommitError::Unknown => UseError::Unavailable,
        })
    }

    fn generate(&self) -> Result<SignerRecord, KeyError> {
        let stored = self.0.provider.software().generate(Algorithm::Ed25519)?;
        let secret = Zeroizing::new(stored.expose().to_vec());
        let public =
            stored.public.and_then(|public| public.bytes.try_into().ok()).ok_or(KeyError::Invalid)?;
        Ok(SignerRecord { format: FORMAT, made: self.0.clock.now(), secret, public })
    }

    fn read(&self) -> Result<Option<SignerRecord>, StoreError> {
        let found = self.0.store.get_many(&[key()?])?.pop().flatten();
        found.map(|record| SignerRecord::read(&record.value)).transpose()
    }
}

impl Signer for DatabaseSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        let _inside = self.0.enter()?;
        let stored = self.read()?.ok_or(UseError::Unavailable)?.into_stored();
        Ok(self.0.provider.software().load(&stored)?.sign(message, &SignOptions::default())?)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        let _inside = self.0.enter()?;
        let SignerRecord { public, .. } = self.read()?.ok_or(UseError::Unavailable)?;
        Ok(PublicKey { algorithm: Algorithm::Ed25519, bytes: public.to_vec() })
    }
}

impl SignerRecord {
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let format = decoder.array().and_then(|_| decoder.u8()).map_err(|_| StoreError::Corrupt)?;
        if format != FORMAT {
            return Err(StoreError::Unsupported("read a key for backups that a newer version made"));
        }
        let record: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if *record.to_bytes()? == bytes { Ok(record) } else { Err(StoreError::Corrupt) }
    }

    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Room for all, so that no half-written copy of the secret is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    fn into_stored(self) -> Stored {
        let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: self.public.to_vec() };
        let secret = SecretSlice::from(self.secret.to_vec());
        Stored { algorithm: Algorithm::Ed25519, secret, public: Some(public) }
    }
}

fn key() -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, SIGNER, &[])?)
}
