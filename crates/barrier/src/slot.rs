use strongroom_core::{Argon2Cost, Provider, StoreError};

use crate::{
    BackendKey, Passphrase, Share, ShareError, Split, UnsealSecret,
    record::{Fingerprint, Kind, Slot, Text, Wrapped},
    roots::NextRoot,
    shamir::{combine, split},
    wrap::{Child, Level, Material, Named, new_key},
};

/// A way in that a database gets.
#[derive(Debug)]
pub enum NewSlot<'a> {
    /// A secret that lies in a file.
    Secret(&'a UnsealSecret),
    /// Shares for custodians.
    Shamir(Split),
    /// What a person remembers, and what Argon2id takes for it each time: time and memory for us, and for
    /// whoever guesses with a stolen database.
    Passphrase(&'a Passphrase, Argon2Cost),
    /// A key in a backend, such as a token.
    Key(&'a BackendKey),
}

/// What opens a slot.
#[derive(Debug)]
pub enum Unlock<'a> {
    /// The bytes of a secret file.
    Secret(&'a UnsealSecret),
    /// Shares of one slot.
    Shares(&'a [Share]),
    /// What a person remembers.
    Passphrase(&'a Passphrase),
    /// A key in a backend.
    Key(&'a BackendKey),
}

/// A slot and its key, ready to load roots with.
pub(crate) struct Opened {
    pub(crate) id: [u8; 16],
    pub(crate) key: Named,
}

impl NewSlot<'_> {
    /// Whether a slot can be made so.
    pub(crate) fn makes_sense(&self) -> bool {
        match self {
            Self::Secret(_) | Self::Key(_) => true,
            Self::Shamir(Split { shares, threshold }) => (1..=*shares).contains(threshold),
            Self::Passphrase(_, cost) => cost.checked().is_ok(),
        }
    }

    /// The key of a new slot's secret, what the record says of it, and its shares.
    pub(crate) fn outer(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
    ) -> Result<(Named, Kind, Vec<Share>), StoreError> {
        Ok(match self {
            Self::Secret(secret) => (by_secret(provider, id, secret.expose()), Kind::SecretFile, Vec::new()),
            Self::Shamir(how) => {
                let secret = new_key(provider)?;
                let shares = split(provider, id, *how, &secret)?;
                let fingerprints =
                    shares.iter().map(|share| Fingerprint(share.fingerprint(provider))).collect();
                let kind = Kind::Shamir { threshold: how.threshold, fingerprints };
                (by_secret(provider, id, secret.as_slice()), kind, shares)
            }
            Self::Passphrase(passphrase, cost) => (
                by_passphrase(provider, id, passphrase, *cost)?,
                Kind::Passphrase { cost: *cost },
                Vec::new(),
            ),
            Self::Key(key) => {
                let (backend, name) = (Text(key.backend.clone()), Text(key.name.clone()));
                (Named::elsewhere(id, 1, key.mac()), Kind::Key { backend, name }, Vec::new())
            }
        })
    }
}

/// The key that a slot's secret gives: HKDF-SHA-256 with the slot's id as salt.
fn by_secret(provider: &dyn Provider, id: [u8; 16], secret: &[u8]) -> Named {
    Named::new(provider, id, 1, &provider.hkdf(secret, &id, b"strongroom/v1/slot"))
}

/// The key that a passphrase gives: Argon2id with the slot's id as salt, then as for any secret.
fn by_passphrase(
    provider: &dyn Provider,
    id: [u8; 16],
    passphrase: &Passphrase,
    cost: Argon2Cost,
) -> Result<Named, StoreError> {
    let stretched = provider.argon2id(passphrase.expose(), &id, cost)?;
    Ok(by_secret(provider, id, stretched.as_slice()))
}

pub(crate) fn slot_child(id: &[u8; 16], level: Level) -> Child<'_> {
    Child { level, id, version: 1, tenant: None }
}

fn root_child(database: &[u8; 16], version: u32) -> Child<'_> {
    Child { level: Level::Root, id: database, version, tenant: None }
}

/// The root sealed under a slot's key.
pub(crate) fn root_for(
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
    /// Whether it waits for a confirmation, and opens nothing until then.
    pub(crate) fn is_proposed(&self) -> bool {
        self.replaces.is_some()
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

    /// Opens the slot with shares, each checked; whether the slot is in use is not asked.
    pub(crate) fn open_shares(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        shares: &[Share],
    ) -> Result<Opened, Unopened> {
        shares.iter().try_for_each(|share| self.check(provider, id, share))?;
        let secret = combine(shares)?;
        let outer = by_secret(provider, id, secret.as_slice());
        self.open(provider, id, &outer)?.ok_or(Unopened::Store(StoreError::Corrupt))
    }

    /// Opens the slot with what is no share; nothing if that is another slot's.
    pub(crate) fn open_with(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        unlock: &Unlock<'_>,
    ) -> Result<Option<Opened>, StoreError> {
        if self.is_proposed() {
            return Ok(None);
        }
        let outer = match (&self.kind, unlock) {
            (Kind::SecretFile, Unlock::Secret(secret)) => by_secret(provider, id, secret.expose()),
            (Kind::Passphrase { cost }, Unlock::Passphrase(passphrase)) => {
                by_passphrase(provider, id, passphrase, *cost)?
            }
            // Only a key of these names is asked: a token may be slow, or count its uses.
            (Kind::Key { backend, name }, Unlock::Key(key))
                if backend.0 == key.backend && name.0 == key.name =>
            {
                Named::elsewhere(id, 1, key.mac())
            }
            _ => return Ok(None),
        };
        self.open(provider, id, &outer)
    }

    fn open(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        outer: &Named,
    ) -> Result<Option<Opened>, StoreError> {
        match outer.unwrap(provider, slot_child(&id, Level::Slot), &self.by_secret) {
            Ok(key) => Ok(Some(Opened { id, key: Named::new(provider, id, 1, &key) })),
            Err(StoreError::Corrupt) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the slot with the root, which knows every slot's key.
    pub(crate) fn open_by_root(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        root: &Named,
    ) -> Result<Opened, StoreError> {
        Ok(Opened { id, key: Named::new(provider, id, 1, &self.key_by_root(provider, id, root)?) })
    }

    fn key_by_root(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        root: &Named,
    ) -> Result<Material, StoreError> {
        root.unwrap(provider, slot_child(&id, Level::SlotByRoot), &self.by_root)
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

    /// Whether the slot's key opens by the root, and the root by it unless the slot is only proposed.
    pub(crate) fn verify(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        root: &Named,
    ) -> Result<(), StoreError> {
        let key = self.key_by_root(provider, id, root)?;
        if self.is_proposed() {
            return Ok(());
        }
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
        let key = self.key_by_root(provider, id, old)?;
        let by_root = new.named.wrap(provider, slot_child(&id, Level::SlotByRoot), &key)?;
        let root = if self.is_proposed() {
            Wrapped::none()
        } else {
            root_for(provider, id, &key, &new.named, &new.material)?
        };
        Ok(Self { by_root, root, ..self.clone() })
    }

    /// The proposed slot as one in use.
    pub(crate) fn confirmed(
        &self,
        provider: &dyn Provider,
        id: [u8; 16],
        root: &Named,
        root_material: &Material,
    ) -> Result<Self, StoreError> {
        let key = self.key_by_root(provider, id, root)?;
        let root = root_for(provider, id, &key, root, root_material)?;
        Ok(Self { root, replaces: None, ..self.clone() })
    }
}

/// A slot did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unopened {
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
