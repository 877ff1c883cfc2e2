use std::io::{self, Write};

use strongroom_core::{
    Action, Event, KeyError, Mac, Name, Provider, PublicKey, SealOptions, Service, StoreError, Time,
};
use zeroize::Zeroizing;

use crate::{
    KmsError, Rings,
    archive::{self, ArchivedRecord},
    backup_format::{BackupHeader, FileKey, RingFrame, Sealer, WAY_DATABASE},
    own_keys::OwnKey,
    record::{RingRecord, key},
    states::RingUse,
};

/// Archived versions that are read at once.
const AT_ONCE: u32 = 100;

/// Who can restore a backup of a ring.
#[derive(Debug, Clone, Copy)]
pub enum BackupTo<'a> {
    /// This database, for the same tenant: nothing leaves it that others could open.
    Database,
    /// The holder of an HPKE key (X25519, P-256 or X-Wing): for rings that are
    /// [`exportable`](crate::Settings::exportable) and whose backup may be in the clear
    /// ([`plaintext_backup`](crate::Settings::plaintext_backup)), as who opens it has the keys.
    Recipient(&'a PublicKey),
}

/// A backup of a ring was not written or not restored.
#[derive(Debug, thiserror::Error)]
pub enum RingBackupError {
    /// The ring, or its record.
    #[error(transparent)]
    Ring(#[from] KmsError),
    /// The file could not be written or read.
    #[error("the backup could not be written or read")]
    Io(#[from] io::Error),
    /// No backup of a ring, damaged, cut off, or sealed for another database, tenant or recipient.
    #[error("the backup does not open: it is damaged, cut off, or not for this database, tenant or key")]
    OpenFailed,
    /// A newer version made it.
    #[error("a newer version made this backup: restore it with that one")]
    Unsupported,
}

impl From<StoreError> for RingBackupError {
    fn from(error: StoreError) -> Self {
        Self::Ring(error.into())
    }
}

impl From<KeyError> for RingBackupError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Random => Self::Ring(error.into()),
            _ => Self::OpenFailed,
        }
    }
}

impl Rings {
    /// Writes a ring with all its versions, archived ones too, into a file that is encrypted and says what it is. At no time
    /// more of it is in memory than the ring's record and a page of archived versions. The event is durable before the first
    /// byte is written. A backup has the states of its moment: what is destroyed later comes back with it, as long as
    /// somebody has the file and what opens it.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Policy`] where the ring's backup may not leave the database.
    pub fn backup(&self, name: &Name, to: BackupTo<'_>, out: &mut dyn Write) -> Result<(), RingBackupError> {
        let _inside = self.base().enter()?;
        let base = self.base();
        let (header, file_key) = self.backup_header(to, base.clock.now())?;
        let ring = self.commit(|mut reader| {
            let row = reader.get(&key(self.tenant(), name)?)?.ok_or(KmsError::NotFound)?;
            let ring = RingRecord::read(&row.value)?;
            ring.may_be_backed_up(to)?;
            let mut change = reader.change(ring);
            let now = base.clock.now();
            let event = Event::allowed(self.caller(), now, Service::Kms, Action::BackUp, Some(name.clone()));
            base.outbox.put(&mut change, &event)?;
            Ok(change)
        })?;
        let mut sealer = Sealer::new(self.provider(), &header, &*file_key, out)?;
        let frame = RingFrame::new(name.clone(), ring.to_bytes()?);
        let archived = ring.min_available..ring.first_live();
        sealer.write(&frame.to_bytes()?, archived.is_empty())?;
        let mut next = archived.start;
        while next < archived.end {
            let end = archived.end.min(next.saturating_add(AT_ONCE));
            sealer.write(&self.archived_page(&ring, next..end)?, end == archived.end)?;
            next = end;
        }
        Ok(())
    }

    /// Archived versions, each behind its length.
    fn archived_page(
        &self,
        ring: &RingRecord,
        versions: std::ops::Range<u32>,
    ) -> Result<Zeroizing<Vec<u8>>, RingBackupError> {
        let keys: Vec<_> = versions
            .clone()
            .map(|version| archive::key(self.tenant(), ring.id, version))
            .collect::<Result<_, _>>()?;
        let rows = self.base().store.get_many(&keys)?;
        let room = rows.iter().flatten().map(|row| 4 + row.value.len()).sum();
        let mut page = Zeroizing::new(Vec::with_capacity(room));
        for (version, row) in versions.zip(rows) {
            let row =
                row.ok_or(KmsError::Invalid("the ring was trimmed while it was backed up: try again"))?;
            ArchivedRecord::read(&row.value, version)?;
            let length = u32::try_from(row.value.len()).map_err(|_| StoreError::Corrupt)?;
            page.extend_from_slice(&length.to_be_bytes());
            page.extend_from_slice(&row.value);
        }
        Ok(page)
    }

    fn backup_header(
        &self,
        to: BackupTo<'_>,
        made: Time,
    ) -> Result<(BackupHeader, Box<dyn Mac>), RingBackupError> {
        let provider = self.provider();
        let (mut id, mut file_key) = ([0; 16], FileKey::new([0; 32]));
        provider.random().fill_secret(&mut id).map_err(KmsError::from)?;
        provider.random().fill_secret(file_key.as_mut_slice()).map_err(KmsError::from)?;
        let mac = provider.hmac(&file_key);
        let (way, wrapped) = match to {
            BackupTo::Database => {
                let key = self.own_key(OwnKey::Backup)?;
                let wrapped = BackupHeader::seal_key(provider, &key, id, self.tenant(), &file_key)?;
                (WAY_DATABASE, wrapped)
            }
            BackupTo::Recipient(public) => {
                (public.algorithm.number(), for_recipient(provider, public, id, &file_key)?)
            }
        };
        Ok((BackupHeader::new(way, id, made, wrapped), mac))
    }
}

fn for_recipient(
    provider: &dyn Provider,
    public: &PublicKey,
    id: [u8; 16],
    file_key: &FileKey,
) -> Result<Vec<u8>, KmsError> {
    let backend = provider.software();
    let recipient = backend.import_public(public).and_then(|stored| backend.load(&stored));
    let options = SealOptions::Hpke { info: BackupHeader::INFO, aad: &id };
    let sealed = recipient.and_then(|recipient| recipient.seal(file_key.as_slice(), &options));
    sealed.map_err(|error| match error {
        KeyError::Random => error.into(),
        _ => KmsError::Invalid("a recipient of a backup has a key of HPKE"),
    })
}

impl RingRecord {
    fn may_be_backed_up(&self, to: BackupTo<'_>) -> Result<(), KmsError> {
        // A ring that is disabled, or to be deleted, has keys to be kept all the same.
        if self.versions.is_empty() {
            return self.state().check(RingUse::UseKeys);
        }
        let leaves = matches!(to, BackupTo::Recipient(_));
        if leaves && !(self.flags.exportable && self.flags.plaintext_backup) {
            return Err(KmsError::Policy(
                "a backup that leaves the database needs exportable and allow_plaintext_backup",
            ));
        }
        Ok(())
    }
}
