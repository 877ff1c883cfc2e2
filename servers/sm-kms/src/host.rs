use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use strongroom_core::Lease;
use strongroom_serve::{Metrics, Pool, Server, asked_to_end};

use crate::{Api, Node};

/// Group commits form among requests that wait together, so that many threads are cheap and few are slow.
const STORAGE_THREADS: usize = 64;
const STORAGE_ROOM: usize = 1_024;
const STORAGE_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a backup is waited for.
const BACKUP_WAIT: Duration = Duration::from_secs(10);
/// How often due work and waiting events are looked after.
const TEND: Duration = Duration::from_secs(1);
/// How far events that wait in memory are behind, at most.
const FLUSH: Duration = Duration::from_millis(100);
/// How often the audit log takes over the events that are written.
const LOG: Duration = Duration::from_millis(150);

/// Serves the node until the process is asked to end; then lets running requests end, and seals.
///
/// # Errors
/// The system gives no thread, or the listener fails.
pub fn serve(node: &Arc<Node>, server: Server) -> io::Result<()> {
    let storage = Pool::start("storage", STORAGE_THREADS, STORAGE_ROOM, STORAGE_PATIENCE)?;
    let metrics = Metrics::new(&[]);
    metrics.watch_pool(&storage);
    let tender = Every::start("tend", TEND, Arc::clone(node), Node::tend)?;
    let flusher = Every::start("flush", FLUSH, Arc::clone(node), Node::flush)?;
    let logger = Every::start("audit", LOG, Arc::clone(node), Node::log_events)?;
    let keeper = Every::start("lease", Lease::RENEWED, Arc::clone(node), Node::keep_lease)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let api = Api::new(Arc::clone(node), storage.clone());
    let cut = runtime.block_on(async { server.metered(&metrics).run(api, asked_to_end()?).await })?;
    if cut > 0 {
        tracing::warn!(connections = cut, "requests did not end in time and were cut off");
    }
    storage.close();
    tender.stop();
    keeper.stop();
    flusher.stop();
    logger.stop();
    if let Err(error) = node.seal() {
        tracing::warn!(%error, "ended without waiting longer");
    }
    // Sealed, it fails soon, and removes what it has written.
    if node.backups().is_some_and(|backups| !backups.wait(BACKUP_WAIT)) {
        tracing::warn!(
            "a backup was broken off: files that begin with .strongroom- may be left in its folder"
        );
    }
    Ok(())
}

/// One thread that does one thing again and again, until it is stopped, and then once more.
struct Every {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Every {
    fn start(name: &str, pause: Duration, node: Arc<Node>, step: fn(&Node)) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                step(&node);
            }
            step(&node);
        };
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("a thread of the server has panicked");
        }
    }
}
