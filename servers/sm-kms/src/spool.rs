use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use strongroom_core::{Action, Caller, Class, Detail, Event, Outbox, SealedStore, Service, Time};

use crate::NodeError;

/// Where events wait while the database is sealed, and cannot take them: a file beside it, or memory. They lie there in
/// the clear and nothing shows a change of them, which their events say; they hold no secret.
///
/// It is bounded. What finds no room is counted, and the count becomes an event.
pub struct Spool(Mutex<Inner>);

struct Inner {
    file: Option<File>,
    /// What the file holds, or would hold: each event behind its length.
    bytes: Vec<u8>,
    lost: u64,
    lost_since: Option<Time>,
}

impl Spool {
    /// The name of the file in the folder of a server.
    pub const FILE: &str = "events.spool";

    /// The most that waits: some thousand events.
    pub const BYTES: usize = 1 << 20;

    /// In memory: what waits is lost with the process.
    pub fn in_memory() -> Self {
        Self::of(None, Vec::new())
    }

    /// In the file `FILE` of a folder, with what an earlier process left there.
    ///
    /// # Errors
    /// The file cannot be made or read.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(folder.join(Self::FILE))?;
        let mut bytes = Vec::new();
        (&mut file).take(Self::BYTES as u64).read_to_end(&mut bytes)?;
        // What a crash left half written is overwritten.
        let whole = bytes.len() - rest_after(&bytes).len();
        bytes.truncate(whole);
        file.set_len(whole as u64)?;
        Ok(Self::of(Some(file), bytes))
    }

    /// Keeps an event. One that answers are to wait for survives the loss of power; what anybody can cause does not
    /// make the disk wait, and survives the end of the process.
    pub fn keep(&self, event: &Event, class: Class) {
        let mut inner = self.inner();
        if inner.append(event, class).is_err() {
            inner.lost = inner.lost.saturating_add(1);
            inner.lost_since.get_or_insert(event.time);
        }
    }

    /// Hands what waits to the outbox of the database that is about to be open. Empty when this returns; after a crash in between, the
    /// same events are handed over again.
    ///
    /// # Errors
    /// [`NodeError::Commit`]: then everything waits on.
    pub fn drain(&self, outbox: &Outbox, store: &dyn SealedStore, now: Time) -> Result<(), NodeError> {
        let mut inner = self.inner();
        let mut events = events(&inner.bytes);
        events.extend(inner.lost(now));
        for event in events {
            if outbox.waiting() >= Outbox::BUFFERED {
                outbox.flush(store, now)?;
            }
            // There is room: nobody else has this outbox yet.
            let _ = outbox.buffer(event.with(Detail::Spooled(now)));
        }
        outbox.flush(store, now)?;
        inner.clear();
        Ok(())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        let inner = self.inner();
        inner.bytes.is_empty() && inner.lost == 0
    }

    fn of(file: Option<File>, bytes: Vec<u8>) -> Self {
        Self(Mutex::new(Inner { file, bytes, lost: 0, lost_since: None }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, event: &Event, class: Class) -> io::Result<()> {
        let bytes = event.to_bytes().map_err(|_| io::ErrorKind::InvalidData)?;
        let length = u16::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        if self.bytes.len() + 2 + bytes.len() > Spool::BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let line = [&length.to_be_bytes(), &bytes[..]].concat();
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.bytes.len() as u64))?;
            file.write_all(&line)?;
            if class == Class::Strict {
                file.sync_data()?;
            }
        }
        self.bytes.extend_from_slice(&line);
        Ok(())
    }

    fn lost(&self, now: Time) -> Option<Event> {
        let event = Event::allowed(&Caller::system(), self.lost_since?, Service::Audit, Action::Lose, None);
        Some(event.with(Detail::Count(self.lost)).with(Detail::Until(now)))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.lost, self.lost_since) = (0, None);
        if let Some(file) = &self.file
            && let Err(error) = file.set_len(0)
        {
            tracing::warn!(%error, "events that were taken over are still in the spool, and will be there again");
        }
    }
}

/// The events at the front, as far as they are whole.
fn events(bytes: &[u8]) -> Vec<Event> {
    let mut rest = bytes;
    std::iter::from_fn(|| first(&mut rest)).collect()
}

fn rest_after(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while first(&mut rest).is_some() {}
    rest
}

/// Takes the first event off.
fn first(bytes: &mut &[u8]) -> Option<Event> {
    let (length, behind) = bytes.split_first_chunk()?;
    let (event, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let event = Event::from_bytes(event).ok()?;
    *bytes = behind;
    Some(event)
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("bytes", &self.inner().bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::{memory::MemoryStore, waiting};

    use super::*;

    fn event(number: u64) -> Event {
        let time = Time::from_millis(number);
        Event::allowed(&Caller::system(), time, Service::Barrier, Action::Unseal, None)
    }

    /// What comes out of a spool, and when each happened.
    fn drained(spool: &Spool) -> Vec<Event> {
        let store = MemoryStore::new();
        spool.drain(&Outbox::new([9; 16]), &store, Time::from_millis(99)).unwrap();
        assert!(spool.is_empty());
        waiting(&store, 100_000).unwrap().into_iter().flat_map(|row| row.events).collect()
    }

    fn spooled(event: Event) -> Event {
        event.with(Detail::Spooled(Time::from_millis(99)))
    }

    #[test]
    fn events_wait_for_the_next_process_and_come_once_with_their_own_time() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::in_folder(folder.path()).unwrap();
        spool.keep(&event(1), Class::Strict);
        spool.keep(&event(2), Class::Buffered);
        drop(spool);
        let spool = Spool::in_folder(folder.path()).unwrap();
        spool.keep(&event(3), Class::Strict);
        assert_eq!(drained(&spool), [1, 2, 3].map(|number| spooled(event(number))));
        assert!(Spool::in_folder(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_was_cut_or_changed_gives_the_events_before_and_takes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Spool::FILE);
        let spool = Spool::in_folder(folder.path()).unwrap();
        (0..3).for_each(|number| spool.keep(&event(number), Class::Buffered));
        let whole = std::fs::read(&path).unwrap();
        let one = whole.len() / 3;
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let spool = Spool::in_folder(folder.path()).unwrap();
            spool.keep(&event(7), Class::Strict);
            let before = (0..(cut / one) as u64).chain([7]).map(|number| spooled(event(number)));
            assert_eq!(drained(&spool), before.collect::<Vec<_>>(), "{cut}");
        }
        std::fs::write(&path, vec![0xff; 2 * Spool::BYTES]).unwrap();
        assert!(Spool::in_folder(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_full_spool_counts_what_it_does_not_keep() {
        let spool = Spool::in_memory();
        let size = event(5).to_bytes().unwrap().len() + 2;
        let room = Spool::BYTES / size;
        (0..room + 4).for_each(|_| spool.keep(&event(5), Class::Buffered));
        let mut events = drained(&spool);
        let lost = events.pop().unwrap();
        assert_eq!(
            (lost.action, lost.time, lost.details[0]),
            (Action::Lose, event(5).time, Detail::Count(4))
        );
        assert_eq!(events.len(), room);
    }

    #[test]
    fn what_the_store_does_not_take_waits_on() {
        use strongroom_core::fault::{Fault, FaultStore};
        let spool = Spool::in_memory();
        spool.keep(&event(1), Class::Strict);
        let store = FaultStore::new(std::sync::Arc::new(MemoryStore::new()), Fault::Crash, 0);
        spool.drain(&Outbox::new([9; 16]), &store, Time::from_millis(99)).unwrap_err();
        assert_eq!(drained(&spool), [spooled(event(1))]);
    }
}
