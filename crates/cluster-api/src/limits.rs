use std::fmt;
use std::time::Duration;

/// What one connection and one call may take of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over it a connection waits to be accepted.
    pub connections_max: usize,
    /// Calls and streams at a time on one connection.
    pub calls_per_connection_max: u32,
    /// 1,000 registrations are some 200 KiB.
    pub message_bytes_max: usize,
    pub head_bytes_max: u32,
    /// For the message of a call that is no stream, and its answer.
    pub call_timeout: Duration,
    /// From the connection to its first bytes; with TLS, for the handshake.
    pub first_bytes_timeout: Duration,
    /// A silent connection is asked so often whether it still lives.
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    /// On shutdown, for what is under way.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            calls_per_connection_max: 256,
            message_bytes_max: 1 << 20,
            head_bytes_max: 16 << 10,
            call_timeout: Duration::from_secs(15),
            first_bytes_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// What proves the server to its clients: both in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    pub certificates: Vec<u8>,
    pub key: Vec<u8>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
