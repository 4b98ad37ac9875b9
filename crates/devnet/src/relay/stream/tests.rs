use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use headstart_types::{AuctionKey, BlockHash, ForkName, Network, Slot, UnixMillis, Wei};
use http::{HeaderMap, Method};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;

use crate::chain::{Chain, ChainConfig};
use crate::cluster::Validator;
use crate::http_client::{Endpoint, HttpClient};
use crate::market::Market;
use crate::relay::{Access, Behaviour, Relay, RelayConfig};
use crate::testing::{PATIENCE, begun, clock};

fn key(slot: Slot) -> AuctionKey {
    AuctionKey { slot, parent_hash: BlockHash::default(), proposer: Validator::new(1).pubkey }
}

/// The stream, or the status by which it was refused.
async fn open(relay: &Relay, slot: Slot) -> Result<WebSocketStream<TcpStream>, u16> {
    let tcp = TcpStream::connect(relay.addr()).await.unwrap();
    let url = format!("ws://{}/eth/v1/builder/header_stream/{}", relay.addr(), key(slot));
    match tokio_tungstenite::client_async(url, tcp).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(refused)) => Err(refused.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn poll(relay: &Relay, slot: Slot) -> u16 {
    let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
    let path = format!("/eth/v1/builder/header/{}", key(slot));
    let http = HttpClient::new();
    let asked = http.call(&endpoint, Method::GET, &path, HeaderMap::new(), Bytes::new(), PATIENCE);
    asked.await.unwrap().status.as_u16()
}

#[tokio::test]
async fn a_stream_leaves_a_once_per_slot_relay_its_one_call() {
    // The first slot has begun some seconds ago, and lasts.
    let network = begun(ForkName::Fulu, 55_000);
    let behaviour = Behaviour { access: Access::OncePerSlotInSlot, ..Behaviour::by_hand().with_streams() };
    let config = RelayConfig::by_hand(&network, clock(), 1).with_behaviour(behaviour);
    let relay = Relay::spawn(config).await.unwrap();
    relay.set_bid_value(Slot(1), Wei::new(7));
    assert_eq!(open(&relay, Slot(2)).await.err(), Some(403), "its slot has not begun");
    for _ in 0..2 {
        let mut stream = open(&relay, Slot(1)).await.unwrap();
        assert!(tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap().is_binary());
    }
    assert_eq!([poll(&relay, Slot(1)).await, poll(&relay, Slot(1)).await], [200, 429]);
}

/// Every bid that the relay holds for `slot` until now, with the moment from which it does.
fn books(market: &Market, network: &Network, slot: Slot) -> Vec<(UnixMillis, Wei)> {
    let mut books = Vec::new();
    let (mut moment, now) = (network.slot_start(slot) - 4_500, clock().now());
    while moment <= now {
        let value = market.top_bid(1, slot, moment).map(|offer| offer.value);
        if let Some(value) = value.filter(|value| books.last().is_none_or(|(_, last)| last != value)) {
            books.push((moment, value));
        }
        moment = moment + 1;
    }
    books
}

#[tokio::test]
async fn each_frame_is_here_half_a_round_trip_after_its_bid_was_made_and_not_before() {
    // The first slot begins in a second or two, so that builders bid for it.
    let (slot, half_ms) = (Slot(1), 15);
    let network = crate::network(ForkName::Fulu, 12_000, clock().now(), -11_000);
    let market = Market::new(network.clone(), 5, 12).restless();
    let chain = Chain::new(ChainConfig::new(network.clone(), clock(), 5));
    let behaviour = Behaviour { latency_ms: 2 * half_ms, ..Behaviour::default() }.with_streams();
    let config = RelayConfig::new(chain, market.clone(), 1).with_behaviour(behaviour);
    let relay = Relay::spawn(config).await.unwrap();
    let mut stream = open(&relay, slot).await.unwrap();
    let mut frames = Vec::new();
    while frames.len() < 12 {
        let frame = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        let came_at = clock().now();
        let bid =
            headstart_types::SignedBuilderBid::from_ssz(ForkName::Fulu, &frame.into_data()[2..]).unwrap();
        frames.push((came_at, bid.message.value()));
    }
    let books = books(&market, &network, slot);
    let mut later = books.iter();
    for (came_at, value) in frames {
        let made_at = later.find(|(_, made)| *made == value).map(|(made_at, _)| *made_at);
        let made_at = made_at.unwrap_or_else(|| panic!("{value:?} is no later bid of {books:?}"));
        // The relay may look in the very moment in which the bid is made.
        assert!(came_at - made_at >= half_ms.cast_signed() - 1, "made at {made_at}, here at {came_at}");
    }
}

#[tokio::test]
async fn a_bid_that_is_set_by_hand_is_told_at_once_and_only_once() {
    let network = begun(ForkName::Fulu, 12_000);
    let behaviour = Behaviour::by_hand().with_streams();
    let relay =
        Relay::spawn(RelayConfig::by_hand(&network, clock(), 1).with_behaviour(behaviour)).await.unwrap();
    let mut stream = open(&relay, Slot(9)).await.unwrap();
    for value in 1..4 {
        relay.set_bid_value(Slot(9), Wei::new(value));
        let frame = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        assert!(frame.is_binary());
    }
    let more = tokio::time::timeout(Duration::from_millis(60), stream.next()).await;
    assert!(more.is_err(), "nothing has changed: {more:?}");
    assert_eq!(relay.seen().streams.last().map(|call| call.frames), Some(3));
}
