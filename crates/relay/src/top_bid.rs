use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use headstart_types::{BlockHash, BlsPublicKey, Slot, U256, UnixMillis, Wei};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::client::Purpose;
use crate::stream_tally::Open;
use crate::websocket::{self, Limits, Socket};
use crate::{Error, Failure, FrameResult, Operation, Relay, StreamEnd, StreamKind};

/// An announcement has this length, and no other is one.
const TOP_BID_BYTES: usize = 188;
const MALFORMED_IN_A_ROW_MAX: u32 = 64;
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// Later moments are counted in nanoseconds, as the second version of the stream does.
const MILLIS_MAX: u64 = 1_000_000_000_000_000;

const LIMITS: Limits = Limits {
    message_bytes_max: 4 * 1024,
    messages_per_s_max: 4_000,
    bytes_per_s_max: 4 << 20,
    quiet: Duration::from_secs(10),
};

/// A relay's word that its best bid is now this one. Nobody has signed it, so it is never served: it only tells when asking
/// is worth while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopBid {
    pub at: UnixMillis,
    pub slot: Slot,
    pub block_number: u64,
    pub block_hash: BlockHash,
    pub parent_hash: BlockHash,
    pub builder: BlsPublicKey,
    pub value: Wei,
}

impl TopBid {
    /// `timestamp u64 | slot u64 | block number u64 | block hash | parent hash | builder's key | fee recipient | value
    /// u256`, numbers little-endian; `None` when it has not exactly that length.
    pub fn from_ssz(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; TOP_BID_BYTES] = bytes.try_into().ok()?;
        let timestamp = number(bytes, 0);
        let millis = if timestamp >= MILLIS_MAX { timestamp / 1_000_000 } else { timestamp };
        Some(Self {
            at: UnixMillis(millis.cast_signed()),
            slot: Slot(number(bytes, 8)),
            block_number: number(bytes, 16),
            block_hash: BlockHash(array::<32>(bytes, 24).into()),
            parent_hash: BlockHash(array::<32>(bytes, 56).into()),
            builder: BlsPublicKey(array::<48>(bytes, 88).into()),
            // The 20 bytes of the builder's fee recipient lie between.
            value: Wei(U256::from_le_bytes(array::<32>(bytes, 156))),
        })
    }
}

fn number(bytes: &[u8; TOP_BID_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8; TOP_BID_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

/// Where a relay announces its top bids: `wss://host[:port]/path[?query]`.
///
/// `Display` and `Debug` leave out the query, which may be a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct TopBidUrl(Url);

impl FromStr for TopBidUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text.trim()).map_err(Error::TopBidUrl)?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(Error::TopBidScheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::TopBidUser);
        }
        Ok(Self(url))
    }
}

impl TopBidUrl {
    /// As our HTTP client calls it: a WebSocket begins as a request over HTTP.
    fn endpoint(&self) -> String {
        self.0.as_str().replacen("ws", "http", 1)
    }
}

impl fmt::Display for TopBidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        fmt::Display::fmt(&shown, f)
    }
}

impl fmt::Debug for TopBidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why one connection came to nothing; told in the log only.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Refused(#[from] Failure),
    #[error("{0}")]
    Ended(#[from] StreamEnd),
}

impl Relay {
    /// Follows the relay's top bids until it is dropped, over one connection that is opened again after each break (250 ms
    /// to a minute apart). Our headers for this relay go to that address too.
    pub async fn watch_top_bids(&self, url: &TopBidUrl, mut heard: impl FnMut(TopBid)) -> Infallible {
        let mut failures = 0;
        loop {
            let lost = self.follow_top_bids(url, &mut failures, &mut heard).await;
            if failures == 0 {
                tracing::warn!(relay = self.name(), "the relay's top bids are lost: failed to {lost}");
            } else {
                tracing::debug!(
                    relay = self.name(),
                    failures,
                    "the relay's top bids are still away: failed to {lost}"
                );
            }
            sleep(backoff(failures)).await;
            failures += 1;
        }
    }

    async fn follow_top_bids(
        &self,
        url: &TopBidUrl,
        failures: &mut u32,
        heard: &mut impl FnMut(TopBid),
    ) -> Lost {
        let request = self.client(Purpose::Streams).get(url.endpoint());
        let opening = websocket::open(request, LIMITS);
        let mut socket = match self.call(Operation::TopBid, Instant::now() + OPEN_TIMEOUT, opening).await {
            Ok(socket) => socket,
            Err(failure) => return failure.into(),
        };
        let open = Open::new(self.clone(), StreamKind::TopBid);
        let end = self.hear_top_bids(&mut socket, failures, heard).await;
        open.ended(&end);
        end.into()
    }

    async fn hear_top_bids(
        &self,
        socket: &mut Socket,
        failures: &mut u32,
        heard: &mut impl FnMut(TopBid),
    ) -> StreamEnd {
        let mut malformed_in_a_row = 0;
        while malformed_in_a_row < MALFORMED_IN_A_ROW_MAX {
            let message = match socket.message().await {
                Ok(message) => message,
                Err(end) => return end,
            };
            if let Some(top_bid) = TopBid::from_ssz(&message) {
                // A connection that ends before its first announcement must not be made again without a pause.
                (*failures, malformed_in_a_row) = (0, 0);
                self.count_frame(FrameResult::TopBid);
                heard(top_bid);
            } else {
                malformed_in_a_row += 1;
                self.count_frame(FrameResult::Malformed);
            }
        }
        StreamEnd::Garbled
    }
}

/// The pause before attempt `failures` + 1.
fn backoff(failures: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(failures)).min(BACKOFF_MAX)
}

#[cfg(test)]
#[path = "top_bid_tests.rs"]
mod tests;
