use e2e::{
    PATIENCE, Service, Version, auction, eth, relay_bidding, signed_block, submit_request, validators,
};
use futures_util::future::join_all;
use headstart_devnet::{SubmitFault, check_payload};
use headstart_types::{Encoding, ForkName};

use super::Proposal;

const OPERATORS: usize = 13;
const BEACON_NODES: usize = 3;

/// Every beacon node of every operator submits; one in three writes JSON.
async fn everybody_submits(proposal: &Proposal, versions: &[Version]) -> Vec<(Version, e2e::Reply)> {
    let submit = async |place: usize| {
        let version = versions[place % versions.len()];
        let encoding = if place.is_multiple_of(3) { Encoding::Json } else { Encoding::Ssz };
        (version, proposal.service.submit(version, encoding, &proposal.block).await)
    };
    join_all((0..OPERATORS * BEACON_NODES).map(submit)).await
}

async fn assert_everybody_succeeds_with_two_posts(versions: &[Version]) {
    let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None, SubmitFault::None]).await;
    for relay in &proposal.relays {
        relay.adjust(|behaviour| behaviour.latency_ms = 50);
    }
    for _ in ["at once", "later"] {
        let replies = everybody_submits(&proposal, versions).await;
        assert_eq!(replies.len(), 39);
        for (version, reply) in replies {
            assert_eq!(reply.status, version.success(), "{}", reply.text());
            if version == Version::V1 {
                let payload = reply.payload(ForkName::Fulu);
                assert_eq!(check_payload(ForkName::Fulu, &proposal.block, &payload), Ok(()));
            }
        }
    }
    assert!(proposal.submits().iter().all(|posts| *posts <= 2), "{:?}", proposal.submits());
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_nine_submissions_of_one_block_through_v1_make_two_posts_at_most() {
    assert_everybody_succeeds_with_two_posts(&[Version::V1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_nine_submissions_of_one_block_through_v2_make_two_posts_at_most() {
    assert_everybody_succeeds_with_two_posts(&[Version::V2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_nine_submissions_of_one_block_through_both_versions_make_two_posts_at_most() {
    assert_everybody_succeeds_with_two_posts(&Version::ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_while_it_waits_changes_nothing() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        let relay = &proposal.relays[0];
        relay.adjust(|behaviour| behaviour.latency_ms = 200);
        let request = submit_request(version, Encoding::Ssz, ForkName::Fulu, &proposal.block);
        let mut connection = proposal.service.client().connect().await;
        connection.send(&request.to_bytes()).await.unwrap();
        assert!(relay.has_seen(PATIENCE, |seen| seen.submits.total() == 1).await);
        drop(connection);

        let success = version.success();
        let taken =
            relay.has_seen(PATIENCE, |seen| seen.submits.last().is_some_and(|call| call.status == success));
        assert!(taken.await, "{version:?}: the relay takes the block");
        assert_eq!(proposal.submit(version).await.status, success, "another operator gets the answer");
        assert_eq!(relay.seen().submits.total(), 1, "without another post");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_right_after_sending_changes_nothing() {
    let network = e2e::network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.05")).await;
    let proposers = validators(15);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &proposers).start().await;
    let blocks = join_all(proposers.iter().map(async |proposer| {
        let bid = service.header(&auction(proposer)).await.bid(ForkName::Fulu);
        signed_block(&network, &bid, proposer)
    }))
    .await;

    for (block, version) in blocks.iter().zip(Version::ALL.into_iter().cycle()) {
        let request = submit_request(version, Encoding::Ssz, ForkName::Fulu, block);
        let mut connection = service.client().connect().await;
        connection.send(&request.to_bytes()).await.unwrap();
    }

    let all = relay.has_seen(PATIENCE, |seen| seen.submits.total() == 15).await;
    assert!(all, "{} of 15 blocks came to the relay", relay.seen().submits.total());
}
