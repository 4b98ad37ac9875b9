use std::sync::Arc;
use std::time::Duration;

use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_proto::v1::watch_auctions_response::Event;
use headstart_proto::v1::{WatchAuctionsRequest, WatchAuctionsResponse};
use headstart_types::{AuctionKey, BlockHash, Outcome, RelayId, Slot, Wei};
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::world::{CLOCK, World, parent, pubkey, soon};

fn event(cluster: Option<&str>, validator: u32, what: AuctionEventKind) -> AuctionEvent {
    let key = AuctionKey { slot: Slot(7), parent_hash: parent(1), proposer: pubkey(validator) };
    AuctionEvent { cluster: cluster.map(Arc::from), key, at: CLOCK.now(), what }
}

fn answered(value: u64) -> AuctionEventKind {
    AuctionEventKind::HeaderAnswered {
        outcome: Outcome::ALL[0],
        value: Some(Wei::new(value.into())),
        block_hash: Some(BlockHash::default()),
        asked_ms: -12,
        took: Duration::from_micros(34),
    }
}

async fn next(stream: &mut Streaming<WatchAuctionsResponse>) -> WatchAuctionsResponse {
    soon("an event comes", stream.message()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_cluster_sees_its_own_auctions_and_no_others() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    world.claim("beta", &[2]).await;
    let mut alpha = world.client("alpha", "one").watch().await.unwrap();
    let mut beta = world.client("beta", "one").watch().await.unwrap();
    world.store.tell(event(Some("alpha"), 1, answered(1)));
    world.store.tell(event(Some("beta"), 2, answered(2)));
    world.store.tell(event(None, 3, AuctionEventKind::Armed));
    world.store.tell(event(Some("alpha"), 1, AuctionEventKind::Armed));
    world.store.tell(event(Some("beta"), 2, AuctionEventKind::Armed));
    let told = next(&mut alpha).await;
    assert_eq!((told.slot, told.validator_pubkey), (7, pubkey(1).0.to_vec()));
    let Some(Event::HeaderAnswered(header)) = told.event else { panic!("{:?}", told.event) };
    assert_eq!((header.value_wei.as_str(), header.asked_offset_ms, header.took_us), ("1", -12, 34));
    assert_eq!(header.outcome, Outcome::ALL[0].to_string());
    assert!(matches!(next(&mut alpha).await.event, Some(Event::Armed(_))));
    let told = next(&mut beta).await;
    assert!(matches!(told.event, Some(Event::HeaderAnswered(header)) if header.value_wei == "2"));
}

#[tokio::test]
async fn bids_of_relays_that_a_cluster_does_not_trust_are_not_shown_to_it() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let mut alpha = world.client("alpha", "one").watch().await.unwrap();
    let bid = AuctionEventKind::BidHeld { relay: RelayId(9), value: Wei::new(5), block_hash: parent(2) };
    world.store.tell(event(None, 1, bid));
    world.store.tell(event(None, 1, AuctionEventKind::Armed));
    assert!(matches!(next(&mut alpha).await.event, Some(Event::Armed(_))));
}

#[tokio::test]
async fn a_slow_watcher_is_told_how_much_it_missed() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let client = world.client("alpha", "one");
    // The client takes little at a time, so that a few thousand events are more than all buffers on the way hold.
    let narrow = Endpoint::from_shared(world.url.clone()).unwrap().initial_stream_window_size(65_535);
    let mut narrow = ClusterServiceClient::new(narrow.connect().await.unwrap());
    let request = client.request(WatchAuctionsRequest {}).unwrap();
    let mut alpha = narrow.watch_auctions(request).await.unwrap().into_inner();
    let told = 10_000;
    for value in 1..=told {
        world.store.tell(event(Some("alpha"), 1, answered(value)));
        tokio::task::yield_now().await;
    }
    let (mut heard, mut missed) = (0, 0);
    let reading = async {
        while missed == 0 {
            // Without further events nobody tells what was missed.
            world.store.tell(event(Some("alpha"), 1, AuctionEventKind::Armed));
            match alpha.message().await.unwrap().unwrap().event {
                Some(Event::EventsMissed(events)) => missed = events.count,
                Some(Event::HeaderAnswered(_)) => heard += 1,
                _ => {}
            }
        }
    };
    soon("it is told", reading).await;
    assert!(heard > 0 && missed > 0, "{heard} heard, {missed} missed of {told}");
}
