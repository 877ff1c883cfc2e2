use strongroom_core::{Action, Actor, Event, Name, RequestId, Service, StoreError, Tenant, Time};

use crate::{
    AuditError, AuditLog, Cursor, Ending, Leaf, LogId, Month, Part, Payload,
    entries::Entry,
    index::{Index, Term},
    open::{Opened, Opener},
    tile::TILE_WIDTH,
};

/// Which events of a tenant are wanted: those that fit everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// From this service.
    pub service: Option<Service>,
    /// That tell of this action.
    pub action: Option<Action>,
    /// By this actor.
    pub actor: Option<Actor>,
    /// On this name.
    pub resource: Option<Name>,
    /// In this request.
    pub request: Option<RequestId>,
    /// That ended so.
    pub ending: Option<Ending>,
    /// Logged then or later.
    pub from: Option<Time>,
    /// Logged before.
    pub until: Option<Time>,
    /// In which order.
    pub order: Order,
}

/// The order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest event first.
    #[default]
    NewestFirst,
    /// The oldest event first.
    OldestFirst,
}

/// An event that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number in the tenant's log, which a proof is asked for with.
    pub index: u64,
    /// When it was logged.
    pub time: Time,
    /// The event, and where it came from.
    pub payload: Payload,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What was found, in the order that was asked for. May be empty although there is more.
    pub found: Vec<Found>,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
}

/// Events of a page, at most.
const PAGE: usize = 1_000;
/// Bundles that one page opens, at most.
const OPENED: usize = 64;
/// Bundles that one page passes by their index, at most.
const PASSED: usize = 4_096;

impl AuditLog {
    /// A page of at most `limit` (up to 1,000) events of a tenant's log. Events whose payload was erased do not appear.
    /// The work for a page is bounded, whatever the log has: go on with [`Page::next`], whose place does not shift when
    /// events come in.
    ///
    /// # Errors
    /// [`AuditError::Cursor`] for a cursor of another tenant or order, [`AuditError::Damaged`].
    pub fn query(
        &self,
        tenant: Tenant,
        query: &Query,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, AuditError> {
        let _inside = self.base().enter()?;
        let size = match self.head(LogId::Tenant(tenant)) {
            Ok(head) => head.frontier.size(),
            Err(AuditError::NotFound) => 0,
            Err(error) => return Err(error),
        };
        let start = after.map(|cursor| cursor.place(tenant, query.order)).transpose()?;
        let mut search =
            Search { log: self, tenant, query, opener: Opener::new(self, tenant), found: Vec::new() };
        let (first, end) = search.range(size)?;
        let (first, end) = match query.order {
            Order::NewestFirst => (first, start.map_or(end, |start| start.min(end))),
            Order::OldestFirst => (start.map_or(first, |start| start.max(first)), end),
        };
        let next = search.run(first, end, limit.clamp(1, PAGE))?;
        let next = next.map(|index| Cursor::at(tenant, query.order, index));
        Ok(Page { found: search.found, next })
    }

    pub(crate) fn index(&self, tenant: Tenant, bundle: u64) -> Result<Index, AuditError> {
        let log = LogId::Tenant(tenant);
        let damaged = || AuditError::Damaged { log, part: Part::Index(bundle) };
        let row = self.row(&Index::key(log, bundle)?).map_err(|error| match error {
            StoreError::Corrupt => damaged(),
            other => other.into(),
        })?;
        Index::read(&row.ok_or_else(damaged)?.value).map_err(|_| damaged())
    }
}

struct Search<'l> {
    log: &'l AuditLog,
    tenant: Tenant,
    query: &'l Query,
    opener: Opener<'l>,
    found: Vec<Found>,
}

impl Search<'_> {
    /// The numbers of the entries among which the wanted time lies: bundles are in the order of time.
    fn range(&self, size: u64) -> Result<(u64, u64), AuditError> {
        let (mut first, mut end) = (0, size.div_ceil(TILE_WIDTH));
        if let Some(from) = self.query.from {
            first = self.partition(size, |index| index.last < from)?;
        }
        if let Some(until) = self.query.until {
            end = self.partition(size, |index| index.first < until)?;
        }
        Ok((first * TILE_WIDTH, (end * TILE_WIDTH).min(size)))
    }

    /// The number of the first bundle that is not `before`.
    fn partition(&self, size: u64, before: impl Fn(&Index) -> bool) -> Result<u64, AuditError> {
        let (mut low, mut high) = (0, size.div_ceil(TILE_WIDTH));
        while low < high {
            let middle = low.midpoint(high);
            if before(&self.log.index(self.tenant, middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Goes through the entries from `first` to before `end`; gives where to go on, if that is not the end.
    fn run(&mut self, mut first: u64, mut end: u64, limit: usize) -> Result<Option<u64>, AuditError> {
        let (mut opened, mut passed) = (0, 0);
        while first < end {
            let forward = self.query.order == Order::OldestFirst;
            let edge = if forward { first } else { end };
            if opened == OPENED || passed == PASSED || self.found.len() == limit {
                return Ok(Some(edge));
            }
            let bundle = if forward { first } else { end - 1 } / TILE_WIDTH;
            let (from, to) = ((bundle * TILE_WIDTH).max(first), ((bundle + 1) * TILE_WIDTH).min(end));
            if self.may_have(&self.log.index(self.tenant, bundle)?)? {
                opened += 1;
                if let Some(stopped) = self.look(bundle, from, to, limit)? {
                    return Ok(Some(stopped));
                }
            }
            passed += 1;
            (first, end) = if forward { (to, end) } else { (first, from) };
        }
        Ok(None)
    }

    /// Looks at the entries of a bundle from `from` to before `to`; gives where it stopped as the page is full.
    fn look(&mut self, bundle: u64, from: u64, to: u64, limit: usize) -> Result<Option<u64>, AuditError> {
        let entries = self.log.bundle(LogId::Tenant(self.tenant), bundle)?;
        let numbers: Box<dyn Iterator<Item = u64>> = match self.query.order {
            Order::OldestFirst => Box::new(from..to),
            Order::NewestFirst => Box::new((from..to).rev()),
        };
        for number in numbers {
            if self.found.len() == limit {
                return Ok(Some(if self.query.order == Order::OldestFirst { number } else { number + 1 }));
            }
            let damaged = AuditError::Damaged { log: LogId::Tenant(self.tenant), part: Part::Entry(number) };
            let Some(entry) = entries.get((number % TILE_WIDTH) as usize) else { return Err(damaged) };
            self.look_at(number, entry, damaged)?;
        }
        Ok(None)
    }

    fn look_at(&mut self, index: u64, entry: &Entry, damaged: AuditError) -> Result<(), AuditError> {
        let Some(leaf) = Leaf::from_bytes(&entry.leaf) else { return Err(damaged) };
        let Query { from, until, .. } = self.query;
        if from.is_some_and(|from| leaf.time < from) || until.is_some_and(|until| leaf.time >= until) {
            return Ok(());
        }
        match self.opener.open(&leaf, &entry.sealed)? {
            Opened::Here(_, payload) if self.query.wants(&payload.event) => {
                self.found.push(Found { index, time: leaf.time, payload: *payload });
            }
            Opened::Here(..) | Opened::Gone => {}
            Opened::Damaged => return Err(damaged),
        }
        Ok(())
    }

    /// Whether a bundle can have an event that is wanted.
    fn may_have(&mut self, index: &Index) -> Result<bool, AuditError> {
        let Query { service, action, actor, resource, request, ending, .. } = self.query;
        let plain = service.is_none_or(|service| index.may_have_service(&service))
            && action.is_none_or(|action| index.may_have_action(&action))
            && ending.is_none_or(|ending| index.may_have_ending(ending));
        if !plain {
            return Ok(false);
        }
        let (actor, resource) = (actor.as_ref().map(Term::Actor), resource.as_ref().map(Term::Resource));
        let terms: Vec<_> =
            [actor, resource, request.as_ref().map(Term::Request)].into_iter().flatten().collect();
        for month in &index.months {
            let Some(keys) = self.opener.keys(Month::from_number(*month))? else { continue };
            let mut all = true;
            for term in &terms {
                all = all && index.may_have(*term, keys)?;
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Query {
    fn wants(&self, event: &Event) -> bool {
        let Self { service, action, actor, resource, request, ending, from: _, until: _, order: _ } = self;
        service.is_none_or(|service| service == event.service)
            && action.is_none_or(|action| action == event.action)
            && actor.is_none_or(|actor| actor == event.actor)
            && resource.as_ref().is_none_or(|name| event.resource.as_ref() == Some(name))
            && request.is_none_or(|request| event.request == Some(request))
            && ending.is_none_or(|ending| ending == Ending::of(&event.outcome))
    }
}
