//! Why an auction went as it did: what it was worth, and its story afterwards.

use std::fs;
use std::process::{Command, Output};

use e2e::{
    Folder, SLOT, Service, Version, auction, binary, eth, eventually, network, relay_bidding, signed_block,
    validator,
};
use headstart_bid_store::AuctionEventKind;
use headstart_types::{Encoding, ForkName, SignedBuilderBid};
use serde_json::Value;

const FORK: ForkName = ForkName::Fulu;

fn explain(folder: &Folder, arguments: &[&str]) -> Output {
    let config = folder.path().join("headstart.toml");
    let slot = SLOT.to_string();
    let command = ["explain", "slot", &slot, "--config", config.to_str().expect("the path is text")];
    Command::new(binary()).args(command).args(arguments).output().expect("the binary runs")
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A busy machine may be so late with the ask for comparison that it tells nothing any more.
const TRIES: usize = 5;

/// One auction from the first ask to the block; what the service leaves behind.
async fn lived_through() -> (Folder, SignedBuilderBid) {
    for _ in 0..TRIES {
        if let Some(compared) = lived_through_once().await {
            return compared;
        }
    }
    panic!("none of {TRIES} headers was compared with what the relay would have given");
}

/// `None` when the relay was asked too late to tell what its bid was when the header was served.
async fn lived_through_once() -> Option<(Folder, SignedBuilderBid)> {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let setup = Service::on(&network).relay("one", &relay).section("[fetcher]\ncompared_percent = 100");
    let setup = setup.cluster("alpha", &["one"], &[validator(0)]);
    let folder = Folder::default();
    fs::write(folder.path().join("headstart.toml"), setup.toml_in(&folder)).expect("the file is written");
    let mut service = setup.start_in(folder.clone()).await;
    let key = auction(&validator(0));
    let bid = service.header(&key).await.bid(FORK);
    service.header(&key).await.bid(FORK);
    until_compared(&mut service).await;
    let block = signed_block(&network, &bid, &validator(0));
    assert_eq!(service.submit(Version::V1, Encoding::Ssz, &block).await.status, 200);
    let mut figures = String::new();
    eventually("the auction is concluded", async || {
        figures = service.admin("/metrics").await.text();
        figures.contains("headstart_bid_age_seconds_count 1\n")
    })
    .await;
    service.stop().await;
    figures.contains("headstart_value_share_count 1\n").then_some((folder, bid))
}

/// The relay is asked once more when the first header was served; the submission would end that.
async fn until_compared(service: &mut Service) {
    let (mut served, mut compared, mut under_way) = (false, false, 0);
    while !(compared && under_way == 0) {
        let what = service.next_event(|event| Some(event.what.clone())).await;
        served |= matches!(what, AuctionEventKind::HeaderAnswered { .. });
        compared |= served && matches!(what, AuctionEventKind::Asked { .. });
        under_way += i32::from(matches!(what, AuctionEventKind::Asked { .. }));
        under_way -= i32::from(matches!(what, AuctionEventKind::Answered { .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_an_auction_is_told_from_its_first_ask_to_its_block() {
    let (folder, bid) = lived_through().await;
    let hash = bid.message.header().block_hash().to_string();
    let story = told(&explain(&folder, &["--cluster", "alpha"]));
    let in_order = ["armed", "ask", "bid", "getHeader", "getHeader", "block"];
    let whats: Vec<_> = story.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let mut rest = whats.iter();
    assert!(in_order.iter().all(|what| rest.any(|told| told == what)), "{story}");
    for part in [
        "one, call 1",
        "one: 0.03 ETH",
        "miss in ",
        "hit in ",
        "1.0000 of the best",
        "revealed in",
        &hash[..8],
    ] {
        assert!(story.contains(part), "{part} is missing: {story}");
    }
    let json: Value =
        serde_json::from_str(&told(&explain(&folder, &["--cluster", "alpha", "--json"]))).expect("JSON");
    assert_eq!(json["slot"], SLOT.to_string());
    let events = json["auctions"][0]["events"].as_array().expect("events");
    assert!(
        events.iter().any(|event| event["event"] == "header_answered" && event["outcome"] == "hit"),
        "{json}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_and_another_slot_have_no_story_and_it_is_said_why() {
    let (folder, _) = lived_through().await;
    let nothing = explain(&folder, &["--cluster", "beta"]);
    assert!(!nothing.status.success());
    let error = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(error.contains("nothing is on record") && error.contains("beta"), "{error}");
    let incomplete = explain(&folder, &[]);
    assert!(String::from_utf8_lossy(&incomplete.stderr).contains("--cluster"));
}
