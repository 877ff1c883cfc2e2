use std::collections::HashSet;

use minicbor::{Decode, Encode, bytes::ByteVec};
use strongroom_core::{Actor, Event, KeyError, Name, RecordKey, RequestId, StoreError, Time, Verdict};

use crate::{
    LogId, Month,
    month_keys::MonthKeys,
    record,
    tables::{self, INDEX},
};

/// What a bundle of entries holds, so that a query need not open bundles in which nothing is for it. It may say that
/// something is there that is not, and never the other way round.
///
/// What would tell of somebody stands there as bits at places that only the month's key gives, and goes with that key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Index {
    #[n(0)]
    format: u8,
    /// How many entries it tells of, also of those whose payload was erased.
    #[n(1)]
    pub(crate) count: u64,
    #[n(2)]
    pub(crate) first: Time,
    #[n(3)]
    pub(crate) last: Time,
    #[n(4)]
    pub(crate) months: Vec<u32>,
    #[n(5)]
    services: u64,
    #[n(6)]
    actions: u64,
    #[n(7)]
    endings: u64,
    #[n(8)]
    filter: ByteVec,
}

/// How an event ended, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It was allowed, and done.
    Allowed,
    /// It was not allowed.
    Refused,
    /// It was allowed, and could not be done.
    Failed,
}

/// Something that an index filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Term<'a> {
    Actor(&'a Actor),
    Resource(&'a Name),
    Request(&'a RequestId),
}

/// The terms whose bits an index has already, by the key of one month.
#[derive(Debug, Default)]
pub(crate) struct Noted<'e> {
    month: Option<Month>,
    terms: HashSet<Term<'e>>,
}

/// Bytes of the filter: 10 bits for each of three terms of 256 entries.
const FILTER: usize = 1024;

/// Bits that a term sets.
const BITS: usize = 5;

impl Index {
    pub(crate) fn empty() -> Self {
        let (first, last) = (Time::from_millis(u64::MAX), Time::from_millis(0));
        let (services, actions, endings) = (0, 0, 0);
        let filter = vec![0; FILTER].into();
        Self {
            format: record::FORMAT,
            count: 0,
            first,
            last,
            months: Vec::new(),
            services,
            actions,
            endings,
            filter,
        }
    }

    pub(crate) fn key(log: LogId, bundle: u64) -> Result<RecordKey, StoreError> {
        Ok(tables::of_log(INDEX, log, &[bundle])?)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let index: Self = record::read(bytes)?;
        if index.filter.len() == FILTER { Ok(index) } else { Err(StoreError::Corrupt) }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        Ok(record::write(self)?.to_vec())
    }

    /// Notes an entry.
    pub(crate) fn note(&mut self, time: Time, month: Month) {
        self.count += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        if self.months.last() != Some(&month.number()) {
            self.months.push(month.number());
        }
    }

    /// Notes the event of an entry.
    pub(crate) fn note_event(&mut self, event: &Event, keys: &MonthKeys) -> Result<(), KeyError> {
        self.note_kind(event);
        terms(event).try_for_each(|term| self.note_term(term, keys))
    }

    /// Notes the event of an entry of this month, whose keys these are; `noted` is of this index and of none else.
    pub(crate) fn note_new_terms<'e>(
        &mut self,
        event: &'e Event,
        month: Month,
        keys: &MonthKeys,
        noted: &mut Noted<'e>,
    ) -> Result<(), KeyError> {
        self.note_kind(event);
        noted.enter(month);
        terms(event).filter(|term| noted.is_new(*term)).try_for_each(|term| self.note_term(term, keys))
    }

    fn note_kind(&mut self, event: &Event) {
        self.services |= bit(&event.service);
        self.actions |= bit(&event.action);
        self.endings |= Ending::of(&event.outcome).bit();
    }

    fn note_term(&mut self, term: Term<'_>, keys: &MonthKeys) -> Result<(), KeyError> {
        for (byte, bit) in term.places(keys)? {
            if let Some(byte) = self.filter.get_mut(byte) {
                *byte |= bit;
            }
        }
        Ok(())
    }

    pub(crate) fn may_have_service(&self, service: &impl Encode<()>) -> bool {
        self.services & bit(service) != 0
    }

    pub(crate) fn may_have_action(&self, action: &impl Encode<()>) -> bool {
        self.actions & bit(action) != 0
    }

    pub(crate) fn may_have_ending(&self, ending: Ending) -> bool {
        self.endings & ending.bit() != 0
    }

    /// Whether an event of this month may have the term.
    pub(crate) fn may_have(&self, term: Term<'_>, keys: &MonthKeys) -> Result<bool, KeyError> {
        let places = term.places(keys)?;
        Ok(places.iter().all(|(byte, bit)| self.filter.get(*byte).is_some_and(|byte| byte & bit != 0)))
    }

    /// Whether it says all that `other` says.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covers = |mine: u64, theirs: u64| mine & theirs == theirs;
        let filters = self.filter.iter().zip(other.filter.iter());
        (self.count, self.first, self.last, &self.months)
            == (other.count, other.first, other.last, &other.months)
            && covers(self.services, other.services)
            && covers(self.actions, other.actions)
            && covers(self.endings, other.endings)
            && filters.into_iter().all(|(mine, theirs)| mine & theirs == *theirs)
    }
}

impl Ending {
    /// How this ended.
    pub const fn of(outcome: &Verdict) -> Self {
        match outcome {
            Verdict::Allowed => Self::Allowed,
            Verdict::Refused(_) => Self::Refused,
            Verdict::Failed(_) => Self::Failed,
        }
    }

    const fn bit(self) -> u64 {
        match self {
            Self::Allowed => 1,
            Self::Refused => 2,
            Self::Failed => 4,
        }
    }
}

impl<'e> Noted<'e> {
    /// What was noted by another month's key stands at other places.
    fn enter(&mut self, month: Month) {
        if self.month.replace(month) != Some(month) {
            self.terms.clear();
        }
    }

    /// Whether the term has to be noted. Few events share a request, so that of one nothing is remembered.
    fn is_new(&mut self, term: Term<'e>) -> bool {
        matches!(term, Term::Request(_)) || self.terms.insert(term)
    }
}

impl Term<'_> {
    /// The bits of the filter that stand for it.
    fn places(self, keys: &MonthKeys) -> Result<[(usize, u8); BITS], KeyError> {
        let mut actor = [0; 32];
        let (kind, bytes) = match self {
            Self::Actor(of) => (1, encoded(of, &mut actor)),
            Self::Resource(name) => (2, name.as_bytes()),
            Self::Request(RequestId(id)) => (3, id.as_slice()),
        };
        let hash = keys.filter(kind, bytes)?;
        let (words, _) = hash.as_chunks::<2>();
        let mut places = [(0, 0); BITS];
        for (place, word) in places.iter_mut().zip(words) {
            let bit = usize::from(u16::from_be_bytes(*word)) % (8 * FILTER);
            *place = (bit / 8, 1 << (bit % 8));
        }
        Ok(places)
    }
}

/// All that an event is found by with a filter.
fn terms(event: &Event) -> impl Iterator<Item = Term<'_>> {
    let resource = event.resource.as_ref().map(Term::Resource);
    let request = event.request.as_ref().map(Term::Request);
    [Some(Term::Actor(&event.actor)), resource, request].into_iter().flatten()
}

/// The bit of a service or an action: that of its number in CBOR. Two may share one.
fn bit(of: &impl Encode<()>) -> u64 {
    let mut bytes = [0; 32];
    let number = encoded(of, &mut bytes).last().copied().unwrap_or(0);
    1 << (number % 64)
}

fn encoded<'b>(of: &impl Encode<()>, bytes: &'b mut [u8; 32]) -> &'b [u8] {
    let mut rest = bytes.as_mut_slice();
    let before = rest.len();
    let written = minicbor::encode(of, &mut rest).map_or(0, |()| before - rest.len());
    bytes.get(..written).unwrap_or_default()
}
