//! Taps at an engine that watch, wait or let somebody else act in between.

use std::sync::{
    Condvar, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use strongroom_core::{
    Batch, Direction, Lowered, Range, Record, RecordKey, Store, StoreError, Write, tap::Tap,
};

/// Keeps every byte that an engine was ever given.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Vec<u8>>>);

impl Tap for Recorder {
    fn lower(&self, store: &dyn Store, batch: Batch) -> Result<Lowered, StoreError> {
        let mut seen = self.0.lock().unwrap();
        seen.extend(batch.expectations.iter().map(|(key, _)| key.as_bytes().to_vec()));
        for (key, write) in &batch.writes {
            seen.push(key.as_bytes().to_vec());
            if let Write::Put(value) = write {
                seen.push(value.to_vec());
            }
        }
        drop(seen);
        store.lower(batch)
    }

    fn get_many(&self, store: &dyn Store, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.lock().unwrap().extend(keys.iter().map(|key| key.as_bytes().to_vec()));
        store.get_many(keys)
    }

    fn scan(
        &self,
        store: &dyn Store,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let (start, end) = range.bounds();
        self.0.lock().unwrap().extend([start, end]);
        store.scan(range, direction, limit)
    }
}

impl Recorder {
    pub(crate) fn saw(&self, needle: &[u8]) -> bool {
        let seen = self.0.lock().unwrap();
        seen.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }
}

/// Lets somebody act before the operation with this number, counted from 0 once it is armed.
pub(crate) struct Interrupt {
    at: u64,
    armed: AtomicBool,
    count: AtomicU64,
    act: Box<dyn Fn() + Send + Sync>,
}

impl Interrupt {
    pub(crate) fn new(at: u64, act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { at, armed: AtomicBool::new(false), count: AtomicU64::new(0), act: Box::new(act) }
    }

    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether there were so many operations that somebody acted.
    pub(crate) fn acted(&self) -> bool {
        self.count.load(Ordering::SeqCst) > self.at
    }
}

impl Tap for Interrupt {
    fn before(&self) -> Result<(), StoreError> {
        if self.armed.load(Ordering::SeqCst) && self.count.fetch_add(1, Ordering::SeqCst) == self.at {
            (self.act)();
        }
        Ok(())
    }
}

/// Holds operations back while it is shut, and says when one has come.
#[derive(Default)]
pub(crate) struct Turnstile {
    state: Mutex<(bool, u64)>,
    changed: Condvar,
}

impl Turnstile {
    pub(crate) fn shut(&self, shut: bool) {
        self.state.lock().unwrap().0 = shut;
        self.changed.notify_all();
    }

    pub(crate) fn wait_for_one(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |(_, held)| *held == 0).unwrap());
    }
}

impl Tap for Turnstile {
    fn before(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        state.1 += u64::from(state.0);
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(shut, _)| *shut).unwrap());
        Ok(())
    }
}
