use std::time::Duration;

/// What one connection and one request may take of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over it a connection waits to be accepted.
    pub connections_max: usize,
    /// From the first byte of a request's head to its last.
    pub head_timeout: Duration,
    /// For a whole request body.
    pub body_timeout: Duration,
    /// Between requests on one connection: longer than any slot, so that connections stay warm.
    pub idle_timeout: Duration,
    pub head_bytes_max: usize,
    /// 32 MiB take 50,000 registrations in JSON, even generously spaced, and are more than any signed block.
    pub body_bytes_max: usize,
    /// On shutdown, for what is under way.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            head_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            head_bytes_max: 32 << 10,
            body_bytes_max: 32 << 20,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
