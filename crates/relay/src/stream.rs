use std::time::Duration;

use bytes::Bytes;
use headstart_types::{AuctionKey, DATE_MILLISECONDS, Encoding, ForkName, SignedBuilderBid, TIMEOUT_MS};
use tokio::time::{Instant, timeout_at};

use crate::client::Purpose;
use crate::stream_tally::Open;
use crate::websocket::{self, Limits, Socket};
use crate::{Failure, FrameResult, Operation, ReceivedBid, Relay, StreamKind};

/// The kind byte of a frame that carries a bid; others are not for us.
const BID: u8 = 1;
/// So many unreadable frames in a row are no slip any more.
const MALFORMED_IN_A_ROW_MAX: u32 = 8;

/// A relay sends a frame whenever its best bid changes, at the busiest a few hundred times a second. Who exceeds this is
/// polled instead: what came last before a stream is given up is at hand.
const LIMITS: Limits = Limits {
    message_bytes_max: 2 << 20,
    messages_per_s_max: 1_000,
    bytes_per_s_max: 16 << 20,
    quiet: Duration::from_secs(1),
};

/// One frame of a header stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamFrame {
    /// The relay's best bid from now on: decoded for the expected fork, and *not verified*.
    Bid(Box<ReceivedBid>),
    /// Why it is no bid of the expected fork.
    Malformed(String),
}

/// Why a stream is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamEnd {
    /// Its deadline has come.
    #[error("follow the stream: its time is over")]
    Over,
    #[error("follow the stream: the relay closed it")]
    Closed,
    #[error("follow the stream: nothing was heard, and no ping was answered")]
    Silent,
    #[error("follow the stream: more came than a relay has to say")]
    Flooded,
    #[error("follow the stream: a message is too long")]
    TooLong,
    #[error("follow the stream: nothing in it can be read")]
    Garbled,
    #[error("follow the stream: {0}")]
    Broken(String),
}

/// The bids of one auction as a relay gets them. Dropping it closes the connection.
#[derive(Debug)]
pub struct HeaderStream {
    socket: Socket,
    fork: ForkName,
    ends: Instant,
    malformed_in_a_row: u32,
    open: Open,
}

impl Relay {
    /// `GET /eth/v1/builder/header_stream/{slot}/{parent_hash}/{pubkey}` as a WebSocket, for a slot in which `fork` rules.
    ///
    /// It must be open by `open_by`, and is over at `ends`, which the relay is told (`X-Timeout-Ms`).
    pub async fn header_stream(
        &self,
        key: &AuctionKey,
        fork: ForkName,
        open_by: Instant,
        ends: Instant,
    ) -> Result<HeaderStream, Failure> {
        let path = format!("/eth/v1/builder/header_stream/{}/{}/{}", key.slot, key.parent_hash, key.proposer);
        let left = ends.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let request = self.client(Purpose::Streams).get(self.url().endpoint(&path));
        let request = request.header(DATE_MILLISECONDS, self.clock().now().0).header(TIMEOUT_MS, left_ms);
        let opening = websocket::open(request, LIMITS);
        let socket = self.call(Operation::Stream, open_by.min(ends), opening).await?;
        let open = Open::new(self.clone(), StreamKind::Header);
        Ok(HeaderStream { socket, fork, ends, malformed_in_a_row: 0, open })
    }
}

impl HeaderStream {
    /// The next frame. After an error the stream is of no use any more. May be dropped and called again.
    pub async fn next(&mut self) -> Result<StreamFrame, StreamEnd> {
        let frame = self.next_known().await;
        frame.inspect_err(|end| self.open.ended(end))
    }

    /// Passes over frames of kinds that we do not know.
    async fn next_known(&mut self) -> Result<StreamFrame, StreamEnd> {
        while self.malformed_in_a_row < MALFORMED_IN_A_ROW_MAX {
            let message = timeout_at(self.ends, self.socket.message()).await;
            let message = message.unwrap_or(Err(StreamEnd::Over))?;
            match read(&message, self.fork) {
                Ok(Some(bid)) => {
                    self.malformed_in_a_row = 0;
                    return Ok(StreamFrame::Bid(Box::new(bid)));
                }
                Ok(None) => self.open.relay().count_frame(FrameResult::Ignored),
                Err(reason) => {
                    self.malformed_in_a_row += 1;
                    self.open.relay().count_frame(FrameResult::Malformed);
                    return Ok(StreamFrame::Malformed(reason));
                }
            }
        }
        Err(StreamEnd::Garbled)
    }
}

/// `[u8 kind][u8 fork][SSZ SignedBuilderBid]`; `None` for kinds that are not for us.
fn read(frame: &Bytes, fork: ForkName) -> Result<Option<ReceivedBid>, String> {
    match frame.split_first_chunk::<2>() {
        None => Err(format!("a frame of {} bytes", frame.len())),
        Some(([kind, _], _)) if *kind != BID => Ok(None),
        Some(([_, written], _)) if *written != fork_byte(fork) => {
            Err(format!("a bid of fork {written} while {} is {fork}", fork_byte(fork)))
        }
        Some(_) => {
            let ssz = frame.slice(2..);
            let bid = SignedBuilderBid::from_ssz(fork, &ssz).map_err(|error| error.to_string())?;
            Ok(Some(ReceivedBid { bid, encoding: Encoding::Ssz, ssz }))
        }
    }
}

/// How frames name forks.
pub(crate) const fn fork_byte(fork: ForkName) -> u8 {
    match fork {
        ForkName::Capella => 3,
        ForkName::Deneb => 4,
        ForkName::Electra => 5,
        ForkName::Fulu => 6,
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
