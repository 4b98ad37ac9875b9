//! Announcements of top bids.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use headstart_types::{BlockHash, Slot, Wei};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::super::BidSource;
use super::super::state::State;
use super::Socket;

/// The market is a function of time: so often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a test announces, and the market's top bid for the slot to come whenever it changes.
pub(super) async fn announce(state: &State, mut announced: broadcast::Receiver<Bytes>, socket: &mut Socket) {
    let half = Duration::from_millis(state.behaviour().latency_ms) / 2;
    let mut last = None;
    loop {
        let announcement = tokio::select! {
            announced = announced.recv() => announced.ok(),
            () = sleep(LOOK_EVERY) => of_market(state, &mut last),
            heard = socket.next() => if matches!(heard, Some(Ok(_))) { None } else { return },
        };
        if let Some(announcement) = announcement {
            sleep(half).await;
            if socket.send(Message::Binary(announcement)).await.is_err() {
                return;
            }
        }
    }
}

fn of_market(state: &State, last: &mut Option<(Slot, Wei)>) -> Option<Bytes> {
    if state.behaviour().bids != BidSource::Market {
        return None;
    }
    let (now, head) = (state.chain.clock().now(), state.chain.head());
    let slot = state.chain.network().slot_at(now).max(head.slot.next());
    let top = state.market.top_bid(state.number, slot, now)?;
    if last.replace((slot, top.value)) == Some((slot, top.value)) {
        return None;
    }
    Some(announcement(state, slot, head.block_hash, top.value))
}

/// 188 bytes: moment, slot, block number, block hash, parent hash, builder, fee recipient and value.
pub(in crate::relay) fn announcement(state: &State, slot: Slot, parent_hash: BlockHash, value: Wei) -> Bytes {
    let now_ms = state.chain.clock().now().0.cast_unsigned();
    let mut bytes = Vec::with_capacity(188);
    for number in [now_ms, slot.0, state.chain.head().block_number + 1] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    // Nobody looks at the block's hash: which block it is only a signed bid can tell.
    bytes.extend_from_slice(BlockHash::default().0.as_slice());
    bytes.extend_from_slice(parent_hash.0.as_slice());
    bytes.extend_from_slice(state.public_key.0.as_slice());
    bytes.extend_from_slice(&[0; 20]);
    bytes.extend_from_slice(&value.0.to_le_bytes::<32>());
    bytes.into()
}
