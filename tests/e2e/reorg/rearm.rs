//! How long it takes from a re-org to the first ask on the new parent. Printed, not judged: machines differ.

use super::*;

const SLOTS: u64 = 40;
const SHORT_SLOT_MS: u64 = 2_000;
/// When the head is replaced, in milliseconds relative to the start of the slot to come.
const REPLACED_MS: [i64; 2] = [-600, -300];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: prints how soon relays are asked on a new parent"]
async fn how_soon_relays_are_asked_after_a_reorg() {
    let network = headstart_devnet::network(ForkName::Fulu, SHORT_SLOT_MS, SYSTEM.now(), 0);
    let validator = Validator::new(77);
    let mut config = ChainConfig::new(network.clone(), SYSTEM, 3);
    (config.validators, config.ours_per_mille) = (vec![(validator.index, validator.pubkey)], 1_000);
    let chain = Chain::new(config);
    let node = Field::node(&chain).await;
    let relay = RelayConfig::new(chain.clone(), Market::new(network.clone(), 3, 1), 1);
    let relay = Relay::spawn(relay.with_behaviour(Behaviour::by_hand())).await.expect("a port is free");
    let setup = Service::on(&network).beacon_node(&node.url());
    let setup = setup.relay_with("one", &relay, "first_ms = -2000\nlast_ms = 1500");
    let _service = setup.cluster("alpha", &["one"], std::slice::from_ref(&validator.key)).start().await;

    let mut took_ms = Vec::new();
    let first = network.slot_at(SYSTEM.now()).0 + 2;
    for slot in (first..first + SLOTS).map(Slot) {
        let start = network.slot_start(slot);
        tokio::time::sleep(SYSTEM.now().until(start - 1_200)).await;
        chain.publish(slot.previous());
        for ms in REPLACED_MS {
            tokio::time::sleep(SYSTEM.now().until(start + ms)).await;
            let told_at = SYSTEM.now();
            let parent = chain.reorg(slot.previous(), 1).block_hash;
            let asks = move |seen: &headstart_devnet::Seen| {
                seen.headers_of(slot).find(|call| call.parent_hash == parent).map(|call| call.asked_at)
            };
            assert!(
                relay.has_seen(PATIENCE, move |seen| asks(seen).is_some()).await,
                "slot {slot} at {ms} ms"
            );
            took_ms.push(asks(&relay.seen()).expect("it was asked") - told_at);
        }
    }
    took_ms.sort_unstable();
    let at = |per_cent: usize| took_ms[(took_ms.len() - 1) * per_cent / 100];
    println!(
        "re-org to first ask, {} times: p50 {} ms, p90 {} ms, p99 {} ms, most {} ms",
        took_ms.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}
