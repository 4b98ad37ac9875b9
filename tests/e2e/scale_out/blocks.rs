use e2e::{PATIENCE, Process, Version, auction, eventually, header_request, signed_block, submit_request};
use headstart_types::{Encoding, ForkName};

use super::World;

const BUILDER_API: [&str; 2] = ["builder-api", "cluster-api"];

/// One process serves a header and dies, another one gets the signed block.
async fn served_here_and_submitted_there(version: Version) {
    let world = World::new().await;
    let (mut here, there) = tokio::join!(async { Process::start(&world.setup(&BUILDER_API)).await }, async {
        Process::start(&world.setup(&BUILDER_API)).await
    },);
    let bid = here.client().call(&header_request(&auction(&world.proposer))).await.bid(ForkName::Fulu);
    here.kill().await;
    let block = signed_block(&world.network, &bid, &world.proposer);

    let submission = submit_request(version, Encoding::Ssz, ForkName::Fulu, &block);
    let reply = there.client().call(&submission).await;

    assert_eq!(reply.status, version.success(), "{}", reply.text());
    eventually("it tells what became of the block", async || there.told("block submitted").is_some()).await;
    let told = there.told("block submitted").expect("it was just there");
    assert!(told["offering"].as_u64() >= Some(1), "provenance has outlived the process: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_revealed_by_another_process_than_served_its_header_which_is_dead_by_then() {
    tokio::join!(served_here_and_submitted_there(Version::V1), served_here_and_submitted_there(Version::V2));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_submit_through_different_processes_make_one_submission() {
    for version in Version::ALL {
        let world = World::new().await;
        let mut processes = Vec::new();
        for _ in 0..3 {
            processes.push(Process::start(&world.setup(&BUILDER_API)).await);
        }
        let key = auction(&world.proposer);
        let bid = processes[0].client().call(&header_request(&key)).await.bid(ForkName::Fulu);
        for relay in &world.relays {
            relay.adjust(|behaviour| behaviour.latency_ms = 100);
        }
        let block = signed_block(&world.network, &bid, &world.proposer);
        let submission = submit_request(version, Encoding::Ssz, ForkName::Fulu, &block);

        let replies = processes
            .iter()
            .flat_map(|process| [process; 4])
            .map(async |process| process.client().call(&submission).await);
        for reply in futures_util::future::join_all(replies).await {
            assert_eq!(reply.status, version.success(), "{}", reply.text());
        }

        let submits: Vec<_> = world.relays.iter().map(|relay| relay.seen().submits.total()).collect();
        assert!(submits.iter().all(|submits| *submits <= 1), "{version:?}: {submits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_does_not_wait_for_a_process_that_reaches_no_relay() {
    let world = World::new().await;
    let (mut dying, living) =
        tokio::join!(async { Process::start(&world.setup(&BUILDER_API)).await }, async {
            Process::start(&world.setup(&BUILDER_API)).await
        },);
    let bid = living.client().call(&header_request(&auction(&world.proposer))).await.bid(ForkName::Fulu);
    let block = signed_block(&world.network, &bid, &world.proposer);
    let submission = submit_request(Version::V2, Encoding::Ssz, ForkName::Fulu, &block);
    for relay in &world.relays {
        relay.adjust(|behaviour| behaviour.latency_ms = 30_000);
    }
    let client = dying.client();
    let lost = tokio::spawn({
        let submission = submission.clone();
        async move { client.connect().await.exchange(&submission.to_bytes()).await }
    });
    eventually("the first one has the block", async || {
        world.relays.iter().all(|relay| relay.seen().submits.total() >= 1)
    })
    .await;
    dying.kill().await;
    assert!(lost.await.expect("the client ends").is_err(), "its answer went with it");
    for relay in &world.relays {
        relay.adjust(|behaviour| behaviour.latency_ms = 0);
    }

    let reply = living.client().call(&submission).await;

    assert_eq!(reply.status, 202, "{}", reply.text());
    assert!(reply.took < PATIENCE / 4, "{:?}", reply.took);
}
