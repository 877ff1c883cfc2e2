use std::time::Duration;

/// What a server accepts before it says no; all of it holds before a token was checked.
///
/// Time limits are measured in steps of 100 ms and so end up to 200 ms late.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one request's body; more is 413. Default 32 MiB, as in Vault.
    pub body: usize,
    /// Bytes of all bodies above 64 KiB that may be in memory at once; more is 503. Default 256 MiB.
    pub bodies: usize,
    /// Bytes of a request's path as sent; more is 400. Default 4,096.
    pub path: usize,
    /// Bytes of a request's line and headers; more is 431. Default 32 KiB.
    pub header: usize,
    /// How deep arrays and objects may nest in a JSON body. Default 32.
    pub json_depth: usize,
    /// How many values (scalars, arrays and objects) a JSON body may hold. Default 100,000.
    pub json_values: usize,
    /// Connections open at once; further ones wait in the listener's queue. Default 4,096.
    pub connections: usize,
    /// How long a TLS handshake may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long a request's line and headers may take, from their first byte; and how long a new connection
    /// may wait with its first byte. Default 10 s.
    pub header_timeout: Duration,
    /// How long a whole body may take to arrive. Default 60 s.
    pub body_timeout: Duration,
    /// How long a client may take to read an answer. Default 60 s.
    pub answer_timeout: Duration,
    /// How long a connection may stay open between two requests. Default 120 s.
    pub idle_timeout: Duration,
    /// How long running requests may go on after the shutdown began. Default 20 s.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 << 20,
            bodies: 256 << 20,
            path: 4096,
            header: 32 << 10,
            json_depth: 32,
            json_values: 100_000,
            connections: 4096,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            grace: Duration::from_secs(20),
        }
    }
}
