//! Engines that watch, wait or let somebody else act in between.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, Store, StoreError, Write,
};

/// What happens before each operation of an engine.
pub(crate) trait Before: Send + Sync {
    fn operation(&self) {}
    fn batch(&self, _: &Batch) {}
    fn keys(&self, _: &[&[u8]]) {}
}

/// Passes everything on to another engine, after what comes before it.
pub(crate) struct Watched<B> {
    pub(crate) engine: Arc<dyn Store>,
    pub(crate) before: B,
}

impl<B: Before> Watched<B> {
    pub(crate) fn new(engine: Arc<dyn Store>, before: B) -> Arc<Self> {
        Arc::new(Self { engine, before })
    }
}

impl<B: Before> Store for Watched<B> {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.before.operation();
        self.before.keys(&keys.iter().map(RecordKey::as_bytes).collect::<Vec<_>>());
        self.engine.get_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.before.operation();
        let (start, end) = range.bounds();
        self.before.keys(&[&start, &end]);
        self.engine.scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        self.before.batch(&batch);
        self.engine.lower(batch)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.before.operation();
        self.engine.commit(batch)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.before.operation();
        self.engine.scrub()
    }

    fn history(&self) -> Result<History, StoreError> {
        self.engine.history()
    }

    fn shared(&self) -> bool {
        self.engine.shared()
    }
}

impl<B> fmt::Debug for Watched<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

/// Keeps every byte that an engine was ever given.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Vec<u8>>>);

impl Before for Recorder {
    fn batch(&self, batch: &Batch) {
        let mut seen = self.0.lock().unwrap();
        seen.extend(batch.expectations.iter().map(|(key, _)| key.as_bytes().to_vec()));
        for (key, write) in &batch.writes {
            seen.push(key.as_bytes().to_vec());
            if let Write::Put(value) = write {
                seen.push(value.to_vec());
            }
        }
    }

    fn keys(&self, keys: &[&[u8]]) {
        self.0.lock().unwrap().extend(keys.iter().map(|key| key.to_vec()));
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

impl Before for Interrupt {
    fn operation(&self) {
        if self.armed.load(Ordering::SeqCst) && self.count.fetch_add(1, Ordering::SeqCst) == self.at {
            (self.act)();
        }
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

impl Before for Turnstile {
    fn operation(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += u64::from(state.0);
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(shut, _)| *shut).unwrap());
    }
}
