//! A frame for every bid.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use headstart_types::{AuctionKey, BlockHash, Encoding, ForkName, UnixMillis};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::super::fault::StreamFault;
use super::super::header;
use super::super::state::State;
use super::Socket;
use crate::fine_timer::{self, WallTick};

/// When the market moves is known; a relay that is told to behave otherwise notices it after so long.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Between two looks at least, should the wall clock be set back meanwhile.
const APART: Duration = Duration::from_micros(100);

/// What one stream has sent, and is about to send.
struct Frames<'a> {
    state: &'a State,
    key: &'a AuctionKey,
    fault: StreamFault,
    /// The number under which the stream is on record.
    call: u64,
    /// Half of the relay's round trip.
    half: Duration,
    under_way: VecDeque<(Instant, Bytes)>,
    last: Option<BlockHash>,
}

/// A frame at the moment at which the relay's best bid changes, here half of its latency later, until the peer is gone.
pub(super) async fn send(
    state: &State,
    key: &AuctionKey,
    fault: StreamFault,
    call: u64,
    socket: &mut Socket,
) {
    if fault == StreamFault::Silent {
        return std::future::pending().await;
    }
    let half = Duration::from_millis(state.behaviour().latency_ms) / 2;
    let mut frames = Frames { state, key, fault, call, half, under_way: VecDeque::new(), last: None };
    let tick = WallTick::of(state.chain.clock()).await;
    loop {
        let changed = state.bids_changed.notified();
        let looked_at = Instant::now();
        let next_change = frames.look(looked_at).map(|moment| tick.instant_of(moment));
        if !frames.send_due(socket).await {
            return;
        }
        if fault == StreamFault::Flood && frames.last.is_some() {
            tokio::task::yield_now().await;
            continue;
        }
        let looks_at = next_change.unwrap_or(looked_at + LOOKS_AGAIN_AFTER).max(looked_at + APART);
        let looks_at = looks_at.min(looked_at + LOOKS_AGAIN_AFTER);
        let wake_at = frames.due().map_or(looks_at, |due| due.min(looks_at));
        tokio::select! {
            () = changed => {}
            () = fine_timer::sleep_until(wake_at) => {}
            heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
        }
    }
}

impl Frames<'_> {
    /// Puts the relay's bid on its way if it is a new one; tells when there may be another. A bid is signed once.
    fn look(&mut self, looked_at: Instant) -> Option<UnixMillis> {
        let (behaviour, now) = (self.state.behaviour(), self.state.chain.clock().now());
        let top = header::top_bid(self.state, &behaviour, self.key, now);
        if let Some(top) = top
            && (self.last != Some(top.block_hash()) || self.fault == StreamFault::Flood)
        {
            self.last = Some(top.block_hash());
            let frame = frame(top.fork(), &top.bytes(Encoding::Ssz), self.fault);
            self.under_way.push_back((looked_at + self.half, frame));
        }
        header::next_change(self.state, &behaviour, self.key, now)
    }

    /// When the next frame arrives.
    fn due(&self) -> Option<Instant> {
        self.under_way.front().map(|(due, _)| *due)
    }

    /// Sends what has been on its way long enough; false when the stream is over.
    async fn send_due(&mut self, socket: &mut Socket) -> bool {
        while self.due().is_some_and(|due| due <= Instant::now()) {
            let Some((_, bytes)) = self.under_way.pop_front() else { break };
            if socket.send(Message::Binary(bytes)).await.is_err() {
                return false;
            }
            let sent = self.state.seen(|seen| {
                seen.streams.get_mut(self.call).map_or(0, |call| {
                    call.frames += 1;
                    call.frames
                })
            });
            if matches!(self.fault, StreamFault::ClosesAfter(frames) if frames <= sent) {
                return false;
            }
        }
        true
    }
}

/// `[u8 kind = 1][u8 fork][SSZ SignedBuilderBid]`
fn frame(fork: ForkName, ssz: &[u8], fault: StreamFault) -> Bytes {
    let fork_byte = match fork {
        ForkName::Capella => 3,
        ForkName::Deneb => 4,
        ForkName::Electra => 5,
        ForkName::Fulu => 6,
    };
    let fork_byte = if fault == StreamFault::WrongFork { fork_byte + 1 } else { fork_byte };
    let ssz = if fault == StreamFault::Malformed { &ssz[..ssz.len() / 2] } else { ssz };
    [&[1, fork_byte], ssz].concat().into()
}
