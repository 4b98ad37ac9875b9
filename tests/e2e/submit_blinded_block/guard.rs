use e2e::{
    RedisServer, Service, Version, auction, eventually, network, signed_block_with_graffiti, validator,
};
use futures_util::future::join_all;
use headstart_devnet::SubmitFault;
use headstart_types::{Encoding, ForkName};

use super::{Proposal, offering_relay};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_distinct_signed_block_is_refused_and_comes_to_no_relay() {
    for second_version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        assert_eq!(proposal.submit(Version::V2).await.status, 202);

        let second = signed_block_with_graffiti(&proposal.network, &proposal.bid, &proposal.proposer, 1);
        let reply = proposal.service.submit(second_version, Encoding::Json, &second).await;

        assert_eq!(reply.status, 400, "{}", reply.text());
        let message = reply.message().expect("an error object");
        assert!(message.contains("another block") && message.contains("slashed"), "{message}");
        let roots: Vec<_> = proposal.relays[0].seen().submits.iter().filter_map(|call| call.block).collect();
        assert!(roots.iter().all(|(_, root, _)| *root == proposal.block.message.tree_hash_root()));
        assert_eq!(proposal.submit(Version::V2).await.status, 202, "the first block is still welcome");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_signed_blocks_at_once_only_one_comes_to_a_relay() {
    let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None, SubmitFault::None]).await;
    let blocks = [1, 2, 3, 4].map(|graffiti| {
        signed_block_with_graffiti(&proposal.network, &proposal.bid, &proposal.proposer, graffiti)
    });
    let submit = async |block| proposal.service.submit(Version::V2, Encoding::Ssz, block).await.status;
    let mut statuses = join_all(blocks.iter().map(submit)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 400, 400, 400]);
    assert!(proposal.submits().iter().all(|submits| *submits <= 1), "{:?}", proposal.submits());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_refused_a_second_block_takes_the_one_that_another_process_forwarded() {
    let (network, redis) = (network(ForkName::Fulu), RedisServer::start());
    let relay = offering_relay(&network, 1, SubmitFault::None).await;
    let proposer = validator(0);
    let setup = Service::on(&network).redis(&redis.url()).relay("one", &relay);
    let setup = setup.cluster("alpha", &["one"], std::slice::from_ref(&proposer));
    let (here, there) = (setup.start().await, setup.start().await);
    eventually("both share the store", async || here.store().is_shared() && there.store().is_shared()).await;
    let bid = here.header(&auction(&proposer)).await.bid(ForkName::Fulu);
    let [first, second] =
        [0, 1].map(|graffiti| signed_block_with_graffiti(&network, &bid, &proposer, graffiti));

    assert_eq!(here.submit(Version::V2, Encoding::Ssz, &first).await.status, 202);
    assert_eq!(there.submit(Version::V2, Encoding::Ssz, &second).await.status, 400);
    let reply = there.submit(Version::V2, Encoding::Ssz, &first).await;
    assert_eq!(reply.status, 202, "the first block is still welcome: {}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_its_proposer_did_not_sign_cannot_claim_the_slot() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        for (graffiti, stranger) in [(0, 1), (9, 2)] {
            let stranger = validator(stranger);
            let garbage = signed_block_with_graffiti(&proposal.network, &proposal.bid, &stranger, graffiti);
            let reply = proposal.service.submit(version, Encoding::Ssz, &garbage).await;
            assert_eq!(reply.status, 400, "{}", reply.text());
            assert!(reply.message().expect("an error object").contains("signature"), "{}", reply.text());
        }
        assert_eq!(proposal.submit(version).await.status, version.success(), "the true block goes through");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_beyond_all_measure_does_not_keep_the_true_block_out() {
    let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
    let stranger = validator(1);
    for graffiti in 0..80 {
        let garbage = signed_block_with_graffiti(&proposal.network, &proposal.bid, &stranger, graffiti);
        assert_eq!(proposal.service.submit(Version::V2, Encoding::Ssz, &garbage).await.status, 400);
    }
    let reply = proposal.submit(Version::V2).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
}
