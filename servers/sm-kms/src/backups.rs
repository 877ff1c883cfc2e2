use std::{
    collections::HashSet,
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use strongroom::{
    Strongroom,
    backup::{self, KeyTextError, Progress, Recipient, Taken},
};
use strongroom_core::{Clock, Time};
use strongroom_serve::{DEEP, wiping_stack};
use strongroom_store_sqlite::SqliteStore;

use crate::{answer::rfc3339, options::make_folder};

/// Where backups are written to and for whom, as whoever starts the server says. A request names neither.
#[derive(Debug, clap::Args)]
pub struct BackupOptions {
    /// Folder that backups are written to; it is made if it does not exist
    #[arg(long, value_name = "DIR", requires = "backup_recipient")]
    pub backup_dir: Option<PathBuf>,

    /// Recipient of a recovery key, strongroom-recipient-…, that backups are encrypted to; repeat it for several
    #[arg(long, value_name = "TEXT", requires = "backup_dir")]
    pub backup_recipient: Vec<String>,
}

/// What was asked of backups at the start cannot be done. The texts of recipients are not repeated: one may be a
/// recovery key.
#[derive(Debug, thiserror::Error)]
pub enum BackupOptionsError {
    /// The folder cannot be made.
    #[error("the folder {} cannot be made", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// Not a recipient.
    #[error("--backup-recipient number {0} must begin with strongroom-recipient-")]
    Recipient(usize, #[source] KeyTextError),
    /// Too many recipients, or one twice.
    #[error("name 1 to 20 backup recipients, no one twice")]
    Recipients,
}

/// Takes backups of one database, one at a time, in a thread of its own.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    store: SqliteStore,
    folder: PathBuf,
    recipients: Vec<Recipient>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    last: Option<Last>,
}

/// A backup that is being taken.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) file: String,
    pub(crate) since: Time,
    pub(crate) progress: Option<Progress>,
}

/// A backup that was taken, or why it was not.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    pub(crate) file: String,
    pub(crate) since: Time,
    pub(crate) outcome: Result<Taken, String>,
}

/// A backup did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    #[error("a backup is being taken already")]
    UnderWay,
    #[error("the system gives no thread")]
    Thread(#[source] io::Error),
}

const RECIPIENTS: usize = 20;

impl BackupOptions {
    /// Backups of `store` as they were asked for; nothing if they were not.
    ///
    /// # Errors
    /// [`BackupOptionsError`].
    pub fn backups(&self, store: &SqliteStore) -> Result<Option<Backups>, BackupOptionsError> {
        let (Some(folder), recipients) = (&self.backup_dir, self.recipients()?) else { return Ok(None) };
        make_folder(folder).map_err(|error| BackupOptionsError::Folder(folder.clone(), error))?;
        Ok(Some(Backups::new(store.clone(), folder.clone(), recipients)))
    }

    /// For whom backups are, to be looked at before anything is made or opened.
    ///
    /// # Errors
    /// [`BackupOptionsError`].
    pub fn recipients(&self) -> Result<Vec<Recipient>, BackupOptionsError> {
        let parse = |(text, number): (&String, usize)| {
            Recipient::parse(text).map_err(|error| BackupOptionsError::Recipient(number, error))
        };
        let recipients = self.backup_recipient.iter().zip(1..).map(parse).collect::<Result<Vec<_>, _>>()?;
        let different: HashSet<_> = recipients.iter().collect();
        let none_is_needed = self.backup_dir.is_none() && recipients.is_empty();
        let enough = none_is_needed || (1..=RECIPIENTS).contains(&recipients.len());
        if enough && different.len() == recipients.len() {
            Ok(recipients)
        } else {
            Err(BackupOptionsError::Recipients)
        }
    }
}

impl Backups {
    /// Backups of `store` into a folder that is there, for these recipients.
    pub fn new(store: SqliteStore, folder: PathBuf, recipients: Vec<Recipient>) -> Self {
        let (state, ended) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Inner { store, folder, recipients, state, ended }))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0.folder
    }

    pub(crate) fn recipients(&self) -> &[Recipient] {
        &self.0.recipients
    }

    /// The backup that is being taken, and the one before.
    pub(crate) fn status(&self) -> (Option<Running>, Option<Last>) {
        let state = self.0.state();
        (state.running.clone(), state.last.clone())
    }

    /// Begins a backup; answers the name of its file.
    pub(crate) fn begin(&self, room: Strongroom, clock: &dyn Clock) -> Result<String, NotBegun> {
        let since = clock.now();
        let file = format!("strongroom-{}.backup", rfc3339(since).replace(':', "-"));
        let mut state = self.0.state();
        if state.running.is_some() {
            return Err(NotBegun::UnderWay);
        }
        let job = Job { backups: self.clone(), file: file.clone(), since };
        let work = move || wiping_stack::<DEEP, _>(|| job.run(&room));
        thread::Builder::new().name("backup".into()).spawn(work).map_err(NotBegun::Thread)?;
        state.running = Some(Running { file: file.clone(), since, progress: None });
        Ok(file)
    }

    /// Waits at most so long for a backup that is being taken to end; answers whether none is.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let runs = |state: &mut State| state.running.is_some();
        let waited = self.0.ended.wait_timeout_while(self.0.state(), at_most, runs);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.running.is_none()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One backup. Its state is told the end in any case, even if it panics.
struct Job {
    backups: Backups,
    file: String,
    since: Time,
}

impl Job {
    fn run(self, room: &Strongroom) {
        let inner = &self.backups.0;
        let mut progress = |progress| {
            if let Some(running) = &mut inner.state().running {
                running.progress = Some(progress);
            }
        };
        let path = inner.folder.join(&self.file);
        let outcome = backup::take(room, &inner.store, &inner.recipients, &path, &mut progress);
        match &outcome {
            Ok(taken) => tracing::info!(file = self.file, size = taken.size, "a backup was taken"),
            Err(error) => {
                tracing::error!(file = self.file, error = error as &dyn Error, "a backup was not taken");
            }
        }
        self.end(outcome.map_err(|error| error.to_string()));
    }

    fn end(&self, outcome: Result<Taken, String>) {
        let mut state = self.backups.0.state();
        if state.running.take().is_some() {
            state.last = Some(Last { file: self.file.clone(), since: self.since, outcome });
        }
        self.backups.0.ended.notify_all();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if thread::panicking() {
            self.end(Err("internal error: see the server's log".into()));
        }
    }
}

impl fmt::Debug for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backups")
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use strongroom_barrier::UnsealSecret;
    use strongroom_core::SystemClock;

    use super::*;

    /// A database, and backups of it for nobody, which so are not taken.
    fn begin(folder: &Path) -> (Strongroom, Backups) {
        let store = SqliteStore::create(folder.join("db")).unwrap();
        let secret = UnsealSecret::new(vec![7; 32]).unwrap();
        let room = Strongroom::create(store.clone(), &secret).unwrap();
        (room, Backups::new(store, folder.to_owned(), Vec::new()))
    }

    #[test]
    fn a_second_backup_is_refused_until_the_first_one_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (room, backups) = begin(folder.path());
        let since = SystemClock.now();
        let running = Running { file: "x".into(), since, progress: None };
        backups.0.state().running = Some(running);
        assert!(matches!(backups.begin(room.clone(), &SystemClock), Err(NotBegun::UnderWay)));
        assert!(!backups.wait(Duration::ZERO));
        backups.0.state().running = None;
        let file = backups.begin(room, &SystemClock).unwrap();
        assert!(backups.wait(Duration::from_secs(30)));
        let (running, last) = backups.status();
        let last = last.unwrap();
        assert!(running.is_none() && last.file == file);
        assert!(last.outcome.unwrap_err().contains("recipients"));
        assert!(!folder.path().join(file).exists(), "nothing is left of one that was not taken");
    }

    #[test]
    fn a_backup_that_panics_does_not_keep_others_from_being_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (_, backups) = begin(folder.path());
        let since = SystemClock.now();
        backups.0.state().running = Some(Running { file: "x".into(), since, progress: None });
        let job = Job { backups: backups.clone(), file: "x".into(), since };
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _job = job;
            panic!("in a test");
        }));
        assert!(panicked.is_err() && backups.wait(Duration::ZERO));
        assert!(backups.status().1.unwrap().outcome.is_err());
    }
}
