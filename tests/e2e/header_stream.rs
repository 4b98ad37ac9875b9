//! A relay that streams its bids need not be polled, and whatever its streams do, it is as good as one that is polled.

use std::time::Duration;

use e2e::{
    PARENT, PATIENCE, SLOT, Service, Setup, auction, eth, eventually, network_starting_in, relay,
    relay_bidding, validators,
};
use headstart_devnet::{BidFault, HeaderFault, Relay, Seen, StreamFault, Streams};
use headstart_types::{ForkName, Network, SecretKey, Wei};

/// May be asked at once, and seldom: what comes sooner came over the stream.
const SELDOM: &str = "first_ms = -60000\nlast_ms = 3900\nmin_gap_ms = 60000\nstream = true";
/// May be asked at once, and often.
const OFTEN: &str = "first_ms = -60000\nlast_ms = 3900\ncalls_max = 400\nstream = true";

/// A busy machine may hold up what follows a rise, but not what follows all of so many.
const RISES_MAX: u32 = 20;

/// The slot is far enough away that nobody is expected to ask yet.
fn network() -> Network {
    network_starting_in(ForkName::Fulu, 60_000, 40_000)
}

struct Scene {
    relay: Relay,
    validators: Vec<SecretKey>,
    service: Service,
}

impl Scene {
    /// A relay that bids 0.01 ETH, and a service that has been asked for a header once.
    async fn new(keys: &str, streams: Streams) -> Self {
        let network = network();
        let relay = relay_bidding(&network, 1, eth("0.01")).await;
        relay.adjust(|behaviour| behaviour.streams = Some(streams));
        Self::with(Service::on(&network).relay_with("one", &relay, keys), relay).await
    }

    async fn with(setup: Setup, relay: Relay) -> Self {
        let validators = validators(1);
        let service = setup.cluster("alpha", &["one"], &validators).start().await;
        let scene = Self { relay, validators, service };
        let first = scene.service.header(&auction(&scene.validators[0])).await;
        assert_eq!(first.status, 200, "{}", first.text());
        scene
    }

    async fn served(&self) -> Wei {
        let reply = self.service.header(&auction(&self.validators[0])).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.bid(ForkName::Fulu).message.value()
    }

    /// Waits until that much is served.
    async fn serves(&self, value: &str) {
        eventually(&format!("{value} ETH are served"), async || self.served().await == eth(value)).await;
    }

    async fn sees(&self, what: &str, enough: impl Fn(&Seen) -> bool) {
        assert!(self.relay.has_seen(PATIENCE, enough).await, "{what}: {:?}", self.relay.seen().streams);
    }

    async fn counts(&self, line: &str) -> bool {
        self.service.admin("/metrics").await.text().lines().any(|counted| counted.starts_with(line))
    }
}

fn with_fault(fault: StreamFault) -> Streams {
    Streams { fault, ..Streams::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_of_a_stream_are_served_and_the_relay_is_not_polled() {
    let scene = Scene::new(SELDOM, Streams::default()).await;
    scene.sees("a stream", |seen| seen.streams.last().is_some_and(|call| call.frames >= 1)).await;
    for value in ["0.02", "0.03", "0.04"] {
        scene.relay.set_bid_value(SLOT, eth(value));
        scene.serves(value).await;
    }
    let seen = scene.relay.seen();
    assert!(seen.headers.total() <= 1, "{} polls", seen.headers.total());
    assert_eq!(seen.streams.total(), 1);
    let call = seen.streams.last().expect("there is one");
    assert_eq!((call.slot, call.parent_hash, call.status), (SLOT, PARENT, 101));
    assert!(call.timeout_ms.is_some_and(|ms| ms <= 44_000) && call.date_ms.is_some(), "{call:?}");
    assert!(scene.counts("headstart_relay_stream_frames_total{relay=\"one\",result=\"bid\"} ").await);
    assert!(scene.counts("headstart_relay_streams_open{relay=\"one\",stream=\"header\"} 1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_auction() {
    let scene = Scene::new(SELDOM, Streams::default()).await;
    scene.sees("a stream", |seen| seen.streams.total() == 1).await;
    scene.service.stop().await;
    let over = |seen: &Seen| seen.streams.iter().all(|call| call.is_over);
    assert!(scene.relay.has_seen(PATIENCE, over).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_killed_is_replaced_by_polls_and_opened_again() {
    let scene = Scene::new(OFTEN, Streams::default()).await;
    scene.relay.set_bid_value(SLOT, eth("0.02"));
    scene.serves("0.02").await;
    let polls = scene.relay.seen().headers.total();
    scene.relay.adjust(|behaviour| behaviour.streams = Some(with_fault(StreamFault::Refuse(503))));
    scene.relay.set_bid_value(SLOT, eth("0.03"));
    scene.relay.break_streams();
    scene.sees("polls", |seen| seen.headers.total() >= polls + 3).await;
    scene.serves("0.03").await;

    scene.relay.adjust(|behaviour| behaviour.streams = Some(Streams::default()));
    scene
        .sees("a new stream", |seen| {
            seen.streams.last().is_some_and(|call| call.status == 101 && call.frames >= 1 && !call.is_over)
        })
        .await;
    scene.relay.set_bid_value(SLOT, eth("0.04"));
    scene.serves("0.04").await;
    assert!(scene.counts("headstart_relay_stream_ends_total{relay=\"one\",stream=\"header\"").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_closes_again_and_again_neither_spoils_nor_costs_much() {
    let scene = Scene::new(OFTEN, with_fault(StreamFault::ClosesAfter(1))).await;
    scene.relay.set_bid_value(SLOT, eth("0.02"));
    scene.serves("0.02").await;
    scene.sees("streams", |seen| seen.streams.total() == 16).await;
    let polls = scene.relay.seen().headers.total();
    scene.sees("polls beside", |seen| seen.headers.total() >= polls + 3).await;
    assert_eq!(scene.relay.seen().streams.total(), 16, "and no more in one auction");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_bids_are_counted_and_harmless() {
    let faults = [
        (StreamFault::Malformed, "malformed"),
        (StreamFault::WrongFork, "malformed"),
        (StreamFault::Flood, "overtaken"),
        (StreamFault::Silent, ""),
    ];
    for (fault, counted) in faults {
        let scene = Scene::new(OFTEN, with_fault(fault)).await;
        scene.sees("a stream", |seen| seen.streams.last().is_some_and(|call| call.status == 101)).await;
        scene.relay.set_bid_value(SLOT, eth("0.02"));
        scene.serves("0.02").await;
        if !counted.is_empty() {
            let line = format!("headstart_relay_stream_frames_total{{relay=\"one\",result=\"{counted}\"}}");
            eventually(&format!("frames are counted: {fault:?}"), async || scene.counts(&line).await).await;
        }
        let polls = scene.relay.seen().headers.total();
        scene.sees("polls beside", |seen| seen.headers.total() >= polls + 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn badly_signed_bids_of_a_stream_are_rejected_and_the_relay_is_polled() {
    let network = network();
    let relay = relay_bidding(&network, 1, eth("0.01")).await;
    relay.adjust(|behaviour| {
        behaviour.streams = Some(Streams::default());
        behaviour.header = HeaderFault::Bid(BidFault::BadSignature);
    });
    let validators = validators(1);
    let setup = Service::on(&network).relay_with("one", &relay, OFTEN);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    assert_eq!(service.header(&auction(&validators[0])).await.status, 204);
    let rejected = "headstart_relay_stream_frames_total{relay=\"one\",result=\"rejected\"}";
    eventually("it is counted", async || service.admin("/metrics").await.text().contains(rejected)).await;
    let polls = relay.seen().headers.total();
    assert!(relay.has_seen(PATIENCE, |seen| seen.headers.total() >= polls + 2).await, "polls beside");
    assert_eq!(service.header(&auction(&validators[0])).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_admission_is_asked_for_once_and_the_relay_is_polled() {
    let key = || Some("3f1c".to_owned());
    let scene = Scene::new(OFTEN, Streams { api_key: key(), ..Streams::default() }).await;
    scene.sees("polls", |seen| seen.headers.total() >= 4).await;
    let seen = scene.relay.seen();
    assert_eq!(seen.streams.iter().map(|call| call.status).collect::<Vec<_>>(), [401]);

    let with_key = format!("{OFTEN}\nheaders = {{ X-Api-Key = \"3f1c\" }}");
    let admitted = Scene::new(&with_key, Streams { api_key: key(), ..Streams::default() }).await;
    admitted.sees("a stream", |seen| seen.streams.last().is_some_and(|call| call.status == 101)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_bid_that_rises_has_the_relay_asked() {
    let network = network();
    let relay = relay_bidding(&network, 1, eth("0.01")).await;
    relay.adjust(|behaviour| behaviour.streams = Some(Streams::default()));
    let keys = format!(
        "first_ms = -60000\nlast_ms = 3900\nmin_gap_ms = 400\ncalls_max = 400\ntop_bid_url = \"{}\"",
        relay.top_bid_url()
    );
    let scene = Scene::with(Service::on(&network).relay_with("one", &relay, &keys), relay).await;
    scene.sees("a listener", |seen| seen.top_bid_calls == 1).await;
    eventually("it is open", async || {
        scene.counts("headstart_relay_streams_open{relay=\"one\",stream=\"top_bid\"} 1").await
    })
    .await;
    // After the focus that the first header brought, asks are calm: a second apart.
    let polls = scene.relay.seen().headers.total();
    scene.sees("calm", |seen| seen.headers.total() >= polls + 3).await;
    let gap_after_a_rise = async |value: &str| {
        let before = scene.relay.seen().headers.last().expect("it was asked").asked_at;
        scene.relay.set_bid_value(SLOT, eth(value));
        scene.relay.announce_top_bid(SLOT, PARENT, eth(value));
        scene
            .sees("the next ask", |seen| seen.headers.last().is_some_and(|call| call.asked_at > before))
            .await;
        scene.relay.seen().headers.iter().rfind(|call| call.asked_at > before).expect("there is").asked_at
            - before
    };
    let mut gaps = Vec::new();
    for hundredths in 2..=RISES_MAX {
        let value = format!("0.{hundredths:02}");
        gaps.push(gap_after_a_rise(&value).await);
        scene.serves(&value).await;
        if gaps.len() >= 3 && gaps.iter().any(|gap| *gap < 480) {
            break;
        }
    }
    assert!(gaps.iter().any(|gap| *gap < 480), "brought forward from a second to 400 ms: {gaps:?}");
    // The relay sees when asks arrive, which may take some milliseconds more for one than for the next.
    assert!(gaps.iter().all(|gap| *gap >= 370), "never sooner than the relay allows: {gaps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn top_bids_that_are_lies_cause_no_more_calls_than_the_policy_allows() {
    let network = network();
    let one = relay(&network, 1).await;
    one.adjust(|behaviour| behaviour.streams = Some(Streams::default()));
    one.set_bid_value(SLOT, eth("0.01"));
    let keys = format!(
        "first_ms = -60000\nlast_ms = 3900\nmin_gap_ms = 100\ncalls_max = 20\ntop_bid_url = \"{}\"",
        one.top_bid_url()
    );
    let scene = Scene::with(Service::on(&network).relay_with("one", &one, &keys), one).await;
    scene.sees("a listener", |seen| seen.top_bid_calls == 1).await;
    let lying = async {
        loop {
            scene.relay.announce_top_bid(SLOT, PARENT, eth("1000"));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let asks = scene.sees("asks that were brought forward", |seen| seen.headers.total() >= 13);
    tokio::select! {
        () = lying => {}
        () = asks => {}
    }
    assert_eq!(scene.served().await, eth("0.01"));
    let asked: Vec<_> = scene.relay.seen().headers.iter().map(|call| call.asked_at).collect();
    // Half of them may be brought forward. Our own clock decides; on its way to the relay an ask may be held up.
    let brought_forward = asked.windows(2).filter(|pair| pair[1] - pair[0] < 500).count();
    assert!((1..=12).contains(&brought_forward), "{asked:?}");
    let taken = asked.iter().max().copied().unwrap_or_default() - asked[0];
    assert!(taken >= 12 * 100 - 100, "{asked:?}");
}
