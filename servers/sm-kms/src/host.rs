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

/// Serves the node until the process is asked to end; then lets running requests end, and seals.
///
/// # Errors
/// The system gives no thread, or the listener fails.
pub fn serve(node: &Arc<Node>, server: Server) -> io::Result<()> {
    let storage = Pool::start("storage", STORAGE_THREADS, STORAGE_ROOM, STORAGE_PATIENCE)?;
    let metrics = Metrics::new(&[]);
    metrics.watch_pool(&storage);
    let tender = Regular::start("tend", TEND, Arc::clone(node), Node::tend)?;
    let keeper = Regular::start("lease", Lease::RENEWED, Arc::clone(node), Node::keep_lease)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let api = Api::new(Arc::clone(node), storage.clone());
    let cut = runtime.block_on(async { server.metered(&metrics).run(api, asked_to_end()?).await })?;
    if cut > 0 {
        tracing::warn!(connections = cut, "requests did not end in time and were cut off");
    }
    storage.close();
    tender.stop();
    keeper.stop();
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

/// A thread that does something with the node again and again, and once more at the end.
struct Regular {
    name: &'static str,
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Regular {
    fn start(name: &'static str, every: Duration, node: Arc<Node>, work: fn(&Node)) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            while stopped.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
                work(&node);
            }
            work(&node);
        };
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(Self { name, stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!(thread = self.name, "a thread of the server has panicked");
        }
    }
}
