use std::{
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use hyper::StatusCode;

use crate::{Body, Head, Method, Pool, Response, Service, Step, watch::Phase};

/// Counters of a server, readable as Prometheus' text format. A clone counts into the same numbers.
///
/// Labels are fixed when the program is written: no name, path or tenant becomes one.
///
/// ```
/// use strongroom_serve::Metrics;
/// let metrics = Metrics::new(&["encrypt", "decrypt"]);
/// assert!(metrics.render().contains("strongroom_http_requests_in_flight 0"));
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Counters>);

/// The statuses with a counter of their own; all others count under the hundreds.
const STATUSES: [(u16, &str); 19] = [
    (200, "200"),
    (204, "204"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (409, "409"),
    (412, "412"),
    (413, "413"),
    (429, "429"),
    (472, "472"),
    (473, "473"),
    (500, "500"),
    (503, "503"),
    (2, "2xx"),
    (3, "3xx"),
    (4, "4xx"),
    (5, "5xx"),
];

struct Counters {
    classes: &'static [&'static str],
    /// One row per class, and a last one for `other`.
    requests: Vec<[AtomicU64; STATUSES.len()]>,
    in_flight: AtomicUsize,
    connections: AtomicUsize,
    accepted: AtomicU64,
    handshakes_failed: AtomicU64,
    panics: AtomicU64,
    timeouts: [AtomicU64; Phase::TIMED.len()],
    pools: Mutex<Vec<Pool>>,
}

impl Metrics {
    /// Counters for these classes of requests; [`Service::class`] gives a place in the list.
    pub fn new(classes: &'static [&'static str]) -> Self {
        let row = || std::array::from_fn(|_| AtomicU64::new(0));
        Self(Arc::new(Counters {
            classes,
            requests: (0..=classes.len()).map(|_| row()).collect(),
            in_flight: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            timeouts: std::array::from_fn(|_| AtomicU64::new(0)),
            pools: Mutex::default(),
        }))
    }

    /// Shows the numbers of a pool, too.
    pub fn watch_pool(&self, pool: &Pool) {
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pool.clone());
    }

    /// How many requests are being answered.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// All numbers in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let counters = &*self.0;
        writeln!(text, "# TYPE strongroom_http_requests_total counter")?;
        for (at, row) in counters.requests.iter().enumerate() {
            let class = counters.classes.get(at).unwrap_or(&"other");
            for ((_, status), count) in STATUSES.iter().zip(row) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    writeln!(
                        text,
                        "strongroom_http_requests_total{{class=\"{class}\",status=\"{status}\"}} {count}"
                    )?;
                }
            }
        }
        gauge(text, "strongroom_http_requests_in_flight", self.in_flight())?;
        gauge(text, "strongroom_http_connections", self.connections())?;
        counter(text, "strongroom_http_connections_accepted_total", &counters.accepted)?;
        counter(text, "strongroom_tls_handshakes_failed_total", &counters.handshakes_failed)?;
        counter(text, "strongroom_http_panics_total", &counters.panics)?;
        writeln!(text, "# TYPE strongroom_http_timeouts_total counter")?;
        for (phase, count) in Phase::TIMED.iter().zip(&counters.timeouts) {
            let count = count.load(Ordering::Relaxed);
            writeln!(text, "strongroom_http_timeouts_total{{phase=\"{}\"}} {count}", phase.name())?;
        }
        self.write_pools(text)
    }

    fn write_pools(&self, text: &mut String) -> fmt::Result {
        let pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.is_empty() {
            return Ok(());
        }
        writeln!(text, "# TYPE strongroom_pool_waiting gauge")?;
        for pool in pools.iter() {
            writeln!(text, "strongroom_pool_waiting{{pool=\"{}\"}} {}", pool.name(), pool.waiting())?;
        }
        writeln!(text, "# TYPE strongroom_pool_refused_total counter")?;
        for pool in pools.iter() {
            writeln!(text, "strongroom_pool_refused_total{{pool=\"{}\"}} {}", pool.name(), pool.refused())?;
        }
        writeln!(text, "# TYPE strongroom_pool_panics_total counter")?;
        for pool in pools.iter() {
            writeln!(text, "strongroom_pool_panics_total{{pool=\"{}\"}} {}", pool.name(), pool.panicked())?;
        }
        Ok(())
    }

    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.0)
    }

    pub(crate) fn answered(&self, class: Option<usize>, status: StatusCode) {
        let code = status.as_u16();
        let column = STATUSES.iter().position(|(known, _)| *known == code);
        let column = column.or_else(|| STATUSES.iter().position(|(known, _)| *known == code / 100));
        let row = class.filter(|class| *class < self.0.classes.len()).unwrap_or(self.0.classes.len());
        if let Some(count) = self.0.requests.get(row).and_then(|row| row.get(column?)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn opened(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn handshake_failed(&self) {
        self.0.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.0.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn timed_out(&self, phase: Phase) {
        let at = Phase::TIMED.iter().position(|timed| timed.name() == phase.name());
        if let Some(count) = at.and_then(|at| self.0.timeouts.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.0.classes).finish()
    }
}

fn gauge(text: &mut String, name: &str, value: usize) -> fmt::Result {
    writeln!(text, "# TYPE {name} gauge\n{name} {value}")
}

fn counter(text: &mut String, name: &str, value: &AtomicU64) -> fmt::Result {
    writeln!(text, "# TYPE {name} counter\n{name} {}", value.load(Ordering::Relaxed))
}

/// Counts a request as being answered until it is dropped, however its future ends.
pub(crate) struct InFlight<'a>(&'a Counters);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `/healthz` (the process lives) and `/metrics`, for a listener of their own: without tokens, and so not to
/// be reachable from everywhere.
#[derive(Debug)]
pub struct Probes(Metrics);

impl Probes {
    /// Probes that show these numbers.
    pub fn new(metrics: &Metrics) -> Self {
        Self(metrics.clone())
    }
}

impl Service for Probes {
    type Admitted = Response;

    fn admit(&self, head: &Head<'_>) -> Step<Result<Response, Response>> {
        Step::Now(match (head.method(), &*head.path().segments()) {
            (Method::Get | Method::Head, ["healthz"]) => Ok(text("text/plain", "ok\n".into())),
            (Method::Get | Method::Head, ["metrics"]) => {
                Ok(text("text/plain; version=0.0.4", self.0.render()))
            }
            _ => Err(Response::errors(StatusCode::NOT_FOUND, &[])),
        })
    }

    fn body_limit(&self, _: &Response, _: &crate::Limits) -> usize {
        0
    }

    fn handle(&self, _: &Head<'_>, answer: Response, _: Body) -> Step<Response> {
        Step::Now(answer)
    }
}

fn text(kind: &'static str, body: String) -> Response {
    Response::bytes(StatusCode::OK, kind, body.into_bytes())
}
