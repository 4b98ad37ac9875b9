use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headstart_auction::{Bid, CallPolicy, Expectations, Serving};
use headstart_bid_store::{BidStore, Notice, Served, SharedBid, SharedServed};
use headstart_relay::Operation;
use headstart_types::{AuctionKey, Encoding, ForkName, Network, PublicKey, RelayId, SignedBuilderBid};

use crate::relay::Relay;
use crate::world::{Setting, clock, eventually, hint, key};

/// A verified bid, of whatever auction.
fn bid() -> Arc<Bid> {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let signed = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let auction = AuctionKey { parent_hash: signed.message.header().parent_hash(), ..key(1, 7) };
    let expectations = Expectations::new(&Network::mainnet(), auction, None).unwrap();
    let relay_key = PublicKey::decompress(&signed.message.pubkey()).unwrap();
    Arc::new(Bid::verify(&signed, RelayId(1), &relay_key, clock().now(), &expectations).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_follow_the_directory_and_stay_warm_while_nothing_of_them_changes() {
    let [old, new] = [Relay::start("old").await, Relay::start("new").await];
    let before = Setting::default().relay(&old).cluster("alpha", &[&old], &[1, 2]);
    let world = before.start().await;
    let id = |relay: &Relay| relay.entry(CallPolicy::MEV_BOOST_RELAY).id;
    assert!(world.fetcher.relay(id(&old)).is_some() && world.fetcher.relay(id(&new)).is_none());
    world.fetcher.hint(&world.cluster("alpha"), &hint(1, 7)).unwrap();
    old.is_asked().await;

    let after = Setting::default().relay(&old).relay(&new).cluster("alpha", &[&old, &new], &[1, 2]);
    world.directory.replace(after.directory());
    eventually("the new relay is known", || world.fetcher.relay(id(&new)).is_some()).await;
    world.fetcher.join(key(2, 7), &"alpha".into()).unwrap();
    new.is_asked().await;
    let asked = old.asks().len();
    eventually("the old relay is asked on", || old.asks().len() > asked + 3).await;
    assert!(old.connections() <= 3, "two auctions and one for signed blocks: {}", old.connections());

    world.directory.replace(Setting::default().relay(&new).directory());
    eventually("the old relay is gone", || world.fetcher.relay(id(&old)).is_none()).await;
    assert_eq!(world.fetcher.relays().len(), 1);
    assert!(world.fetcher.relay_for_block(id(&old)).is_some(), "it may have offered what is signed only now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_cannot_be_used_is_left_out_and_the_others_work() {
    let [good, bad] = [Relay::start("good").await, Relay::start("bad").await];
    let usable = bad.entry(CallPolicy::MEV_BOOST_RELAY);
    let faults = [
        ("no URL", "not a url".to_owned(), "x-key"),
        ("no header", usable.url.clone(), "not a header"),
        ("another URL than the one it was added with", format!("{}/elsewhere", usable.url), "x-key"),
    ];
    for (fault, url, header) in faults {
        let headers = [(header.to_owned(), "secret".to_owned())].into();
        let entry = headstart_registry::RelayEntry { url, headers, ..usable.clone() };
        let setting = Setting::default().entry(entry).relay(&good);
        let world = setting.cluster("alpha", &[&bad, &good], &[1]).start().await;
        assert!(world.fetcher.relay(usable.id).is_none(), "{fault}");
        assert_eq!(world.fetcher.relays().len(), 1, "{fault}");
        world.fetcher.hint(&world.cluster("alpha"), &hint(1, 7)).unwrap();
        good.is_asked().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_for_a_signed_block_are_open_wherever_its_header_was_served() {
    let (board, relay) = (BidStore::default(), Relay::start("idle").await);
    let (other, mine) = (board.beside().unwrap(), board.beside().unwrap());
    let world =
        Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2]).start_sharing(mine).await;
    let (at, bid) = (clock().now(), bid());
    let ssz = bid.body(Encoding::Ssz).clone();

    let served = Served { at, cluster: "alpha".into(), bid };
    world.fetcher.served(key(1, 7), served, Serving::First, None, at);
    eventually("both connections are open", || relay.connections() == 2 && relay.greetings() == 2).await;
    let telling = tokio::spawn(async move {
        loop {
            let bid = SharedBid { key: key(2, 7), relay: RelayId(1), asked_at: at, ssz: ssz.clone() };
            let served = SharedServed { cluster: "alpha".into(), at, asked_at: at, bid };
            other.notify(Notice::Served(served)).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    eventually("it is greeted for another process's header too", || relay.greetings() == 4).await;

    assert!(relay.asks().is_empty(), "without an ask of its own");
    telling.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_another_process_leaves_alone_need_fail_here_only_once() {
    let (board, relay) = (BidStore::default(), Relay::start("dead").await);
    let (other, mine) = (board.beside().unwrap(), board.beside().unwrap());
    let id = relay.entry(CallPolicy::MEV_BOOST_RELAY).id;
    let setting = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1]);
    drop(relay);
    let world = setting.start_sharing(mine).await;

    let began = Instant::now();
    let telling = tokio::spawn(async move {
        loop {
            other.notify(Notice::RelayLeftAlone(id)).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    world.fetcher.join(key(1, 7), &"alpha".into()).unwrap();
    eventually("it is left alone", || world.fetcher.is_left_alone(id, Operation::Header)).await;

    assert!(began.elapsed() < Duration::from_secs(3), "by itself it takes three seconds of failures");
    assert!(!world.fetcher.is_left_alone(id, Operation::Register), "that is another matter");
    telling.abort();
}
