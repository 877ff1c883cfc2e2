use std::fmt;

use secrecy::{ExposeSecret as _, SecretSlice};
use strongroom_core::{Action, Event, KeyError, Name, PublicKey, Service, Stored};
use strongroom_keys::{KeyFormat, Transport};

use crate::{
    KmsError, Operation, Rings,
    archive::{self, ArchivedRecord},
    record::{RingRecord, key},
    states::{KeyUse, RingUse},
    version_record::VersionRecord,
};

/// A key that left its ring.
pub struct Exported {
    /// The version.
    pub version: u32,
    /// The key, as it was asked for. Wiped on drop, never printed.
    pub secret: SecretSlice<u8>,
}

/// A key that left its ring, wrapped for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The version.
    pub version: u32,
    /// What [`Transport::wrap`] made of the key: PKCS#8 in DER, or the bytes of a key that has no document.
    pub bytes: Vec<u8>,
}

/// Which versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// This one; also one that is archived.
    One(u32),
    /// The newest.
    Newest,
    /// Each in the record of the ring that decrypts and whose state allows it, oldest first.
    All,
}

/// How keys go out. Only those of rings that are [`exportable`](crate::Settings::exportable), whose policy allows it, in
/// states that allow it. Whatever goes out, its event is durable before: in the same commit that finds the ring unchanged.
impl Rings {
    /// Hands out secret keys in a format.
    ///
    /// # Errors
    /// [`KmsError::Policy`] where the ring does not allow it, [`KmsError::NoSecret`] for a public half alone,
    /// [`KmsError::Invalid`] for a format that the type has not.
    pub fn export(
        &self,
        name: &Name,
        versions: Versions,
        format: KeyFormat,
    ) -> Result<Vec<Exported>, KmsError> {
        self.handed_out(name, versions, |version, stored| {
            let secret = self.provider().software().export(stored)?;
            let secret = format.write_private(stored.algorithm, secret.expose_secret()).map_err(misfit)?;
            Ok(Exported { version, secret })
        })
    }

    /// Hands out a secret key, wrapped for the holder of an RSA key.
    ///
    /// # Errors
    /// As for [`Rings::export`], and [`KmsError::Invalid`] for a key that nothing can be wrapped for in this way.
    pub fn export_wrapped(
        &self,
        name: &Name,
        versions: Versions,
        to: &PublicKey,
        transport: Transport,
    ) -> Result<Vec<Wrapped>, KmsError> {
        let (backend, random) = (self.provider().software(), self.provider().random());
        let recipient = backend.import_public(to).and_then(|stored| backend.load(&stored));
        let recipient = recipient.map_err(|_| KmsError::Invalid("keys are wrapped for RSA keys"))?;
        self.handed_out(name, versions, |version, stored| {
            let secret = backend.export(stored)?;
            let format = KeyFormat::of(stored.algorithm);
            let written = format.write_private(stored.algorithm, secret.expose_secret()).map_err(misfit)?;
            let bytes = transport.wrap(&*recipient, random, written.expose_secret());
            let bytes = bytes.map_err(|error| match error {
                KeyError::Unsupported => {
                    KmsError::Invalid("keys are wrapped for RSA keys, and not with SHA-1")
                }
                KeyError::Invalid => KmsError::Invalid("the key is too long to be wrapped in this way"),
                other => other.into(),
            })?;
            Ok(Wrapped { version, bytes })
        })
    }

    /// Takes keys out of the ring, and tells of it; where it was refused, as of other uses.
    fn handed_out<T>(
        &self,
        name: &Name,
        versions: Versions,
        write: impl Fn(u32, &Stored) -> Result<T, KmsError>,
    ) -> Result<Vec<T>, KmsError> {
        let _inside = self.base().enter()?;
        let base = self.base();
        let done = self.commit(|mut reader| {
            let row = reader.get(&key(self.tenant(), name)?)?.ok_or(KmsError::NotFound)?;
            let ring = RingRecord::read(&row.value)?;
            ring.lets_out(base.clock.now())?;
            let mut archived = None;
            if let Versions::One(version) = versions
                && version > 0
                && version < ring.first_live()
            {
                let row = reader.get(&archive::key(self.tenant(), ring.id, version)?)?;
                let row = row.ok_or(KmsError::NoVersion)?;
                archived = Some(ArchivedRecord::read(&row.value, version)?.version);
            }
            let out = chosen(&ring, archived.as_ref(), versions, base.clock.now())?
                .into_iter()
                .map(|(version, stored)| write(version, &stored))
                .collect::<Result<_, _>>()?;
            let mut change = reader.change(out);
            let now = base.clock.now();
            let event = Event::allowed(self.caller(), now, Service::Kms, Action::Export, Some(name.clone()));
            base.outbox.put(&mut change, &event)?;
            Ok(change)
        });
        match &done {
            Err(error) if self.recording && error.is_of_the_ring() => self.refused_export(name, error)?,
            _ => {}
        }
        done
    }

    fn refused_export(&self, name: &Name, error: &KmsError) -> Result<(), KmsError> {
        let base = self.base();
        let (now, name, verdict) = (base.clock.now(), Some(name.clone()), error.verdict());
        let event = Event::of(self.caller(), now, Service::Kms, Action::Export, name, verdict);
        Ok(base.outbox.record(&*base.store, &event)?)
    }
}

impl KmsError {
    /// Whether it says something about the ring, and not that nothing could be done.
    const fn is_of_the_ring(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Commit(_) | Self::Full(_))
    }
}

impl RingRecord {
    pub(crate) fn lets_out(&self, now: strongroom_core::Time) -> Result<(), KmsError> {
        self.state().check(RingUse::UseKeys)?;
        self.policy.admit(Operation::Export, None, now)?;
        if self.flags.exportable {
            Ok(())
        } else {
            Err(KmsError::Policy("keys of this ring are not exportable"))
        }
    }
}

/// The keys that go out, with their versions.
fn chosen(
    ring: &RingRecord,
    archived: Option<&VersionRecord>,
    versions: Versions,
    now: strongroom_core::Time,
) -> Result<Vec<(u32, Stored)>, KmsError> {
    let of = |version: &VersionRecord| {
        if version.version < ring.min_decryption {
            return Err(KmsError::TooOld);
        }
        version.state(now).check(KeyUse::Export)?;
        if !version.has_secret() {
            return Err(KmsError::NoSecret);
        }
        let stored = version.stored(ring.algorithm).ok_or(KmsError::NoSecret)?;
        Ok((version.version, stored))
    };
    let one = |version: u32| {
        let live = ring.versions.iter().find(|found| found.version == version);
        live.or(archived).ok_or(KmsError::NoVersion).and_then(of).map(|one| vec![one])
    };
    match versions {
        Versions::One(version) => one(version),
        Versions::Newest => one(ring.latest()),
        Versions::All => match ring.versions.iter().filter_map(|version| of(version).ok()).collect() {
            // Nothing to hand out, for the reason that holds for the newest.
            none if Vec::is_empty(&none) => one(ring.latest()),
            some => Ok(some),
        },
    }
}

fn misfit(error: KeyError) -> KmsError {
    match error {
        KeyError::Unsupported => KmsError::Invalid("keys of this type have no such format"),
        other => other.into(),
    }
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exported").field("version", &self.version).finish_non_exhaustive()
    }
}
