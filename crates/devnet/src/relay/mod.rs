//! A relay: bids from the market or from a test's hand, payloads for the blocks signed over them, and every fault that
//! a relay can have.

mod behaviour;
mod bid_fault;
mod data;
mod fault;
mod header;
mod register;
mod reply;
mod seen;
mod shelf;
mod state;
mod stream;
mod submit;
#[cfg(test)]
mod tests;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, Clock, Network, SecretKey, Slot, UnixMillis, Wei,
};
use tokio::sync::{Notify, broadcast};

pub use behaviour::{Access, Behaviour, BidSource, DataApi, Encodings, Occasional, Registrations, Streams};
pub use fault::{BidFault, HeaderFault, StreamFault, SubmitFault, WireFault};
pub use seen::{Calls, HeaderCall, RegistrationCall, Seen, StreamCall, SubmitCall};
pub use shelf::SignedBids;

use crate::chain::{Chain, ChainConfig};
use crate::market::Market;
use crate::server::Server;
use state::{State, lock};

/// The seed of all relays' keys; a relay's number tells which one is its own.
const KEY_SEED: u64 = 0x0072_656c_6179;
/// Bids set by hand that are kept; the lowest slot goes first.
const HAND_BIDS_KEPT: usize = 1024;
/// Announcements that a slow listener may lag behind.
const ANNOUNCEMENTS_KEPT: usize = 1024;

/// What a relay is made of; [`RelayConfig::new`] and [`RelayConfig::by_hand`] give the usual things.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    pub chain: Chain,
    pub market: Market,
    /// Tells relays apart: which builders send to it, and its key.
    pub number: u64,
    pub key: SecretKey,
    /// Shared by relays with the same key, chain and market, each bid is signed once for all of them.
    pub signed_bids: SignedBids,
    pub behaviour: Behaviour,
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
}

impl Drop for StreamsEnd {
    fn drop(&mut self) {
        lock(&self.0.streams).cancel();
    }
}

/// A bid that a test has set. Relays with the same `block` and parent offer the same block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandBid {
    pub value: Wei,
    pub block: u64,
}

/// A running relay; dropping it closes its port.
#[derive(Debug)]
pub struct Relay {
    state: Arc<State>,
    server: Server,
    _streams: StreamsEnd,
}

/// Streams have left the server behind, and end with the relay all the same.
#[derive(Debug)]
struct StreamsEnd(Arc<State>);

impl RelayConfig {
    /// An honest relay on the market, listening on the loopback interface.
    pub fn new(chain: Chain, market: Market, number: u64) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            chain,
            market,
            number,
            key: crate::key(KEY_SEED, number),
            signed_bids: SignedBids::default(),
            behaviour: Behaviour::default(),
            listen,
        }
    }

    /// A relay on a chain of its own that bids only what a test sets.
    pub fn by_hand(network: &Network, clock: Clock, number: u64) -> Self {
        let chain = Chain::new(ChainConfig::new(network.clone(), clock, 0));
        let market = Market::new(network.clone(), 0, 1);
        Self { behaviour: Behaviour::by_hand(), ..Self::new(chain, market, number) }
    }

    #[must_use]
    pub fn with_behaviour(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }
}

impl Relay {
    pub async fn spawn(config: RelayConfig) -> io::Result<Self> {
        let state = Arc::new(State {
            public_key: config.key.public_key(),
            chain: config.chain,
            market: config.market,
            number: config.number,
            key: config.key,
            behaviour: Mutex::new(config.behaviour),
            by_hand: Mutex::default(),
            registered: Mutex::default(),
            shelf: Mutex::default(),
            signed_bids: config.signed_bids,
            seen: Mutex::default(),
            seen_more: Notify::new(),
            endless_bytes: Arc::default(),
            bids_changed: Notify::new(),
            announced: broadcast::Sender::new(ANNOUNCEMENTS_KEPT),
            streams: Mutex::default(),
        });
        let server = Server::spawn(config.listen, Arc::new(Arc::clone(&state))).await?;
        Ok(Self { _streams: StreamsEnd(Arc::clone(&state)), state, server })
    }

    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// `http://0x<public key>@127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("http://{}@{}", self.state.public_key, self.addr())
    }

    pub fn public_key(&self) -> BlsPublicKey {
        self.state.public_key
    }

    pub fn number(&self) -> u64 {
        self.state.number
    }

    pub fn behaviour(&self) -> Behaviour {
        self.state.behaviour()
    }

    /// From the next call on the relay behaves like this.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = behaviour;
    }

    /// Changes a part of the behaviour.
    pub fn adjust(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.state.behaviour));
    }

    /// From now on the relay bids this for `slot`, if it bids by hand; a new value means a new block.
    pub fn set_bid_value(&self, slot: Slot, value: Wei) {
        let low = value.0.as_limbs()[0];
        self.set_bid(slot, HandBid { value, block: low ^ self.state.number.rotate_left(40) });
    }

    /// From now on the relay bids this block for `slot`, if it bids by hand.
    pub fn set_bid(&self, slot: Slot, bid: HandBid) {
        let mut bids = lock(&self.state.by_hand);
        bids.insert(slot, bid);
        if bids.len() > HAND_BIDS_KEPT {
            bids.pop_first();
        }
        self.state.bids_changed.notify_waiters();
    }

    /// From now on the relay has no bid for `slot`, if it bids by hand.
    pub fn withdraw_bid(&self, slot: Slot) {
        lock(&self.state.by_hand).remove(&slot);
    }

    /// `ws://127.0.0.1:<port>/…`, where the relay announces its top bids.
    pub fn top_bid_url(&self) -> String {
        format!("ws://{}{}", self.addr(), stream::TOP_BID)
    }

    /// Announces a top bid to whoever listens, whether the relay has such a bid or not.
    pub fn announce_top_bid(&self, slot: Slot, parent_hash: BlockHash, value: Wei) {
        let announcement = stream::announcement(&self.state, slot, parent_hash, value);
        let _nobody_listens = self.state.announced.send(announcement);
    }

    /// Signs whatever the relay will bid for that auction from one moment to another, so that it need not then. Takes a
    /// core for most of a millisecond a bid.
    pub fn sign_ahead(&self, key: &AuctionKey, from: UnixMillis, to: UnixMillis) {
        let (state, behaviour) = (&self.state, self.behaviour());
        let mut next = Some(from);
        while let Some(at) = next.filter(|at| *at <= to) {
            header::top_bid(state, &behaviour, key, at);
            next = header::next_change(state, &behaviour, key, at);
        }
    }

    /// Breaks every stream that is open; new ones are granted.
    pub fn break_streams(&self) {
        std::mem::take(&mut *lock(&self.state.streams)).cancel();
    }

    /// Forgets every registration, as a relay does that starts on an empty database.
    pub fn forget_registrations(&self) {
        lock(&self.state.registered).clear();
    }

    /// The value that the relay holds for `slot` at `now`, whether it would give it or not.
    pub fn top_bid(&self, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let offer = match self.behaviour().bids {
            BidSource::Market => self.state.market.top_bid(self.state.number, slot, now),
            BidSource::ByHand => self.state.by_hand(slot),
        };
        offer.map(|offer| offer.value)
    }

    /// Everything that the relay has seen so far.
    pub fn seen(&self) -> Seen {
        self.state.snapshot()
    }

    /// The header calls for `slot` among the newest that are kept, oldest first.
    pub fn headers_of(&self, slot: Slot) -> Vec<HeaderCall> {
        lock(&self.state.seen).headers_of(slot).cloned().collect()
    }

    /// Waits until the relay has seen enough; false after `patience`.
    pub async fn has_seen(&self, patience: Duration, enough: impl Fn(&Seen) -> bool) -> bool {
        let wait = async {
            loop {
                let notified = self.state.seen_more.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                if enough(&self.state.snapshot()) {
                    return;
                }
                notified.await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }

    /// Closes the port, and returns once callers are refused. Bids and payloads are gone.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
