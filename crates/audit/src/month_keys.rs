use minicbor::{Decode, Encode};
use strongroom_core::{KeyError, Mac, Plaintext, Provider, RecordKey, StoreError, Tenant};
use strongroom_keys::envelope::{self, Context, EnvelopeError, Header, KeyId};
use zeroize::Zeroizing;

use crate::{Leaf, Month, record, tables};

/// The keys of a tenant's month, as they are kept: until they are erased, and then that they were.
#[derive(Encode, Decode)]
pub(crate) struct MonthRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    live: Option<Live>,
    /// The ids of keys that were erased.
    #[n(2)]
    erased: Vec<Id>,
}

#[derive(Clone, Encode, Decode)]
struct Live {
    #[n(0)]
    id: Id,
    /// Opens the payloads.
    #[cbor(n(1), with = "strongroom_core::secret_bytes")]
    payloads: Zeroizing<Vec<u8>>,
    /// Hashes what the index of a bundle filters by.
    #[cbor(n(2), with = "strongroom_core::secret_bytes")]
    filter: Zeroizing<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct Id(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]);

/// Erasures of one month that a record has room for.
const ERASED: usize = 100;

impl MonthRecord {
    pub(crate) fn key(tenant: Tenant, month: Month) -> Result<RecordKey, StoreError> {
        Ok(tables::of_month(tenant, month)?)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        record::read(bytes)
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::write(self)
    }

    /// With new keys, unless there are some; whether they are new.
    pub(crate) fn with_keys(old: Option<Self>, provider: &dyn Provider) -> Result<(Self, bool), KeyError> {
        let mut record = old.unwrap_or(Self { format: record::FORMAT, live: None, erased: Vec::new() });
        let new = record.live.is_none();
        if new {
            record.live = Some(Live::generate(provider)?);
        }
        Ok((record, new))
    }

    /// The record after its keys were erased; nothing if it has none.
    pub(crate) fn erase(mut self) -> Option<Self> {
        let live = self.live.take()?;
        self.erased.push(live.id);
        // Nothing is lost with the oldest id but the word that it was erased on purpose.
        if self.erased.len() > ERASED {
            self.erased.remove(0);
        }
        Some(self)
    }

    /// Whether a sealed payload lies under a key that was erased.
    pub(crate) fn erased(&self, sealed: &[u8]) -> bool {
        Header::parse(sealed).is_ok_and(|header| self.erased.contains(&Id(header.key.id)))
    }

    /// The keys, ready for use.
    pub(crate) fn keys(&self, provider: &dyn Provider) -> Result<Option<MonthKeys>, StoreError> {
        let Some(Live { id, payloads, filter }) = &self.live else { return Ok(None) };
        let mac = |key: &[u8]| key.try_into().map(|key| provider.hmac(key)).map_err(|_| StoreError::Corrupt);
        Ok(Some(MonthKeys { id: id.0, payloads: mac(payloads)?, filter: mac(filter)? }))
    }
}

impl Live {
    fn generate(provider: &dyn Provider) -> Result<Self, KeyError> {
        let mut id = [0; 16];
        provider.random().fill(&mut id);
        let key = || {
            let mut key = Zeroizing::new(vec![0; 32]);
            provider.random().fill_secret(&mut key).map(|()| key)
        };
        Ok(Self { id: Id(id), payloads: key()?, filter: key()? })
    }
}

/// The keys of a tenant's month. Live for one operation.
pub(crate) struct MonthKeys {
    id: [u8; 16],
    payloads: Box<dyn Mac>,
    filter: Box<dyn Mac>,
}

impl MonthKeys {
    /// Seals a blind and a payload for the leaf with this header.
    pub(crate) fn seal(
        &self,
        provider: &dyn Provider,
        header: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        envelope::seal(provider, &*self.payloads, self.id(), &context(provider, header)?, plaintext)
    }

    /// The blind and the payload of a leaf.
    pub(crate) fn open(
        &self,
        provider: &dyn Provider,
        leaf: &Leaf,
        sealed: &[u8],
    ) -> Result<Plaintext, EnvelopeError> {
        envelope::open(provider, &*self.payloads, self.id(), &context(provider, &leaf.header())?, sealed)
    }

    /// Whether it is the key that a sealed payload names.
    pub(crate) fn seals(&self, sealed: &[u8]) -> bool {
        Header::parse(sealed).is_ok_and(|header| header.key == self.id())
    }

    /// What the index of a bundle filters by, for something of a kind.
    pub(crate) fn filter(&self, kind: u8, bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.filter.mac(&[&[kind], bytes])
    }

    fn id(&self) -> KeyId {
        KeyId { id: self.id, version: 1 }
    }
}

fn context(provider: &dyn Provider, header: &[u8]) -> Result<Context, EnvelopeError> {
    Context::new(provider, &[b"audit", header])
}
