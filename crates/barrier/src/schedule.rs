use std::time::Duration;

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as Malformed,
    encode::{Error, Write},
};
use strongroom_core::{
    Action, Caller, Change, CommitError, Due, Provider, Reader, RecordKey, StoreError, Tenant, Time, commit,
};

use crate::{
    Unsealed,
    record::{Row, State, TenantRecord},
};

/// Replaces the root when its time has come.
pub(crate) const ROTATE_ROOT: &str = "barrier.rotate-root";
/// Replaces a tenant's key when its time has come.
pub(crate) const ROTATE: &str = "barrier.rotate";

/// How long keys are used before due work replaces them. It is kept in the database, so all processes agree.
///
/// ```
/// # use std::time::Duration;
/// # use strongroom_barrier::Schedule;
/// const DAY: Duration = Duration::from_secs(86_400);
/// let schedule = Schedule::new(365 * DAY, 90 * DAY).unwrap();
/// assert_eq!(schedule, Schedule::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    root: Duration,
    tenant: Duration,
    reseal: bool,
}

/// A period is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is used between one day and one hundred years")]
pub struct InvalidPeriod;

const DAY: Duration = Duration::from_secs(86_400);

impl Schedule {
    /// The root is replaced after `root`. Each tenant's key is replaced after `tenant`, or up to a twentieth of it
    /// earlier, so that tenants that were made together do not all rotate together; its records are then resealed.
    ///
    /// # Errors
    /// [`InvalidPeriod`] for less than a day or more than a hundred years of 365 days.
    pub fn new(root: Duration, tenant: Duration) -> Result<Self, InvalidPeriod> {
        let sound = |period| (DAY..=36_500 * DAY).contains(period);
        let schedule = Self { root, tenant, reseal: true };
        if [root, tenant].iter().all(sound) { Ok(schedule) } else { Err(InvalidPeriod) }
    }

    /// The same periods, but records stay under the version that they were written under, until
    /// [`Unsealed::reseal`] is asked for.
    #[must_use]
    pub const fn without_reseal(mut self) -> Self {
        self.reseal = false;
        self
    }

    /// How long a root is used.
    pub const fn root(&self) -> Duration {
        self.root
    }

    /// How long a tenant's key is used at most.
    pub const fn tenant(&self) -> Duration {
        self.tenant
    }

    /// Whether a tenant's records are resealed after each rotation of its key.
    pub const fn reseals(&self) -> bool {
        self.reseal
    }

    pub(crate) fn next_root(&self, now: Time) -> Time {
        now + self.root
    }

    pub(crate) fn next_tenant(&self, provider: &dyn Provider, now: Time) -> Time {
        let mut random = [0; 8];
        provider.random().fill(&mut random);
        let spread = u64::try_from((self.tenant / 20).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        now + self.tenant.saturating_sub(Duration::from_millis(u64::from_be_bytes(random) % spread))
    }
}

impl Default for Schedule {
    /// The root yearly, tenants' keys quarterly (every 90 days), records resealed after that.
    fn default() -> Self {
        Self { root: 365 * DAY, tenant: 90 * DAY, reseal: true }
    }
}

/// An array: both periods in milliseconds, and whether to reseal.
impl<C> Encode<C> for Schedule {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        let millis = |period: Duration| u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        encoder.array(3)?.u64(millis(self.root))?.u64(millis(self.tenant))?.bool(self.reseal)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Schedule {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, Malformed> {
        if decoder.array()? != Some(3) {
            return Err(Malformed::message("not a schedule"));
        }
        let (root, tenant) = (Duration::from_millis(decoder.u64()?), Duration::from_millis(decoder.u64()?));
        let schedule = Self::new(root, tenant).map_err(|_| Malformed::message("not a period"))?;
        if decoder.bool()? { Ok(schedule) } else { Ok(schedule.without_reseal()) }
    }
}

impl Unsealed {
    /// How long keys are used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn schedule(&self) -> Result<Schedule, StoreError> {
        Ok(self.state()?.schedule)
    }

    /// Sets how long keys are used: for the root at once, counted from when it was made; for each tenant's key from its
    /// next rotation on.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn set_schedule(&self, caller: &Caller, schedule: Schedule) -> Result<(), CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_set_schedule(reader, caller, schedule)?))
    }

    /// Plans [`Unsealed::set_schedule`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_set_schedule(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        schedule: Schedule,
    ) -> Result<Change<()>, StoreError> {
        let _inside = self.enter()?;
        let row = reader.get(&State::key()?)?.ok_or(StoreError::Corrupt)?;
        let mut state = State::read(&row.value)?;
        let mut change = reader.change(());
        change.delete(&root_key(&state)?);
        (state.schedule, state.next) = (schedule, schedule.next_root(state.root_made));
        root_due(&state).put(&mut change)?;
        change.put(&State::key()?, &state.to_bytes()?);
        self.record(&mut change, caller, Tenant::SYSTEM, Action::Configure, &State::key()?)?;
        Ok(change)
    }
}

/// The work of replacing the root. There is one such row, at the time that the state names.
pub(crate) fn root_due(state: &State) -> Due {
    Due {
        time: state.next,
        kind: ROTATE_ROOT,
        id: state.database,
        tenant: Tenant::SYSTEM,
        payload: Vec::new(),
    }
}

pub(crate) fn root_key(state: &State) -> Result<RecordKey, StoreError> {
    Due::key(state.next, ROTATE_ROOT, state.database)
}

/// The work of replacing a tenant's key. There is one such row, at the time that the tenant's record names.
pub(crate) fn tenant_due(tenant: Tenant, row: &TenantRecord) -> Due {
    let (time, id) = (row.next, *tenant.as_bytes());
    Due { time, kind: ROTATE, id, tenant: Tenant::SYSTEM, payload: Vec::new() }
}

pub(crate) fn tenant_key(tenant: Tenant, row: &TenantRecord) -> Result<RecordKey, StoreError> {
    Due::key(row.next, ROTATE, *tenant.as_bytes())
}

#[cfg(test)]
mod tests {
    use strongroom_keys::RustCrypto;

    use super::*;

    #[test]
    fn tenants_made_together_are_not_all_due_together() {
        let (schedule, now) = (Schedule::default(), Time::from_millis(1_750_000_000_000));
        let provider = RustCrypto::new();
        let due: Vec<_> = (0..200).map(|_| schedule.next_tenant(&provider, now).since(now)).collect();
        assert!(due.iter().all(|after| (90 * DAY / 20 * 19..=90 * DAY).contains(after)), "{due:?}");
        let (first, last) = (due.iter().min().unwrap(), due.iter().max().unwrap());
        assert!(*last - *first > 2 * DAY, "{first:?} {last:?}");
        let of_a_day = due.iter().filter(|after| **after - *first < DAY / 4).count();
        assert!(of_a_day < 50, "{of_a_day} of 200 within a quarter of a day");
    }

    #[test]
    fn a_period_that_makes_no_sense_is_refused_and_is_no_row() {
        for (root, tenant) in [(DAY / 2, DAY), (DAY, Duration::ZERO), (DAY, Duration::MAX)] {
            assert_eq!(Schedule::new(root, tenant), Err(InvalidPeriod));
            let bytes = minicbor::to_vec(Schedule { root, tenant, reseal: true }).unwrap();
            assert!(minicbor::decode::<Schedule>(&bytes).is_err());
        }
        let schedule = Schedule::new(DAY, 36_500 * DAY).unwrap().without_reseal();
        let bytes = minicbor::to_vec(schedule).unwrap();
        assert_eq!(minicbor::decode::<Schedule>(&bytes).unwrap(), schedule);
    }
}
