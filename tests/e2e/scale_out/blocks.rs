use e2e::{
    Credential, PATIENCE, Process, Request, Version, auction, eventually, header_request, signed_block,
    submit_request,
};
use headstart_types::{Encoding, ForkName};

use super::World;

const BUILDER_API: [&str; 2] = ["builder-api", "cluster-api"];
/// A process that has no answer of the shared server within 20 ms goes ahead by itself, which a stalled core brings
/// about too: then the same is tried with another block.
const TRIES: usize = 5;

/// One operator is served a header by a process that dies, and another operator's block comes to another process.
async fn served_here_and_submitted_there(version: Version) {
    let world = World::new().await;
    let [one, other] = world.operators().await;
    let setup = world.setup_of_nobody(&BUILDER_API, "").builder_api("access = \"credentials\"");
    let (mut here, there) = tokio::join!(Process::start(&setup), Process::start(&setup));
    let from = |request: Request, node: &Credential| request.header("Authorization", node.basic());
    let asked = here.client().call(&from(header_request(&auction(&world.proposer)), &one)).await;
    let bid = asked.bid(ForkName::Fulu);
    here.kill().await;
    let block = signed_block(&world.network, &bid, &world.proposer);

    let submission = submit_request(version, Encoding::Ssz, ForkName::Fulu, &block);
    let reply = there.client().call(&from(submission, &other)).await;

    assert_eq!(reply.status, version.success(), "{}", reply.text());
    eventually("it tells what became of the block", async || there.told("block submitted").is_some()).await;
    let told = there.told("block submitted").expect("it was just there");
    if !here.missed_redis() && !there.missed_redis() {
        assert!(told["offering"].as_u64() >= Some(1), "provenance has outlived the process: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_revealed_by_another_process_than_served_its_header_which_is_dead_by_then() {
    for version in Version::ALL {
        served_here_and_submitted_there(version).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_submit_through_different_processes_make_one_submission() {
    for version in Version::ALL {
        let mut submissions = Vec::new();
        while submissions.last() != Some(&1) {
            assert!(submissions.len() < TRIES, "{version:?}: submissions to a relay: {submissions:?}");
            submissions.push(submissions_of_four_operators_at_three_processes(version).await);
        }
    }
}

/// All of them get their answer: how many submissions the relays saw, whichever saw more.
async fn submissions_of_four_operators_at_three_processes(version: Version) -> u64 {
    let world = World::new().await;
    let setup = world.setup(&BUILDER_API);
    let (one, two, three) =
        tokio::join!(Process::start(&setup), Process::start(&setup), Process::start(&setup));
    let processes = [one, two, three];
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
    let submits = world.relays.iter().map(|relay| relay.seen().submits.total());
    let most = submits.max().expect("there are two relays");
    assert!(most <= 3, "never more than one for each process: {most}");
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_does_not_wait_for_a_process_that_reaches_no_relay() {
    let world = World::new().await;
    let setup = world.setup(&BUILDER_API);
    let (mut dying, living) = tokio::join!(Process::start(&setup), Process::start(&setup));
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
