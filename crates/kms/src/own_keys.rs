//! Keys that rings of a tenant share: what others wrap keys for, and what backups of rings are sealed under. Each is made when
//! it is first needed, lies under the tenant, and never leaves the database.

use std::cell::OnceCell;

use minicbor::{Decode, Encode};
use secrecy::SecretSlice;
use strongroom_core::{
    Action, Algorithm, Event, PublicKey, RecordKey, Segment, Service, StoreError, Stored, Table, Tenant,
    Time, commit,
};
use zeroize::Zeroizing;

use crate::{KmsError, Rings, record};

/// The keys of a tenant's rings together, by what they serve.
pub(crate) const OWN_KEYS: Table = Table::new(0x0108);
const FORMAT: u8 = 1;

/// What such a key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnKey {
    /// Others wrap keys for it.
    Wrapping = 1,
    /// Backups of rings are sealed under it.
    Backup = 2,
}

/// One of them as its record has it.
#[derive(Encode, Decode)]
pub(crate) struct OwnKeyRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    algorithm: Algorithm,
    #[n(2)]
    made: Time,
    #[cbor(n(3), with = "strongroom_core::secret_bytes")]
    secret: Zeroizing<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    public: Option<Vec<u8>>,
}

impl OwnKey {
    pub(crate) const ALL: [Self; 2] = [Self::Wrapping, Self::Backup];

    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Wrapping => Algorithm::Rsa4096,
            Self::Backup => Algorithm::Aes256Gcm,
        }
    }

    pub(crate) fn key(self, tenant: Tenant) -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(tenant, OWN_KEYS, &[Segment::Number(self as u64)])?)
    }
}

impl OwnKeyRecord {
    fn new(stored: &Stored, made: Time) -> Self {
        let public = stored.public.as_ref().map(|public| public.bytes.clone());
        let secret = Zeroizing::new(stored.expose().to_vec());
        Self { format: FORMAT, algorithm: stored.algorithm, made, secret, public }
    }

    /// Reads a record, which has one encoding only.
    pub(crate) fn read(bytes: &[u8], what: OwnKey) -> Result<Self, StoreError> {
        match record::format(bytes) {
            Some(known) if known == u64::from(FORMAT) => {}
            Some(_) => return Err(StoreError::Unsupported("read a key that a newer version made")),
            None => return Err(StoreError::Corrupt),
        }
        let key: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        let sound = key.algorithm == what.algorithm() && *key.to_bytes()? == bytes;
        if sound { Ok(key) } else { Err(StoreError::Corrupt) }
    }

    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let public = self.public.as_ref().map_or(0, Vec::len);
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 + self.secret.len() + public));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    pub(crate) fn stored(&self) -> Stored {
        let public = self.public.clone().map(|bytes| PublicKey { algorithm: self.algorithm, bytes });
        Stored { algorithm: self.algorithm, secret: SecretSlice::from(self.secret.to_vec()), public }
    }
}

impl Rings {
    /// The key, which is made and written before anybody gets it. Of two nodes that make it at once one writes it, and both
    /// have that one.
    pub(crate) fn own_key(&self, what: OwnKey) -> Result<Stored, KmsError> {
        let (base, key) = (self.base(), what.key(self.tenant())?);
        if let Some(row) = base.store.get_many(std::slice::from_ref(&key))?.pop().flatten() {
            return Ok(OwnKeyRecord::read(&row.value, what)?.stored());
        }
        let made = OnceCell::new();
        commit(&*base.store, self.tenant(), |mut reader| {
            if let Some(row) = reader.get(&key)? {
                return Ok(reader.change(OwnKeyRecord::read(&row.value, what)?.stored()));
            }
            let now = base.clock.now();
            if made.get().is_none() {
                let stored = base.provider.software().generate(what.algorithm())?;
                let _ = made.set(OwnKeyRecord::new(&stored, now));
            }
            let record = made.get().ok_or(StoreError::Corrupt)?;
            let mut change = reader.change(record.stored());
            change.put_secret(&key, record.to_bytes()?);
            let event = Event::allowed(self.caller(), now, Service::Kms, Action::Create, None);
            base.outbox.put(&mut change, &event)?;
            Ok(change)
        })
    }
}
