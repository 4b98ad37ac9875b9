//! Who plays in the demo: five relays and three clusters.

use headstart_devnet::{
    Access, BeaconClient, Behaviour, BidFault, Chain, Cluster, Market, Occasional, Relay, RelayConfig,
};

pub(super) const VALIDATORS: usize = 8;
/// Of each cluster: SSV's and Obol's smallest.
pub(super) const OPERATORS: usize = 4;

pub(super) struct DemoRelay {
    pub(super) name: &'static str,
    pub(super) policy: &'static str,
    pub(super) about: &'static str,
    pub(super) relay: Relay,
}

pub(super) struct DemoCluster {
    pub(super) cluster: Cluster,
    /// Indices into the relays.
    pub(super) relays: &'static [usize],
    /// When its beacon nodes ask, in nominal milliseconds into the slot: an SSV cluster does after its RANDAO.
    pub(super) asks_at_ms: i64,
}

pub(super) fn clusters() -> Vec<DemoCluster> {
    let cluster = |name, client, first_index, relays, asks_at_ms| DemoCluster {
        cluster: Cluster::new(name, client, first_index, VALIDATORS),
        relays,
        asks_at_ms,
    };
    vec![
        cluster("alpha", BeaconClient::Lighthouse, 1_000, &[0, 2], 80),
        cluster("beta", BeaconClient::Teku, 2_000, &[1, 3], 170),
        cluster("gamma", BeaconClient::PrysmJson, 3_000, &[4], 110),
    ]
}

/// Five relays, no two alike. Latencies are nominal and shrink with the slots.
pub(super) async fn relays(chain: &Chain, market: &Market, speed: f64) -> std::io::Result<Vec<DemoRelay>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few hundred milliseconds"
    )]
    let latency = |nominal_ms: u64| (nominal_ms as f64 / speed).round() as u64;
    let flaky = Behaviour {
        occasional: Some(Occasional { per_mille: 150, fault: BidFault::BadSignature }),
        ..Behaviour::mev_boost_relay(latency(45))
    };
    let slow = Behaviour { access: Access::NotBeforeHead, ..Behaviour::mev_boost_relay(latency(160)) };
    let plans = [
        ("open", "mev-boost-relay", "polled freely, 40 ms", Behaviour::mev_boost_relay(latency(40))),
        ("gated", "helix", "answers only for the slot after its head, 60 ms", Behaviour::helix(latency(60))),
        (
            "oneshot",
            "ultrasound",
            "one call a slot, within the slot, 50 ms",
            Behaviour::ultrasound(latency(50)),
        ),
        ("slow", "mev-boost-relay", "polled freely, 160 ms", slow),
        ("flaky", "mev-boost-relay", "every seventh bid has a bad signature, 45 ms", flaky),
    ];
    let mut relays = Vec::new();
    for (number, (name, policy, about, behaviour)) in (0..).zip(plans) {
        let settings = RelayConfig::new(chain.clone(), market.clone(), number).with_behaviour(behaviour);
        relays.push(DemoRelay { name, policy, about, relay: Relay::spawn(settings).await? });
    }
    Ok(relays)
}
