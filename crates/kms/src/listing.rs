use strongroom_core::{Algorithm, Direction, Name, Range, Record, RecordKey, StoreError, Time};

use crate::{
    KmsError, RingState, Rings, cursor,
    record::{self, Head},
};

/// Rings that one page has at most.
const PAGE: usize = 1_000;
/// Rings that are looked at for one page, at most: a page of a rare filter is short, and goes on.
const LOOKED_AT: usize = 4_000;
/// Bytes of records that are read for one page, and at once: their keys come along.
const READ: usize = 32 << 20;
const READ_AT_ONCE: usize = 1 << 20;
/// Rings that are read at once, before it is known how large they are, and at most.
const FIRST: usize = 16;
const MOST: usize = 400;
/// Sorts behind each character of a name.
const LAST: char = '\x7f';

/// Which rings a listing has: those of which everything is so that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The name begins with this.
    pub prefix: String,
    /// The ring's keys are of this kind.
    pub algorithm: Option<Algorithm>,
    /// The ring is in this state.
    pub state: Option<RingState>,
    /// It was made at this time or later.
    pub made_from: Option<Time>,
    /// It was made before this time.
    pub made_before: Option<Time>,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rings by name, in order. There may be fewer than asked for, also none, while there are more.
    pub rings: Vec<Listed>,
    /// Where the next page begins; nothing after the last ring.
    pub next: Option<String>,
}

/// What a listing shows of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: Name,
    /// What its keys are for.
    pub algorithm: Algorithm,
    /// Its state.
    pub state: RingState,
    /// When it was made.
    pub made: Time,
}

impl Rings {
    /// Names of rings in order, after `after`, at most `limit` (up to 1,000). The ring that `after` names need
    /// not be there any more.
    ///
    /// # Errors
    /// [`KmsError::Store`].
    pub fn list(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>, KmsError> {
        let _inside = self.base().enter()?;
        let (limit, mut walk, mut names) = (limit.min(PAGE), Walk::new(self, "", after)?, Vec::new());
        while names.len() < limit && !walk.ended {
            let rows = walk.next(limit - names.len())?;
            let page = rows.iter().map(|(key, _)| record::name_of(key)).collect::<Result<Vec<_>, _>>()?;
            names.extend(page);
        }
        Ok(names)
    }

    /// A page of the rings that fit a filter: at most `limit` (1 to 1,000) by name, from the beginning or from where an
    /// earlier page ended. Its cursor holds for this tenant and this filter.
    ///
    /// A page looks at 4,000 rings at most, so that a filter that few fit costs no more at once than any other: it may be
    /// short, and go on. A ring that is there all the time is in exactly one page.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] for a cursor of another listing, a limit of zero, and a prefix that no name has;
    /// [`KmsError::Store`].
    pub fn find(&self, filter: &Filter, cursor: Option<&str>, limit: usize) -> Result<Page, KmsError> {
        let _inside = self.base().enter()?;
        filter.check()?;
        if limit == 0 {
            return Err(KmsError::Invalid("a page has one ring at least"));
        }
        let place = |text| cursor::read(self.provider(), self.tenant(), filter, text);
        let after = cursor.map(place).transpose()?;
        self.page(filter, Walk::new(self, &filter.prefix, after.as_ref())?, limit.min(PAGE))
    }

    fn page(&self, filter: &Filter, mut walk: Walk<'_>, limit: usize) -> Result<Page, KmsError> {
        let mut rings = Vec::new();
        loop {
            let wanted = if filter.is_for_all() { limit - rings.len() } else { MOST };
            let (mut rows, mut last) = (walk.next(wanted)?.into_iter(), None);
            for (key, record) in rows.by_ref() {
                let name = last.insert(record::name_of(&key)?);
                rings.extend(filter.listed(name, &Head::read(&record.value)?));
                if rings.len() >= limit {
                    break;
                }
            }
            let at_end = walk.ended && rows.len() == 0;
            if at_end || rings.len() >= limit || walk.is_spent() {
                let cursor = |name| cursor::write(self.provider(), self.tenant(), filter, &name);
                let next = last.filter(|_| !at_end).map(cursor).transpose()?;
                return Ok(Page { rings, next });
            }
        }
    }
}

impl Filter {
    fn check(&self) -> Result<(), KmsError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        match self.prefix.len() <= Name::MAX && self.prefix.bytes().all(fits) {
            true => Ok(()),
            false => Err(KmsError::Invalid("no name begins so: use A-Z a-z 0-9 _ - .")),
        }
    }

    /// Whether every ring with the prefix is in the listing.
    fn is_for_all(&self) -> bool {
        let Self { prefix: _, algorithm, state, made_from, made_before } = self;
        algorithm.is_none() && state.is_none() && made_from.is_none() && made_before.is_none()
    }

    fn listed(&self, name: &Name, head: &Head) -> Option<Listed> {
        let (algorithm, state, made) = (head.algorithm, head.state(), head.made);
        let fits = self.algorithm.is_none_or(|asked| asked == algorithm)
            && self.state.is_none_or(|asked| asked == state)
            && self.made_from.is_none_or(|from| made >= from)
            && self.made_before.is_none_or(|before| made < before);
        fits.then(|| Listed { name: name.clone(), algorithm, state, made })
    }
}

/// Reads rings in order, a few at a time: as many as keep what is in memory at once small. Their keys are wiped with the
/// records.
struct Walk<'r> {
    rings: &'r Rings,
    range: Range,
    /// Whether the last one was read.
    ended: bool,
    looked_at: usize,
    read: usize,
}

impl<'r> Walk<'r> {
    fn new(rings: &'r Rings, prefix: &str, after: Option<&Name>) -> Result<Self, KmsError> {
        let key = |text: &str| record::key(rings.tenant(), text);
        let mut range = record::range(rings.tenant())?;
        if let Some((before, behind)) = around(prefix) {
            range = range.after(&key(&before)?).map_err(StoreError::from)?;
            range = range.before(&key(&behind)?).map_err(StoreError::from)?;
        }
        if let Some(after) = after {
            range = range.after(&key(after)?).map_err(StoreError::from)?;
        }
        Ok(Self { rings, range, ended: false, looked_at: 0, read: 0 })
    }

    /// The next few, at most so many; none at the end.
    fn next(&mut self, most: usize) -> Result<Vec<(RecordKey, Record)>, KmsError> {
        let fits = match self.looked_at {
            0 => FIRST,
            rings => READ_AT_ONCE / (self.read / rings).max(1),
        };
        let wanted = most.min(fits).clamp(1, MOST);
        let rows = self.rings.base().store.scan(&self.range, Direction::Forward, wanted)?;
        self.ended = rows.len() < wanted;
        self.looked_at += rows.len();
        self.read += rows.iter().map(|(_, record)| record.value.len()).sum::<usize>();
        if let Some((last, _)) = rows.last() {
            self.range = self.range.clone().after(last).map_err(StoreError::from)?;
        }
        Ok(rows)
    }

    /// Whether it read as much as one page may.
    fn is_spent(&self) -> bool {
        self.looked_at >= LOOKED_AT || self.read >= READ
    }
}

/// What sorts right before and right behind all names with a prefix; no name is either.
fn around(prefix: &str) -> Option<(String, String)> {
    let (start, last) = prefix.split_at_checked(prefix.len().checked_sub(1)?)?;
    let below = last.chars().next().and_then(|last| u8::try_from(last).ok())?.checked_sub(1)?;
    Some((format!("{start}{}{LAST}", char::from(below)), format!("{prefix}{LAST}")))
}
