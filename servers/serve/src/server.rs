use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

use crate::{
    Limits, Metrics, Service, Tls,
    body::Budget,
    connection::{self, Shared},
    watch::{Moment, Phase, Watch},
};

/// How often the server looks for connections that are late.
const SWEEP: Duration = Duration::from_millis(100);

/// An address that is listened to, and how. [`run`](Self::run) serves it.
///
/// ```
/// use strongroom_serve::{Limits, Metrics, Probes, Server};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::bind("127.0.0.1:0".parse()?, None, Limits::default())?;
/// let probes = Probes::new(&Metrics::new(&[]));
/// let cut = server.run(probes, std::future::ready(())).await?;
/// assert_eq!(cut, 0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    limits: Limits,
    metrics: Metrics,
}

/// Why an address cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another program, or another server of this one, listens there.
    #[error("{0} is in use: stop the other program, or choose another port")]
    InUse(SocketAddr),
    /// The program may not listen there; ports below 1024 need a right of their own.
    #[error("{0} is not allowed: choose a port above 1023, or give the program the right to bind this one")]
    Denied(SocketAddr),
    /// No interface of this machine has the address.
    #[error("{0} is not an address of this machine")]
    NotHere(SocketAddr),
    /// Something else.
    #[error("{0} cannot be listened to")]
    Io(SocketAddr, #[source] io::Error),
}

impl Server {
    /// Begins to listen. Without [`Tls`] requests and tokens travel in the clear: for loopback and tests, or
    /// behind a proxy on the same machine.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(address: SocketAddr, tls: Option<Tls>, limits: Limits) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            io::ErrorKind::PermissionDenied => BindError::Denied(address),
            io::ErrorKind::AddrNotAvailable => BindError::NotHere(address),
            _ => BindError::Io(address, error),
        })?;
        let other = |error| BindError::Io(address, error);
        listener.set_nonblocking(true).map_err(other)?;
        let address = listener.local_addr().map_err(other)?;
        Ok(Self { listener, address, tls, limits, metrics: Metrics::new(&[]) })
    }

    /// Counts into these metrics.
    pub fn metered(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Where it listens: with the port that the system chose, if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is done. Then it accepts nothing more, closes idle connections, lets running
    /// requests end within [`Limits::grace`], and returns how many connections had to be cut off.
    ///
    /// It runs on a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The listener cannot be used with this runtime.
    pub async fn run<S: Service>(self, service: S, shutdown: impl Future<Output = ()>) -> io::Result<usize> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let shared = Arc::new(Shared {
            service,
            tls: self.tls,
            budget: Budget::new(self.limits.bodies),
            limits: self.limits,
            metrics: self.metrics,
            draining: AtomicBool::new(false),
        });
        let mut open = Open { tasks: JoinSet::new(), known: HashMap::new(), shared };
        let mut tick = interval(SWEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = pin!(shutdown);
        loop {
            let room = open.known.len() < open.shared.limits.connections;
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept(), if room => match accepted {
                    Ok((socket, peer)) => open.begin(socket, peer),
                    Err(error) => refused(&error).await,
                },
                Some(ended) = open.tasks.join_next_with_id() => open.end(ended),
                _ = tick.tick() => open.sweep(),
            }
        }
        drop(listener);
        Ok(open.drain().await)
    }
}

/// A connection that was lost before it was accepted is nobody's concern. Everything else, such as too many
/// open files, does not go away by asking again at once.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "no connection can be accepted");
        sleep(SWEEP).await;
    }
}

/// The open connections. Only the accepting task knows them, so nothing is locked.
struct Open<S> {
    tasks: JoinSet<()>,
    known: HashMap<Id, Known>,
    shared: Arc<Shared<S>>,
}

struct Known {
    abort: AbortHandle,
    watch: Arc<Watch>,
    /// What it did when it was last looked at, and since when.
    seen: Moment,
    since: Instant,
    /// It was told to end, which may take until its memory is wiped.
    ended: bool,
}

impl<S: Service> Open<S> {
    fn begin(&mut self, socket: tokio::net::TcpStream, peer: SocketAddr) {
        self.shared.metrics.opened();
        let watch = Watch::new(if self.shared.tls.is_some() { Phase::Handshake } else { Phase::New });
        let seen = watch.moment();
        let abort =
            self.tasks.spawn(connection::serve(Arc::clone(&self.shared), socket, peer, Arc::clone(&watch)));
        self.known.insert(abort.id(), Known { abort, watch, seen, since: Instant::now(), ended: false });
    }

    fn end(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                if error.is_panic() {
                    self.shared.metrics.panicked();
                    tracing::error!("a connection's task panicked");
                }
                error.id()
            }
        };
        if self.known.remove(&id).is_some() {
            self.shared.metrics.closed();
        }
    }

    /// Closes the connections that are in one phase for longer than it may last.
    fn sweep(&mut self) {
        let now = Instant::now();
        let draining = self.shared.draining.load(Ordering::Relaxed);
        for known in self.known.values_mut().filter(|known| !known.ended) {
            let moment = known.watch.moment();
            let phase = moment.phase();
            if moment != known.seen {
                (known.seen, known.since) = (moment, now);
            }
            let idle = draining && matches!(phase, Phase::Idle | Phase::New);
            let late = now.duration_since(known.since) > phase.limit(&self.shared.limits);
            if late {
                self.shared.metrics.timed_out(phase);
            }
            if idle || late {
                known.abort.abort();
                known.ended = true;
            }
        }
    }

    async fn drain(mut self) -> usize {
        self.shared.draining.store(true, Ordering::Relaxed);
        let mut tick = interval(SWEEP);
        let mut end = pin!(sleep_until(Instant::now() + self.shared.limits.grace));
        while !self.known.is_empty() {
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
                _ = tick.tick() => self.sweep(),
                () = &mut end => break,
            }
        }
        let cut = self.known.len();
        self.tasks.abort_all();
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.end(ended);
        }
        cut
    }
}
