use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::{
    CommitError, KeyError, Mac, Provider, RecordKey, SealedStore, StoreError, Table, Tenant, commit,
    secret_bytes,
};

/// The key that hashes what events tell of secrets, under the system tenant: one row.
const HASH_KEY: Table = Table::new(0x0003);

const FORMAT: u8 = 1;

/// What stands for a secret in events: its HMAC-SHA-256 under a key that the database keeps. Who has the secret and
/// may ask the database finds its events; who has only the events learns nothing of the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Hashed(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Hashed {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hashed({self})")
    }
}

/// Makes [`Hashed`] values. There is one key for a database, whoever opens it.
pub struct Hasher(Box<dyn Mac>);

#[derive(Encode, Decode)]
struct HashKey {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "secret_bytes")]
    key: Zeroizing<Vec<u8>>,
}

impl Hasher {
    /// The hasher of the database in `store`; the first who asks makes its key.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn of(store: &dyn SealedStore, provider: &dyn Provider) -> Result<Self, CommitError> {
        let key = commit(store, Tenant::SYSTEM, |mut reader| {
            let place = RecordKey::new(Tenant::SYSTEM, HASH_KEY, &[]).map_err(StoreError::from)?;
            // Two that find nothing both expect that nothing is there: one of them reads the other's key then.
            if let Some(record) = reader.get(&place)? {
                return Ok::<_, CommitError>(reader.change(HashKey::read(&record.value)?.key));
            }
            let mut key = Zeroizing::new(vec![0; 32]);
            provider.random().fill_secret(&mut key).map_err(StoreError::from)?;
            let mut change = reader.change(key.clone());
            change.put_secret(&place, HashKey { format: FORMAT, key }.to_bytes()?);
            Ok(change)
        })?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| StoreError::Corrupt)?;
        Ok(Self(provider.hmac(key)))
    }

    /// What stands for `secret`.
    ///
    /// # Errors
    /// [`KeyError`], where the provider's key does not answer.
    pub fn hash(&self, secret: &[u8]) -> Result<Hashed, KeyError> {
        Ok(Hashed(*self.0.mac(&[secret])?))
    }
}

impl HashKey {
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let found: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if found.format != FORMAT {
            return Err(StoreError::Unsupported("read a key for events that a newer version made"));
        }
        if found.to_bytes()?.as_slice() == bytes { Ok(found) } else { Err(StoreError::Corrupt) }
    }

    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}
