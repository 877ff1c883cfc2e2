use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::TokenView;

/// Parts that are locked apart.
const SHARDS: usize = 16;
/// More tokens than this are not kept in a part.
const ROOM: usize = 8_192;

/// What a token's text hashes to under a key that only this process has.
pub(crate) type Mark = [u8; 32];

/// Tokens in memory, at most [`ROOM`] in each of [`SHARDS`] parts: one that was not used for long makes room first.
/// What was forgotten is found by no later look-up, and a fill that began before has no effect.
#[derive(Default)]
pub(crate) struct Cache([RwLock<Shard>; SHARDS]);

#[derive(Default)]
struct Shard {
    known: HashMap<Mark, Entry>,
    /// In the order in which they make room.
    order: VecDeque<Mark>,
    generation: u64,
}

struct Entry {
    view: Arc<TokenView>,
    used: AtomicBool,
}

impl Cache {
    pub(crate) fn find(&self, mark: &Mark) -> Option<Arc<TokenView>> {
        let shard = self.shard(mark)?.read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.known.get(mark)?;
        // A write that changes nothing would still take the line from other threads.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.view))
    }

    /// What [`Cache::fill`] wants to know of the time before the store is read.
    pub(crate) fn generation(&self, mark: &Mark) -> u64 {
        let shard = self.shard(mark).map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        shard.map_or(0, |shard| shard.generation)
    }

    /// Keeps a token, unless something was forgotten since its generation.
    pub(crate) fn fill(&self, mark: Mark, generation: u64, view: &Arc<TokenView>) {
        let Some(shard) = self.shard(&mark) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.generation != generation {
            return;
        }
        let entry = Entry { view: Arc::clone(view), used: AtomicBool::new(false) };
        if shard.known.insert(mark, entry).is_none() {
            shard.order.push_back(mark);
        }
        while shard.known.len() > ROOM {
            shard.make_room();
        }
    }

    /// Forgets the tokens of which `ended` holds.
    pub(crate) fn forget(&self, ended: impl Fn(&TokenView) -> bool) {
        for shard in &self.0 {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let Shard { known, order, generation } = &mut *shard;
            *generation += 1;
            let before = known.len();
            known.retain(|_, entry| !ended(&entry.view));
            if known.len() != before {
                order.retain(|mark| known.contains_key(mark));
            }
        }
    }

    fn shard(&self, mark: &Mark) -> Option<&RwLock<Shard>> {
        let [first, ..] = mark;
        self.0.get(usize::from(*first) % SHARDS)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.read().unwrap().known.len()).sum()
    }
}

impl Shard {
    /// Drops the first that was not used since its last turn.
    fn make_room(&mut self) {
        while let Some(mark) = self.order.pop_front() {
            let used = self.known.get(&mark).is_some_and(|entry| entry.used.swap(false, Ordering::Relaxed));
            if !used {
                self.known.remove(&mark);
                return;
            }
            self.order.push_back(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::{Tenant, Time};

    use super::*;
    use crate::service::record::Record;

    fn view(tenant: u8) -> Arc<TokenView> {
        let record = Record::new([1; 16], [2; 32], Time::from_millis(0), Time::from_millis(9));
        let (tenant, until) = (Tenant::from_bytes([tenant; 16]), record.until);
        Arc::new(TokenView { tenant, credential: None, record, until })
    }

    fn mark(number: u32) -> Mark {
        let mut mark = [0; 32];
        mark[1..5].copy_from_slice(&number.to_be_bytes());
        mark
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let (cache, view) = (Cache::default(), view(1));
        for number in 0..3 * u32::try_from(ROOM).unwrap() {
            cache.fill(mark(number), 0, &view);
            assert!(cache.find(&mark(0)).is_some(), "{number}");
        }
        assert_eq!(cache.len(), ROOM);
        assert!(cache.find(&mark(1)).is_none());
    }

    #[test]
    fn a_fill_that_began_before_something_was_forgotten_has_no_effect() {
        let cache = Cache::default();
        let generation = cache.generation(&mark(1));
        cache.forget(|_| false);
        cache.fill(mark(1), generation, &view(1));
        assert!(cache.find(&mark(1)).is_none());
    }

    #[test]
    fn forgetting_leaves_the_others() {
        let cache = Cache::default();
        (0..100).for_each(|number| cache.fill(mark(number), 0, &view(u8::from(number % 2 == 0))));
        cache.forget(|view| view.tenant == Tenant::from_bytes([0; 16]));
        assert_eq!(cache.len(), 50);
    }
}
