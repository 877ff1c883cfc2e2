use std::fmt;

use strongroom_core::{Action, Algorithm, Change, KeyError, Name, PublicKey, Reader, Stored, Time};
use strongroom_keys::{ImportError, KeyFormat, Transport};

use crate::{
    KmsError, NewRing, Origin, Ring, RingState, Rings,
    own_keys::OwnKey,
    record::{self, RingRecord, key},
    states::RingUse,
};

/// A key from elsewhere. It must be of the ring's type.
#[derive(Clone, Copy)]
pub enum Import<'a> {
    /// The key in the clear: what this process has it may bring in.
    Secret {
        /// How it is written.
        format: KeyFormat,
        /// What is written.
        written: &'a [u8],
    },
    /// The key, wrapped for [`Rings::wrapping_key`]: PKCS#8 in DER, or of types that have no document the bytes
    /// ([`KeyFormat::of`]).
    Wrapped {
        /// How it was wrapped.
        transport: Transport,
        /// What came of that.
        wrapped: &'a [u8],
    },
    /// A public half alone, which verifies, or encrypts and encapsulates to whoever has the other half. That can follow, by
    /// [`Rings::import_version`].
    Public {
        /// How it is written.
        format: KeyFormat,
        /// What is written.
        written: &'a [u8],
    },
}

/// A key that was looked at, and used once.
struct Taken {
    stored: Stored,
    origin: Origin,
}

/// How keys come in.
///
/// What a key did before it came, nobody here knows: the uses of a counted key
/// ([`Algorithm::use_limit`](strongroom_core::Algorithm::use_limit)) count from then on.
impl Rings {
    /// The public key of RSA-4096 for which others wrap keys ([`Transport`]). It is the tenant's, is made when it is first asked
    /// for, which takes seconds, and its private half never leaves the database.
    ///
    /// # Errors
    /// [`KmsError::Store`], [`KmsError::Commit`].
    pub fn wrapping_key(&self) -> Result<PublicKey, KmsError> {
        let _inside = self.base().enter()?;
        self.own_key(OwnKey::Wrapping)?.public.ok_or(KmsError::WrongType)
    }

    /// Makes a ring whose first version comes from elsewhere. `source` of the new ring does not matter.
    ///
    /// # Errors
    /// [`KmsError::Exists`]; [`KmsError::Invalid`] says what is wrong with the key; [`KmsError::OpenFailed`] for whatever
    /// does not unwrap, for whatever reason.
    pub fn import(&self, name: &Name, new: &NewRing, import: &Import<'_>) -> Result<Ring, KmsError> {
        let _inside = self.base().enter()?;
        let taken = self.take(new.algorithm, import)?;
        self.commit(|reader| self.plan_import(reader, name, new, &taken))
    }

    /// Brings a key into a ring: as the first version of one that waits for it, or as the next one of a ring that was
    /// brought in. A secret key goes into the version given, or without one into the newest, where that has its public half
    /// alone, and must be of it.
    ///
    /// # Errors
    /// As for [`Rings::import`], and [`KmsError::Policy`] for a ring whose keys are made here.
    pub fn import_version(
        &self,
        name: &Name,
        version: Option<u32>,
        import: &Import<'_>,
    ) -> Result<Ring, KmsError> {
        let _inside = self.base().enter()?;
        let algorithm = record::load(&*self.base().store, self.tenant(), name)?.algorithm;
        let taken = self.take(algorithm, import)?;
        self.commit(|reader| {
            self.changed(reader, name, Action::Import, |ring| {
                let now = self.base().clock.now();
                ring.bring_in(&taken, version.filter(|version| *version != 0), now)?;
                Ok(ring.view(now))
            })
        })
    }

    fn plan_import(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        new: &NewRing,
        taken: &Taken,
    ) -> Result<Change<Ring>, KmsError> {
        if reader.get(&key(self.tenant(), name)?)?.is_some() {
            return Err(KmsError::Exists);
        }
        let now = self.base().clock.now();
        let mut ring = RingRecord::empty(self.provider(), new.algorithm, RingState::PendingImport, now)?;
        ring.begin(new, |period| self.next_rotation(now, period))?;
        ring.bring_in(taken, None, now)?;
        let change = reader.change(ring.view(now));
        self.added(change, name, Action::Import, &mut ring)
    }

    /// Checks a key, whose halves are then used together once.
    fn take(&self, algorithm: Algorithm, import: &Import<'_>) -> Result<Taken, KmsError> {
        use secrecy::ExposeSecret as _;
        let backend = self.provider().software();
        let secret = match *import {
            Import::Public { format, written } => {
                let public = format.public(algorithm, written)?;
                let stored = backend.import_public(&public).map_err(no_key)?;
                return Ok(Taken { stored, origin: Origin::ImportedPublic });
            }
            Import::Secret { format, written } => format.private(algorithm, written)?,
            Import::Wrapped { transport, wrapped } => {
                let written = self.unwrap(transport, wrapped)?;
                KeyFormat::of(algorithm).private(algorithm, &written)?
            }
        };
        let stored = backend.import(algorithm, secret.expose_secret()).map_err(no_key)?;
        backend.load(&stored).map_err(no_key)?;
        Ok(Taken { stored, origin: Origin::Imported })
    }

    fn unwrap(&self, transport: Transport, wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, KmsError> {
        let provider = self.provider();
        let key = provider.software().load(&self.own_key(OwnKey::Wrapping)?)?;
        transport.unwrap(&*key, provider.random(), wrapped).map_err(|error| match error {
            KeyError::Random => error.into(),
            _ => KmsError::OpenFailed,
        })
    }
}

impl RingRecord {
    fn bring_in(&mut self, taken: &Taken, version: Option<u32>, now: Time) -> Result<(), KmsError> {
        self.state().check(RingUse::Import)?;
        if taken.stored.algorithm != self.algorithm {
            return Err(KmsError::Invalid("the key is of another type than the ring"));
        }
        if self.state == RingState::PendingImport {
            (self.state, self.changed) = (RingState::Active, now);
            self.flags.imported = true;
        } else if !self.flags.imported {
            return Err(KmsError::Policy("keys of this ring are made here: import into a ring of its own"));
        }
        match (version, taken.origin) {
            (Some(_), Origin::ImportedPublic) => {
                Err(KmsError::Invalid("a public key comes in as a new version only"))
            }
            (Some(version), _) => self.complete(version, taken),
            (None, Origin::Imported) if self.lacks_secret(self.latest()) => {
                self.complete(self.latest(), taken)
            }
            (None, origin) => self.push_version(&taken.stored, origin, now).map(drop),
        }
    }

    fn lacks_secret(&mut self, version: u32) -> bool {
        self.version_mut(version).is_some_and(|found| found.is_public_only())
    }

    /// Brings the secret to its public half.
    fn complete(&mut self, version: u32, taken: &Taken) -> Result<(), KmsError> {
        let algorithm = self.algorithm;
        let found = self.version_mut(version).ok_or(KmsError::NoVersion)?;
        if !found.is_public_only() {
            return Err(KmsError::Invalid("this version of the key has its secret already"));
        }
        if found.public(algorithm) != taken.stored.public {
            return Err(KmsError::Invalid("the key is not of the public half that this version has"));
        }
        found.complete(&taken.stored);
        Ok(())
    }
}

impl From<ImportError> for KmsError {
    fn from(error: ImportError) -> Self {
        Self::Invalid(error.advice())
    }
}

/// What a back end says of bytes that a document was made of.
fn no_key(error: KeyError) -> KmsError {
    match error {
        KeyError::Invalid => ImportError::OutOfRange.into(),
        other => other.into(),
    }
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { format, .. } => write!(f, "Secret({format:?})"),
            Self::Wrapped { transport, .. } => write!(f, "Wrapped({transport:?})"),
            Self::Public { format, .. } => write!(f, "Public({format:?})"),
        }
    }
}
