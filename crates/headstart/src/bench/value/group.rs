use std::sync::Arc;

use anyhow::Context;
use headstart_devnet::{Access, Chain, HeaderCall, Market, Relay, RelayConfig, SignedBids};
use headstart_relay::HeaderAnswer;
use headstart_types::{AuctionKey, ForkName, Network, Slot, UnixMillis, Wei};
use tokio::time::Instant;

use super::cast::Cast;
use super::held::Held;
use super::sample::Tally;
use crate::clock;

/// Statuses by which a relay refuses a call.
const REFUSALS: [u16; 3] = [400, 403, 429];
/// What relays that play timing games are told: no longer than a beacon node waits.
const PATIENCE_MS: u64 = 950;

/// One strategy's own relays, with the same books as everybody's.
pub(super) struct Group {
    pub(super) relays: Vec<Relay>,
    clients: Vec<headstart_relay::Relay>,
}

impl Group {
    /// One relay of each of the cast; with `signed`, all groups share what their relays sign.
    pub(super) async fn spawn(
        chain: &Chain,
        market: &Market,
        cast: &[Cast],
        signed: &[SignedBids],
    ) -> anyhow::Result<Self> {
        let (mut relays, mut clients) = (Vec::new(), Vec::new());
        for (number, (cast, signed)) in (0..).zip(cast.iter().zip(signed)) {
            let signed_bids = signed.clone();
            let config =
                RelayConfig { signed_bids, ..RelayConfig::new(chain.clone(), market.clone(), number) };
            let relay = Relay::spawn(config.with_behaviour(cast.behaviour.clone())).await;
            let relay = relay.context("start a simulated relay")?;
            let url = relay.url().parse().context("read a simulated relay's address")?;
            let client = headstart_relay::Relay::new(headstart_relay::Config::new(url), clock::SYSTEM);
            clients.push(client.context("make a client of a simulated relay")?);
            relays.push(relay);
        }
        Ok(Self { relays, clients })
    }

    pub(super) fn len(&self) -> usize {
        self.relays.len()
    }

    /// Asks one relay; anything but a bid is none.
    pub(super) async fn ask(
        self: Arc<Self>,
        relay: usize,
        key: AuctionKey,
        deadline: Instant,
    ) -> Option<Wei> {
        match self.clients[relay].header(&key, ForkName::Fulu, PATIENCE_MS, deadline).await {
            HeaderAnswer::Bid(received) => Some(received.bid.message.value()),
            _ => None,
        }
    }

    /// The best of what each relay's newest call for `slot` had brought back by `now`.
    pub(super) fn fetched(&self, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let mut held = Held::default();
        for (number, relay) in self.relays.iter().enumerate() {
            let latency_ms = relay.behaviour().latency_ms.cast_signed();
            for call in relay.headers_of(slot).iter().filter(|call| call.asked_at + latency_ms <= now) {
                held.take(number, call.asked_at.0, call.bid.map(|(_, value)| value));
            }
        }
        held.best()
    }

    /// The calls that the relays have seen for `slot`.
    pub(super) fn calls(&self, network: &Network, slot: Slot) -> Tally {
        let calls: Vec<_> = self.relays.iter().map(|relay| relay.headers_of(slot)).collect();
        let refused = |call: &&HeaderCall| REFUSALS.contains(&call.status);
        let outside =
            self.relays.iter().zip(&calls).map(|(relay, calls)| outside_slot(relay, calls, network));
        Tally {
            refused: calls.iter().flatten().filter(refused).count() as u64,
            outside_slot: outside.sum(),
            of_relay: calls.iter().map(|calls| calls.len() as u64).collect(),
        }
    }
}

/// How many calls a relay that answers one a slot, within it, looked at before it began or when it was over.
fn outside_slot(relay: &Relay, calls: &[HeaderCall], network: &Network) -> u64 {
    let behaviour = relay.behaviour();
    if behaviour.access != Access::OncePerSlotInSlot {
        return 0;
    }
    let half_ms = (behaviour.latency_ms / 2).cast_signed();
    let is_within = |call: &HeaderCall| {
        let looked_at = call.asked_at + half_ms;
        (network.slot_start(call.slot)..network.slot_start(call.slot.next())).contains(&looked_at)
    };
    calls.iter().filter(|call| !is_within(call)).count() as u64
}
