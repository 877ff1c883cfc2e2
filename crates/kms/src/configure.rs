use std::time::Duration;

use strongroom_core::{Purpose, Time};

use crate::{
    KmsError, NewRing, Settings,
    record::{Flags, RingRecord, Rotation},
};

/// The shortest period of rotation, and the longest time that anything is put off.
const HOUR: Duration = Duration::from_secs(3_600);
const YEARS: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3_600);

impl RingRecord {
    /// Changes settings; none of them where one makes no sense. `next` gives the time of the next rotation for a new period.
    pub(crate) fn configure(
        &mut self,
        settings: &Settings,
        next: impl FnOnce(Duration) -> Time,
    ) -> Result<(), KmsError> {
        let decryption = settings.min_decryption_version.unwrap_or(self.min_decryption);
        let encryption = settings.min_encryption_version.unwrap_or(self.min_encryption);
        self.check_minimums(decryption, encryption)?;
        let flags = self.flags.changed(settings)?;
        let rotation = rotation(settings.rotation_period, self.rotation, next)?;
        let delay = delay(settings.publish_delay)?.unwrap_or(self.publish_delay);
        if let Some(policy) = &settings.policy {
            policy.check()?;
            self.policy = policy.clone();
        }
        (self.min_decryption, self.min_encryption) = (decryption, encryption);
        (self.flags, self.rotation, self.publish_delay) = (flags, rotation, delay);
        Ok(())
    }

    /// What a ring is made with.
    pub(crate) fn begin(
        &mut self,
        new: &NewRing,
        next: impl FnOnce(Duration) -> Time,
    ) -> Result<(), KmsError> {
        if new.derived && !matches!(self.algorithm.purpose(), Purpose::Envelope | Purpose::Aead) {
            return Err(KmsError::Invalid("only keys that encrypt with additional data can require it"));
        }
        self.flags.derived = new.derived;
        self.configure(&new.settings, next)
    }
}

impl Flags {
    fn changed(self, settings: &Settings) -> Result<Self, KmsError> {
        // What may leave a ring may have left it.
        let stays = |is: bool, asked: Option<bool>| match asked {
            Some(false) if is => Err(KmsError::Invalid("what was allowed to leave a key ring stays allowed")),
            asked => Ok(asked.unwrap_or(is)),
        };
        Ok(Self {
            deletion_allowed: settings.deletion_allowed.unwrap_or(self.deletion_allowed),
            exportable: stays(self.exportable, settings.exportable)?,
            plaintext_backup: stays(self.plaintext_backup, settings.plaintext_backup)?,
            allow_rotation: settings.allow_rotation.unwrap_or(self.allow_rotation),
            ..self
        })
    }
}

fn rotation(
    asked: Option<Duration>,
    is: Option<Rotation>,
    next: impl FnOnce(Duration) -> Time,
) -> Result<Option<Rotation>, KmsError> {
    let Some(asked) = asked else { return Ok(is) };
    let period = millis(asked);
    match is {
        _ if asked.is_zero() => Ok(None),
        Some(is) if is.period == period => Ok(Some(is)),
        _ if !(HOUR..=YEARS).contains(&asked) => {
            Err(KmsError::Invalid("a rotation period is zero, or from one hour to a hundred years"))
        }
        _ => Ok(Some(Rotation { period, next: next(asked) })),
    }
}

fn delay(asked: Option<Duration>) -> Result<Option<u64>, KmsError> {
    match asked {
        Some(asked) if asked > YEAR => {
            Err(KmsError::Invalid("a version is used at most a year after it was made"))
        }
        asked => Ok(asked.map(millis)),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
