use std::{
    collections::VecDeque,
    fmt, io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hyper::StatusCode;
use strongroom_core::{Hold, deferring};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout_at},
};

use crate::{DEEP, Response, wiping_stack};

/// Threads for work that waits: storage, slow keys, passwords. Each kind gets a pool of its own, so that one
/// cannot starve the other.
///
/// The queue is bounded, and a job that could not begin in time is dropped and never begins. A job that began
/// is always waited for: its effect may be durable. A clone is the same pool.
///
/// ```
/// # use std::time::Duration;
/// use strongroom_serve::Pool;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let storage = Pool::start("storage", 64, 1024, Duration::from_secs(5))?;
/// assert_eq!(storage.run(|| 6 * 7).outcome().await, Ok(42));
/// storage.close();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

/// What the handles hold and the threads do not: when the last handle goes, the threads end.
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

struct Shared {
    name: &'static str,
    room: usize,
    patience: Duration,
    queue: Mutex<Queue>,
    work: Condvar,
    refused: AtomicU64,
    panicked: AtomicU64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Box<dyn FnOnce() + Send>>,
    closed: bool,
}

impl Pool {
    /// Starts `threads` threads. Up to `room` jobs wait for them, each for at most `patience`.
    ///
    /// Group commits of the store form among jobs that wait at the same time, so a storage pool wants many threads.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(name: &'static str, threads: usize, room: usize, patience: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name,
            room,
            patience,
            queue: Mutex::default(),
            work: Condvar::new(),
            refused: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        });
        let owner = Owner { shared, threads: Mutex::default() };
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&owner.shared);
            let thread = thread::Builder::new().name(name.into()).spawn(move || shared.serve())?;
            owner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(Self(Arc::new(owner)))
    }

    /// Hands over a job. Dropping the [`Pending`] takes it back if it has not begun.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (answer, receiver) = oneshot::channel();
        let ticket = Ticket::default();
        let claim = Claim(ticket.clone());
        let job = Box::new(move || {
            if ticket.begin() {
                // A receiver that is gone wanted no answer.
                let _ = answer.send(deferring(|| wiping_stack::<DEEP, _>(job)));
            }
        });
        match self.0.shared.submit(job) {
            Ok(()) => {
                Pending(State::Queued { receiver, claim, until: Instant::now() + self.0.shared.patience })
            }
            Err(busy) => Pending(State::Refused(busy)),
        }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.0.shared.name
    }

    /// How many jobs wait for a thread.
    pub fn waiting(&self) -> usize {
        self.0.shared.queue().jobs.len()
    }

    /// How many jobs were refused since the start, because the queue was full or the pool closed.
    pub fn refused(&self) -> u64 {
        self.0.shared.refused.load(Ordering::Relaxed)
    }

    /// How many jobs panicked since the start.
    pub fn panicked(&self) -> u64 {
        self.0.shared.panicked.load(Ordering::Relaxed)
    }

    /// Takes no more jobs, and returns when all that were accepted have ended. It blocks: to be called from
    /// `main` after the server ended, never from a job.
    pub fn close(&self) {
        self.0.shared.close();
        let threads = mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // Jobs that panic are caught, so a thread ends only by leaving its loop.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.0.shared.name)
    }
}

impl Shared {
    /// A panic between two statements that hold the lock cannot leave the queue half changed.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        let refused = {
            let mut queue = self.queue();
            match (queue.closed, queue.jobs.len() >= self.room) {
                (true, _) => Busy::Closed,
                (_, true) => Busy::Full,
                (false, false) => {
                    queue.jobs.push_back(job);
                    drop(queue);
                    self.work.notify_one();
                    return Ok(());
                }
            }
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(refused)
    }

    fn close(&self) {
        self.queue().closed = true;
        self.work.notify_all();
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                self.panicked.fetch_add(1, Ordering::Relaxed);
                tracing::error!(pool = self.name, "a job panicked");
            }
        }
    }

    fn next(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let mut queue = self.work.wait_while(self.queue(), idle).unwrap_or_else(PoisonError::into_inner);
        queue.jobs.pop_front()
    }
}

/// The result of a job that a [`Pool`] has or had.
pub struct Pending<T>(State<T>);

enum State<T> {
    Refused(Busy),
    Queued { receiver: oneshot::Receiver<(T, Option<Hold>)>, claim: Claim, until: Instant },
}

impl<T> Pending<T> {
    /// Waits for the result; where something was revoked, until that holds on every node.
    ///
    /// # Errors
    /// [`Busy`]: the job did not run, or panicked.
    pub async fn outcome(self) -> Result<T, Busy> {
        let (mut receiver, claim, until) = match self.0 {
            State::Refused(busy) => return Err(busy),
            State::Queued { receiver, claim, until } => (receiver, claim, until),
        };
        let answer = match timeout_at(until, &mut receiver).await {
            Ok(answer) => answer,
            Err(_) if claim.0.cancel() => return Err(Busy::Late),
            Err(_) => receiver.await,
        };
        let (answer, hold) = answer.map_err(|_| Busy::Panicked)?;
        while let Some(left) = hold.as_ref().map(Hold::left).filter(|left| !left.is_zero()) {
            sleep(left).await;
        }
        Ok(answer)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// Why a job gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The queue is full. The job did not run.
    #[error("too many requests are waiting")]
    Full,
    /// No thread was free in time. The job did not run and never will.
    #[error("the request waited too long")]
    Late,
    /// The pool was closed. The job did not run.
    #[error("the server is shutting down")]
    Closed,
    /// The job panicked; how far it came is unknown.
    #[error("internal error")]
    Panicked,
}

impl From<Busy> for Response {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Full | Busy::Late | Busy::Closed => Response::busy(&busy.to_string()),
            Busy::Panicked => Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &[&busy.to_string()]),
        }
    }
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const CANCELLED: u8 = 2;

/// Decides once between "the job begins" and "nobody wants it any more".
#[derive(Clone, Default)]
struct Ticket(Arc<AtomicU8>);

impl Ticket {
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn cancel(&self) -> bool {
        self.0.compare_exchange(WAITING, CANCELLED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Takes the job back on drop, if it has not begun.
struct Claim(Ticket);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{atomic::AtomicBool, mpsc};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    /// A pool of one thread that is busy until the sender is dropped.
    fn blocked(room: usize, patience: Duration) -> (Pool, mpsc::Sender<()>, Pending<()>) {
        let pool = Pool::start("test", 1, room, patience).expect("a thread");
        let (release, blocked) = mpsc::channel::<()>();
        let (begun, wait) = mpsc::channel();
        let running = pool.run(move || {
            let _ = begun.send(());
            let _ = blocked.recv();
        });
        wait.recv().expect("begun");
        (pool, release, running)
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (pool, release, running) = blocked(1, LONG);
        let queued = pool.run(|| 1);
        assert_eq!(pool.run(|| 2).outcome().await, Err(Busy::Full));
        assert_eq!((pool.waiting(), pool.refused()), (1, 1));
        drop(release);
        assert_eq!((running.outcome().await, queued.outcome().await), (Ok(()), Ok(1)));
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_never_begins() {
        let (pool, release, _running) = blocked(9, Duration::from_millis(20));
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        assert_eq!(pool.run(move || mark.store(true, Ordering::Relaxed)).outcome().await, Err(Busy::Late));
        drop(release);
        pool.close();
        assert!(!ran.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_job_that_began_is_waited_for_beyond_the_deadline() {
        let (pool, release, running) = blocked(9, Duration::from_millis(1));
        let waiter = tokio::spawn(running.outcome());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiter.is_finished());
        drop(release);
        assert_eq!(waiter.await.expect("joined"), Ok(()));
        pool.close();
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_any_more_never_begins() {
        let (pool, release, _running) = blocked(9, LONG);
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        drop(pool.run(move || mark.store(true, Ordering::Relaxed)));
        drop(release);
        pool.close();
        assert!(!ran.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let pool = Pool::start("test", 1, 9, LONG).expect("a thread");
        assert_eq!(pool.run(|| panic!("in a test")).outcome().await, Err::<(), _>(Busy::Panicked));
        assert_eq!(pool.run(|| 1).outcome().await, Ok(1));
        assert_eq!(pool.panicked(), 1);
    }

    #[tokio::test]
    async fn close_runs_what_was_accepted_and_nothing_more() {
        let (pool, release, _running) = blocked(9, LONG);
        let accepted = pool.run(|| 1);
        let closing = thread::spawn({
            let pool = pool.clone();
            move || pool.close()
        });
        while !pool.0.shared.queue().closed {
            thread::yield_now();
        }
        assert_eq!(pool.run(|| 2).outcome().await, Err(Busy::Closed));
        drop(release);
        closing.join().expect("closed");
        assert_eq!(accepted.outcome().await, Ok(1));
    }
}
