use strongroom_core::{Action, Class, Event, Failure, Name, Refusal, Service, StoreError, Verdict};

use crate::{KmsError, Rings};

impl Rings {
    /// The same rings, whose every use of a key yields an event, like a change does: also where it fails or is refused.
    ///
    /// An event of a use that was allowed waits in memory until `Strongroom::tend`, or whoever has the
    /// [`Outbox`](strongroom_core::Outbox), writes it; a refusal is durable when it is answered. Where no event can be
    /// kept, nothing is answered: [`KmsError::Full`], or what the store says.
    ///
    /// Without this, uses of keys yield none, and changes do all the same. Neither do those of a
    /// [`RingHandle`](crate::RingHandle), as the log itself uses keys by one, and [`Rings::read`] and [`Rings::list`],
    /// which show no secret.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.recording = true;
        self
    }

    /// What came of a use of a key, once its event is kept.
    pub(crate) fn told<T>(
        &self,
        action: Action,
        name: &Name,
        outcome: Result<T, KmsError>,
    ) -> Result<T, KmsError> {
        // What was not in memory is tried again, and told of then.
        if !self.recording || matches!(outcome, Err(KmsError::Store(StoreError::NotInMemory))) {
            return outcome;
        }
        let base = self.base();
        let verdict = outcome.as_ref().map_or_else(KmsError::verdict, |_| Verdict::Allowed);
        let now = base.clock.now();
        let event = Event::of(self.caller(), now, Service::Kms, action, Some(name.clone()), verdict);
        match event.class() {
            Class::Buffered => base.outbox.buffer(event)?,
            Class::Strict => base.outbox.record(&*base.store, &event)?,
        }
        outcome
    }
}

impl KmsError {
    /// What an event says of it.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::NotFound | Self::NoVersion => Verdict::Failed(Failure::NotFound),
            Self::Exists => Verdict::Failed(Failure::Conflict),
            Self::Disabled
            | Self::RingState(_)
            | Self::VersionState(_)
            | Self::Policy(_)
            | Self::NoSecret
            | Self::NotDeletable
            | Self::TooOld
            | Self::Exhausted(_) => Verdict::Refused(Refusal::State),
            Self::OpenFailed => Verdict::Failed(Failure::Cryptography),
            Self::WrongType | Self::Invalid(_) => Verdict::Failed(Failure::Input),
            Self::Commit(strongroom_core::CommitError::Unknown) => Verdict::Failed(Failure::Unknown),
            Self::Store(_) | Self::Commit(_) | Self::Full(_) => Verdict::Failed(Failure::Unavailable),
        }
    }
}
