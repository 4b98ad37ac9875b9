use std::time::Duration;

use e2e::{
    PATIENCE, SLOT, Service, Version, auction, eth, eventually, network, network_starting_in, relay_bidding,
    signed_block, validator,
};
use headstart::clock::SYSTEM;
use headstart_devnet::{Encodings, Relay, SubmitFault, WireFault, check_payload};
use headstart_types::{BlockHash, BuilderBid, Encoding, ForkName, Root};

use super::{Proposal, payload_faults, status, wire, wire_faults};

#[tokio::test(flavor = "multi_thread")]
async fn any_one_offering_relay_alive_is_enough_whichever_it_is() {
    const RELAYS: usize = 3;
    for version in Version::ALL {
        for alive in 0..RELAYS {
            let broken = wire_faults().into_iter().cycle().skip(alive * RELAYS);
            let answers = broken
                .enumerate()
                .take(RELAYS)
                .map(|(place, fault)| if place == alive { SubmitFault::None } else { fault });
            let proposal = Proposal::new(ForkName::Fulu, answers).await;
            let reply = proposal.submit(version).await;
            assert_eq!(reply.status, version.success(), "{version:?}, relay {alive} alive: {}", reply.text());
            let all_asked = async || proposal.submits().iter().all(|submits| *submits >= 1);
            eventually("every offering relay is asked", all_asked).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_honest_relay_among_every_kind_of_broken_ones_is_enough_for_v2() {
    let answers = wire_faults().into_iter().chain([SubmitFault::None]);
    let proposal = Proposal::new(ForkName::Fulu, answers).await;
    let reply = proposal.submit(Version::V2).await;
    assert_eq!((reply.status, reply.body.len()), (202, 0), "{}", reply.text());
    let honest = proposal.relays.last().expect("the last one is honest");
    assert_eq!(honest.seen().submits.last().map(|call| call.status), Some(202));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_honest_relay_among_every_kind_of_broken_ones_is_enough_for_v1() {
    for fork in [ForkName::Deneb, ForkName::Fulu] {
        let answers = wire_faults().into_iter().chain(payload_faults()).chain([SubmitFault::None]);
        let proposal = Proposal::new(fork, answers).await;
        let honest = proposal.relays.last().expect("the last one is honest");
        honest.adjust(|behaviour| behaviour.latency_ms = 200);
        let payload = proposal.submit(Version::V1).await.payload(fork);
        assert_eq!(check_payload(fork, &proposal.block, &payload), Ok(()), "{fork}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_reveals_another_payload_is_not_believed() {
    for fault in [SubmitFault::AnotherPayload, SubmitFault::WrongBlobs] {
        let proposal = Proposal::new(ForkName::Electra, [fault.clone()]).await;
        let refused = proposal.submit(Version::V1).await;
        assert_eq!(refused.status, 502, "{fault:?}: {}", refused.text());
        assert!(refused.message().expect("an error object").contains("payload"), "{}", refused.text());

        proposal.relays[0].adjust(|behaviour| behaviour.submit = SubmitFault::None);
        let payload = proposal.submit(Version::V1).await.payload(ForkName::Electra);
        assert_eq!(
            check_payload(ForkName::Electra, &proposal.block, &payload),
            Ok(()),
            "asked again: {fault:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_offered_the_block_is_asked_on_though_it_refuses() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::Forgets]).await;
        let relay = &proposal.relays[0];
        let refused = async || {
            assert!(relay.has_seen(PATIENCE, |seen| seen.submits.total() >= 2).await);
            relay.adjust(|behaviour| behaviour.submit = SubmitFault::None);
        };
        let (reply, ()) = tokio::join!(proposal.submit(version), refused());
        assert_eq!(reply.status, version.success(), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_never_answered_gets_another_one_beside_it() {
    for version in Version::ALL {
        let answers = [SubmitFault::Wire(WireFault::Withhold)];
        let proposal = Proposal::starting_in(1_000, ForkName::Fulu, answers).await;
        let relay = &proposal.relays[0];
        let silent = async || {
            assert!(relay.has_seen(PATIENCE, |seen| seen.submits.total() >= 1).await);
            relay.adjust(|behaviour| behaviour.submit = SubmitFault::None);
        };
        let (reply, ()) = tokio::join!(proposal.submit(version), silent());
        assert_eq!(reply.status, version.success(), "{}", reply.text());
        assert!(reply.took < Duration::from_secs(4), "{:?}", reply.took);
        assert_eq!(proposal.submits(), [2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_done_with_the_slot_is_asked_again_only_for_another_operator() {
    for said in ["another payload for this slot was already delivered", "sent too late into slot"] {
        let body = format!(r#"{{"code":400,"message":"{said}"}}"#);
        let proposal = Proposal::new(ForkName::Fulu, [wire(WireFault::Status { code: 400, body })]).await;
        let reply = proposal.submit(Version::V2).await;
        assert_eq!((reply.status, proposal.submits()), (400, vec![1]), "{}", reply.text());
        assert!(reply.text().contains(said), "{}", reply.text());

        proposal.relays[0].adjust(|behaviour| behaviour.submit = SubmitFault::None);
        assert_eq!(proposal.submit(Version::V2).await.status, 202, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_nobody_has_proven_is_shown_to_a_relay_once() {
    let proposal = Proposal::new(ForkName::Fulu, [status(500)]).await;
    let garbage = signed_block(&proposal.network, &proposal.bid, &validator(1));
    let reply = proposal.service.submit(Version::V2, Encoding::Ssz, &garbage).await;
    assert_eq!((reply.status, proposal.submits()), (502, vec![1]), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_payload_is_believed_whatever_its_head_says() {
    for fault in [WireFault::WithoutVersion, WireFault::WrongContentType] {
        let proposal = Proposal::new(ForkName::Fulu, [wire(fault)]).await;
        let payload = proposal.submit(Version::V1).await.payload(ForkName::Fulu);
        assert_eq!(check_payload(ForkName::Fulu, &proposal.block, &payload), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_v2_gets_the_block_through_v1_and_the_answer_is_202() {
    for fork in ForkName::ALL {
        let proposal = Proposal::new(fork, [SubmitFault::WithoutV2]).await;
        let reply = proposal.submit(Version::V2).await;
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{fork}: {}", reply.text());
        let calls: Vec<_> =
            proposal.relays[0].seen().submits.iter().map(|call| (call.v2, call.status)).collect();
        assert_eq!(calls, [(true, 404), (false, 200)], "{fork}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_read_only_json_get_json() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Deneb, [SubmitFault::None]).await;
        proposal.relays[0].adjust(|behaviour| behaviour.encodings = Encodings::AcceptOnlyJson);
        assert_eq!(proposal.submit(version).await.status, version.success());
        let calls: Vec<_> =
            proposal.relays[0].seen().submits.iter().map(|call| (call.ssz, call.status)).collect();
        assert_eq!(calls, [(true, 415), (false, version.success())], "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_improved_bid_after_serving_does_not_lose_the_served_one() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        let key = auction(&proposal.proposer);
        proposal.relays[0].set_bid_value(SLOT, eth("0.5"));
        let served = async || proposal.service.header(&key).await.bid(ForkName::Fulu).message.value();
        eventually("the better bid has replaced the served one", async || served().await == eth("0.5")).await;

        let reply = proposal.submit(version).await;

        assert_eq!(reply.status, version.success(), "{}", reply.text());
        let block =
            proposal.relays[0].seen().submits.last().and_then(|call| call.block).expect("it has a block");
        assert_eq!(block.2, proposal.bid.message.header().block_hash());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_block_goes_to_every_relay_of_its_cluster_and_to_no_other() {
    let network = network(ForkName::Fulu);
    let best = relay_bidding(&network, 1, eth("0.05")).await;
    let outbid = relay_bidding(&network, 2, eth("0.01")).await;
    let without_bid = e2e::relay(&network, 3).await;
    let foreign = relay_bidding(&network, 4, eth("0.09")).await;
    let [alice, bob] = [validator(0), validator(1)];
    let service = Service::on(&network)
        .relay("best", &best)
        .relay("outbid", &outbid)
        .relay("without bid", &without_bid)
        .relay("foreign", &foreign)
        .cluster("alpha", &["best", "outbid", "without bid"], std::slice::from_ref(&alice))
        .cluster("beta", &["foreign"], std::slice::from_ref(&bob))
        .start()
        .await;
    let bid = service.header(&auction(&alice)).await.bid(ForkName::Fulu);
    service.header(&auction(&bob)).await.bid(ForkName::Fulu);

    let reply = service.submit(Version::V2, Encoding::Ssz, &signed_block(&network, &bid, &alice)).await;

    assert_eq!(reply.status, 202);
    let got = async |relay: &Relay| relay.has_seen(PATIENCE, |seen| seen.submits.total() >= 1).await;
    assert!(got(&best).await && got(&outbid).await && got(&without_bid).await);
    assert_eq!(foreign.seen().submits.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_submitted_before_its_slot_is_answered_when_the_relay_answers() {
    let network = network_starting_in(ForkName::Fulu, 12_000, 1_500);
    let relay = relay_bidding(&network, 1, eth("0.05")).await;
    relay.adjust(|behaviour| behaviour.submit_waits_for_slot = true);
    let alice = validator(0);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
    let bid = service.header(&auction(&alice)).await.bid(ForkName::Fulu);

    let reply = service.submit(Version::V2, Encoding::Ssz, &signed_block(&network, &bid, &alice)).await;

    assert_eq!(reply.status, 202);
    assert!(SYSTEM.now() >= network.slot_start(SLOT));
    assert_eq!(relay.seen().submits.total(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_no_relay_knows_is_refused_quickly() {
    for version in Version::ALL {
        let mut proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None, SubmitFault::None]).await;
        let BuilderBid::Electra(bid) = &mut proposal.bid.message else { panic!("Fulu has Electra's bids") };
        bid.header.block_hash = BlockHash(Root::repeat_byte(0x77));
        let block = signed_block(&proposal.network, &proposal.bid, &proposal.proposer);

        let reply = proposal.service.submit(version, Encoding::Ssz, &block).await;

        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(reply.message().expect("an error object").contains("no relay"), "{}", reply.text());
        assert!(reply.took < Duration::from_secs(2), "{:?}", reply.took);
        assert_eq!(proposal.submits(), [1, 1], "somebody may know it, so everybody was asked");
    }
}
