//! What supervisors and load balancers are told.

use e2e::{
    PATIENCE, RedisServer, Reply, Request, Service, Version, auction, eth, eventually, network,
    network_starting_in, relay_bidding, signed_block, validator,
};
use headstart_devnet::{HeaderFault, WireFault};
use headstart_types::{Encoding, ForkName};
use serde_json::Value;

const FORK: ForkName = ForkName::Fulu;

/// A service with one relay and one cluster, and nothing else to be well or ill.
async fn service() -> (Service, headstart_devnet::Relay) {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let setup = Service::on(&network).relay("one", &relay);
    (setup.cluster("alpha", &["one"], &[validator(0)]).start().await, relay)
}

fn status_of<'a>(told: &'a Value, check: &str) -> &'a str {
    let checks = told["checks"].as_array().expect("a list of checks");
    let found = checks.iter().find(|found| found["check"] == check);
    found.and_then(|found| found["status"].as_str()).unwrap_or("not told")
}

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.text()).expect("health is told in JSON")
}

/// The figure of that name and labels, as it is written.
fn figure(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(&format!("{series} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_serves_lives_and_is_ready_and_says_so_apart_from_the_public_port() {
    let (service, _relay) = service().await;
    assert_eq!(service.admin("/livez").await.status, 200);
    let ready = service.admin("/readyz").await;
    assert_eq!((ready.status, json(&ready)["status"].as_str()), (200, Some("ready")), "{}", ready.text());
    for check in ["listeners", "directory", "database", "clock"] {
        assert_eq!(status_of(&json(&ready), check), "ok", "{check}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(
            service.client().call(&Request::get(path)).await.status,
            404,
            "{path} is nothing for the public"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_database_is_away_is_degraded_and_ready() {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let setup = Service::on(&network).relay("one", &relay).registry("sqlite:nowhere/headstart.db");
    let service = setup.cluster("alpha", &["one"], &[validator(0)]).start().await;
    eventually("the database is missed", async || {
        let ready = service.admin("/readyz").await;
        assert_eq!(ready.status, 200, "it serves all the same");
        json(&ready)["status"] == "degraded" && status_of(&json(&ready), "database") == "warn"
    })
    .await;
    let figures = service.admin("/metrics").await.text();
    assert_eq!(figure(&figures, "headstart_store_degraded{store=\"registry\"}"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_server_of_provenance_is_away_is_degraded_and_ready() {
    let (network, redis, provenance) = (network(FORK), RedisServer::start(), RedisServer::start());
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let apart = format!("provenance_url = \"{}\"", provenance.url());
    let setup = Service::on(&network).redis_with(&redis.url(), &apart).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &[validator(0)]).start().await;
    let degraded = async || {
        let figures = service.admin("/metrics").await.text();
        figure(&figures, "headstart_store_degraded{store=\"redis\"}")
    };
    assert_eq!(degraded().await, Some(0.0));
    provenance.kill();
    eventually("a bid has nowhere to be put on record", async || {
        service.header(&auction(&validator(0))).await;
        degraded().await == Some(1.0)
    })
    .await;
    let ready = service.admin("/readyz").await;
    assert_eq!((ready.status, status_of(&json(&ready), "redis")), (200, "warn"), "{}", ready.text());
    assert!(ready.text().contains("provenance"), "it says which one: {}", ready.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_and_submitted_and_asked_is_counted() {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let alice = validator(0);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
    let bid = service.header(&auction(&alice)).await.bid(FORK);
    assert_eq!(service.header(&auction(&alice)).await.status, 200);
    let stranger = service.header(&auction(&validator(9))).await;
    assert_eq!(stranger.status, 204);
    let block = signed_block(&network, &bid, &alice);
    assert_eq!(service.submit(Version::V2, Encoding::Ssz, &block).await.status, 202);
    let outcome = |name: &str, outcome: &str| format!("headstart_{name}_total{{outcome=\"{outcome}\"}}");
    let counted = [
        (outcome("headers", "miss"), 1.0),
        (outcome("headers", "hit"), 1.0),
        (outcome("headers", "unknown_validator"), 1.0),
        (outcome("headers", "no_bid"), 0.0),
        (outcome("submissions", "published"), 1.0),
        ("headstart_header_duration_seconds_count".to_owned(), 3.0),
        ("headstart_drain_state".to_owned(), 1.0),
        ("headstart_task_restarts_total{task=\"arming\"}".to_owned(), 0.0),
        ("headstart_relay_breaker_open{relay=\"one\",operation=\"header\"}".to_owned(), 0.0),
        (
            "headstart_relay_requests_total{relay=\"one\",operation=\"submit\",result=\"answered\"}"
                .to_owned(),
            1.0,
        ),
    ];
    eventually("everything is counted", async || {
        let figures = service.admin("/metrics").await.text();
        counted.iter().all(|(series, value)| figure(&figures, series) == Some(*value))
    })
    .await;
    let figures = service.admin("/metrics").await.text();
    assert!(figures.contains("headstart_build_info{version=\"") && figures.ends_with("# EOF\n"), "{figures}");
    let headers = "headstart_relay_requests_total{relay=\"one\",operation=\"header\",result=\"answered\"}";
    assert!(figure(&figures, headers).is_some_and(|asked| asked >= 1.0), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_while_they_last() {
    let (service, _relay) = service().await;
    let connection = service.client().connect().await;
    let connections = async || figure(&service.admin("/metrics").await.text(), "headstart_connections");
    eventually("it is counted", async || connections().await == Some(1.0)).await;
    drop(connection);
    eventually("it is gone", async || connections().await == Some(0.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_relay_is_left_alone_but_for_signed_blocks_and_used_again_when_it_is_back() {
    // Far enough from the start of the slot that nothing is too critical to be tried.
    let network = network_starting_in(FORK, 12_000, 11_000);
    let [dead, well] =
        [relay_bidding(&network, 1, eth("0.05")).await, relay_bidding(&network, 2, eth("0.03")).await];
    let [alice, bob] = [validator(0), validator(1)];
    let setup = Service::on(&network).relay("dead", &dead).relay("well", &well);
    let service = setup.cluster("alpha", &["dead", "well"], &[alice.clone(), bob.clone()]).start().await;
    eventually("both relays have bid", async || {
        service.header(&auction(&alice)).await.bid(FORK).message.value() == eth("0.05")
    })
    .await;
    let bid = service.header(&auction(&alice)).await.bid(FORK);
    dead.adjust(|behaviour| behaviour.header = HeaderFault::Wire(WireFault::Reset));
    let open = "headstart_relay_breaker_open{relay=\"dead\",operation=\"header\"}";
    eventually("it is left alone", async || {
        figure(&service.admin("/metrics").await.text(), open) == Some(1.0)
    })
    .await;
    let asked = dead.seen().headers.total();

    let block = signed_block(&network, &bid, &alice);
    assert_eq!(service.submit(Version::V2, Encoding::Ssz, &block).await.status, 202);
    assert!(
        dead.has_seen(PATIENCE, |seen| seen.submits.total() == 1).await,
        "its own block it gets all the same"
    );

    dead.adjust(|behaviour| behaviour.header = HeaderFault::None);
    eventually("its bid is served again", async || {
        service.header(&auction(&bob)).await.bid(FORK).message.value() == eth("0.05")
    })
    .await;
    assert_eq!(figure(&service.admin("/metrics").await.text(), open), Some(0.0));
    let refused = dead.seen().headers.iter().filter(|call| call.status == 0).count();
    assert!(refused < 10, "it was asked {refused} times in vain, {asked} in all by then");
}
