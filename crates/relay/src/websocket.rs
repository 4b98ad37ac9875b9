//! A WebSocket to a relay: opened over our own HTTP client, and never longer, faster or quieter than its limits allow.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{RequestBuilder, Upgraded};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{Failure, StreamEnd, call, refusal};

/// Set aside for each connection; a bid of usual size fits in it.
const READ_BUFFER_BYTES: usize = 16 * 1024;
const REASON_CHARS_MAX: usize = 200;
const SECOND: Duration = Duration::from_secs(1);

/// What one WebSocket may do before it is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) message_bytes_max: usize,
    pub(crate) messages_per_s_max: u32,
    pub(crate) bytes_per_s_max: usize,
    /// After so long without a message the relay is asked whether it is there; after as long again it is not.
    pub(crate) quiet: Duration,
}

#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<Upgraded>,
    limits: Limits,
    heard_at: Instant,
    pinged: bool,
    pace: Pace,
}

/// Opens one with a request that has its own headers already; the deadline is the caller's.
pub(crate) async fn open(request: RequestBuilder, limits: Limits) -> Result<Socket, Failure> {
    let key = generate_key();
    let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
    let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
    let response = call::switch(request).await?;
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(http::HeaderValue::as_bytes);
    if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(Failure::malformed("it accepts another WebSocket than the one that was asked for"));
    }
    let upgraded = response.upgrade().await.map_err(Failure::transport)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(limits.message_bytes_max))
        .max_frame_size(Some(limits.message_bytes_max));
    let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
    let now = Instant::now();
    Ok(Socket { stream, limits, heard_at: now, pinged: false, pace: Pace::new(now) })
}

impl Socket {
    /// The next message; what belongs to the connection itself is dealt with here. May be dropped and called again.
    pub(crate) async fn message(&mut self) -> Result<Bytes, StreamEnd> {
        loop {
            let patience = self.limits.quiet * (1 + u32::from(self.pinged));
            let Ok(message) = timeout_at(self.heard_at + patience, self.stream.next()).await else {
                self.ask_for_a_sign().await?;
                continue;
            };
            let message = message.ok_or(StreamEnd::Closed)?.map_err(end_of)?;
            self.heard_at = Instant::now();
            self.pinged = false;
            if !self.pace.allows(self.heard_at, message.len(), &self.limits) {
                return Err(StreamEnd::Flooded);
            }
            match message {
                Message::Binary(bytes) => return Ok(bytes),
                Message::Text(text) => return Ok(text.into()),
                Message::Close(_) => return Err(StreamEnd::Closed),
                // A ping is answered by the library, whenever the stream is read.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn ask_for_a_sign(&mut self) -> Result<(), StreamEnd> {
        if std::mem::replace(&mut self.pinged, true) {
            return Err(StreamEnd::Silent);
        }
        // A peer that reads nothing must not hold this up.
        let by = Instant::now() + self.limits.quiet;
        let sent = timeout_at(by, self.stream.send(Message::Ping(Bytes::new()))).await;
        sent.map_err(|_| StreamEnd::Silent)?.map_err(end_of)
    }
}

fn end_of(error: Error) -> StreamEnd {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => StreamEnd::Closed,
        Error::Capacity(_) => StreamEnd::TooLong,
        error => StreamEnd::Broken(refusal::one_line(&error.to_string(), REASON_CHARS_MAX)),
    }
}

/// How much has come within the second that runs.
#[derive(Debug)]
struct Pace {
    began: Instant,
    messages: u32,
    bytes: usize,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { began: now, messages: 0, bytes: 0 }
    }

    fn allows(&mut self, now: Instant, bytes: usize, limits: &Limits) -> bool {
        if now.saturating_duration_since(self.began) >= SECOND {
            *self = Self::new(now);
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.messages <= limits.messages_per_s_max && self.bytes <= limits.bytes_per_s_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { message_bytes_max: 100, messages_per_s_max: 3, bytes_per_s_max: 250, quiet: SECOND };

    #[test]
    fn a_second_has_room_for_so_many_messages_and_bytes() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert!((0..3).all(|_| pace.allows(now, 1, &LIMITS)));
        assert!(!pace.allows(now, 1, &LIMITS), "a fourth message");
        assert!(pace.allows(now + SECOND, 100, &LIMITS), "another second");
        assert!(pace.allows(now + SECOND, 100, &LIMITS));
        assert!(!pace.allows(now + SECOND, 100, &LIMITS), "too many bytes");
    }
}
