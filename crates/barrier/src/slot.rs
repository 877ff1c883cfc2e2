use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{Provider, StoreError, Time};
use zeroize::Zeroizing;

use crate::{
    Share, ShareError, Split,
    record::{Fingerprint, Kind, Slot, Wrapped},
    roots::NextRoot,
    share::{combine, split},
    wrap::{Child, Level, Material, Named, new_id, new_key},
};

/// What a secret file holds: at least 32 bytes, taken as they are, a newline at the end included.
pub struct UnsealSecret(SecretSlice<u8>);

/// A secret file is too short: it needs at least 32 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an unseal secret needs at least 32 bytes: make it from random bytes")]
pub struct TooShort;

impl UnsealSecret {
    /// Takes the bytes of a secret file.
    ///
    /// # Errors
    /// [`TooShort`] for less than 32 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooShort> {
        // A copy of exactly its length, as shortening a buffer may leave the old one behind.
        let bytes = Zeroizing::new(bytes);
        let secret = SecretSlice::from(bytes.to_vec());
        if secret.expose_secret().len() < 32 { Err(TooShort) } else { Ok(Self(secret)) }
    }
}

impl fmt::Debug for UnsealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsealSecret")
    }
}

/// A way in that a new database gets.
#[derive(Debug)]
pub enum NewSlot<'a> {
    /// A secret that lies in a file.
    Secret(&'a UnsealSecret),
    /// Shares for custodians.
    Shamir(Split),
}

/// What opens a slot.
#[derive(Debug)]
pub enum Unlock<'a> {
    /// The bytes of a secret file.
    Secret(&'a UnsealSecret),
    /// Shares of one slot.
    Shares(&'a [Share]),
}

/// What a slot is, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotStatus {
    /// Its id.
    pub id: [u8; 16],
    /// When it was made.
    pub made: Time,
    /// How its secret is split; a secret file if it is not.
    pub split: Option<Split>,
}

/// A slot and its key, ready to load roots with.
pub(crate) struct Opened {
    pub(crate) id: [u8; 16],
    pub(crate) key: Named,
}

/// A slot that was just made, and what its custodians get.
pub(crate) struct Made {
    pub(crate) id: [u8; 16],
    pub(crate) slot: Slot,
    pub(crate) shares: Vec<Share>,
}

/// The key that a slot's secret gives: HKDF-SHA-256 with the slot's id as salt.
fn by_secret(provider: &dyn Provider, id: [u8; 16], secret: &[u8]) -> Named {
    Named::new(provider, id, 1, &provider.hkdf(secret, &id, b"strongroom/v1/slot"))
}

fn slot_child(id: &[u8; 16], level: Level) -> Child<'_> {
    Child { level, id, version: 1, tenant: None }
}

fn root_child(database: &[u8; 16], version: u32) -> Child<'_> {
    Child { level: Level::Root, id: database, version, tenant: None }
}

/// Makes a slot for a root.
pub(crate) fn make(
    provider: &dyn Provider,
    new: &NewSlot<'_>,
    made: Time,
    root: &Named,
    root_material: &Material,
) -> Result<Made, StoreError> {
    let (id, key) = (new_id(provider)?, new_key(provider)?);
    let (outer, kind, shares) = match new {
        NewSlot::Secret(secret) => {
            (by_secret(provider, id, secret.0.expose_secret()), Kind::SecretFile, Vec::new())
        }
        NewSlot::Shamir(how) => {
            let secret = new_key(provider)?;
            let shares = split(provider, id, *how, &secret)?;
            let fingerprints = shares.iter().map(|share| Fingerprint(share.fingerprint(provider))).collect();
            let kind = Kind::Shamir { threshold: how.threshold, fingerprints };
            (by_secret(provider, id, secret.as_slice()), kind, shares)
        }
    };
    let slot = Slot::new(
        kind,
        made,
        outer.wrap(provider, slot_child(&id, Level::Slot), &key)?,
        root.wrap(provider, slot_child(&id, Level::SlotByRoot), &key)?,
        root_for(provider, id, &key, root, root_material)?,
    );
    Ok(Made { id, slot, shares })
}

/// The root sealed under a slot's key.
fn root_for(
    provider: &dyn Provider,
    id: [u8; 16],
    key: &Material,
    root: &Named,
    root_material: &Material,
) -> Result<Wrapped, StoreError> {
    let version = root.id.version;
    let sealed =
        Named::new(provider, id, 1, key).wrap(provider, root_child(&root.id.id, version), root_material)?;
    Ok(Wrapped { version, sealed })
}

impl Slot {
    pub(crate) fn status(&self, id: [u8; 16]) -> SlotStatus {
        let split = match &self.kind {
            Kind::SecretFile => None,
            Kind::Shamir { threshold, fingerprints } => {
                let shares = u8::try_from(fingerprints.len()).unwrap_or(u8::MAX);
                Some(Split { shares, threshold: *threshold })
            }
        };
        SlotStatus { id, made: self.made, split }
    }

    /// Whether the share is one of this slot's.
    pub(crate) fn check(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        share: &Share,
    ) -> Result<(), ShareError> {
        let Kind::Shamir { threshold, fingerprints } = &self.kind else { return Err(ShareError::Foreign) };
        if share.slot() != id {
            return Err(ShareError::Foreign);
        }
        let place = usize::from(share.index()).checked_sub(1);
        let known = place.and_then(|place| fingerprints.get(place));
        let same = known == Some(&Fingerprint(share.fingerprint(provider)));
        if same && share.threshold() == *threshold { Ok(()) } else { Err(ShareError::Wrong) }
    }

    /// Opens the slot with shares, each checked.
    pub(crate) fn open_shares(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        shares: &[Share],
    ) -> Result<Opened, SlotError> {
        shares.iter().try_for_each(|share| self.check(provider, id, share))?;
        let secret = combine(shares)?;
        self.open(provider, id, secret.as_slice())?.ok_or(SlotError::Store(StoreError::Corrupt))
    }

    /// Opens the slot with a secret file; nothing if it is another slot's.
    pub(crate) fn open_secret(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        secret: &UnsealSecret,
    ) -> Result<Option<Opened>, StoreError> {
        match self.kind {
            Kind::SecretFile => self.open(provider, id, secret.0.expose_secret()),
            Kind::Shamir { .. } => Ok(None),
        }
    }

    fn open(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        secret: &[u8],
    ) -> Result<Option<Opened>, StoreError> {
        let outer = by_secret(provider, id, secret);
        match outer.unwrap(provider, slot_child(&id, Level::Slot), &self.by_secret) {
            Ok(key) => Ok(Some(Opened { id, key: Named::new(provider, id, 1, &key) })),
            Err(StoreError::Corrupt) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The current root, by the slot's key.
    pub(crate) fn root(
        &self,
        provider: &dyn Provider,
        opened: &Opened,
        database: &[u8; 16],
    ) -> Result<Material, StoreError> {
        opened.key.unwrap(provider, root_child(database, self.root.version), &self.root.sealed)
    }

    /// Whether the slot's key opens by the root, and the root by it.
    pub(crate) fn verify(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        root: &Named,
    ) -> Result<(), StoreError> {
        let key = root.unwrap(provider, slot_child(&id, Level::SlotByRoot), &self.by_root)?;
        let opened = Opened { id, key: Named::new(provider, id, 1, &key) };
        self.root(provider, &opened, &root.id.id)?;
        if self.root.version == root.id.version { Ok(()) } else { Err(StoreError::Corrupt) }
    }

    /// The same slot for a new root, without its secret: the old root knows the slot's key.
    pub(crate) fn rerooted(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        old: &Named,
        new: &NextRoot,
    ) -> Result<Self, StoreError> {
        let child = slot_child(&id, Level::SlotByRoot);
        let key = old.unwrap(provider, child, &self.by_root)?;
        let by_root = new.named.wrap(provider, child, &key)?;
        let root = root_for(provider, id, &key, &new.named, &new.material)?;
        Ok(Self::new(self.kind.clone(), self.made, self.by_secret.clone(), by_root, root))
    }
}

/// A slot did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlotError {
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
