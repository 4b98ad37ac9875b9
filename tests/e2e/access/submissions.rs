use e2e::{
    Credential, Reply, Request, Service, Tenants, Version, auction, eth, network, relay_bidding,
    signed_block, signed_block_with_graffiti, submit_request, validator,
};
use headstart_devnet::{Relay, SubmitFault, WireFault};
use headstart_types::{
    CONSENSUS_VERSION, Encoding, ForkName, Network, SecretKey, SignedBlindedBeaconBlock, Slot,
};

use super::{ask, guarded};

/// A header that was served to a beacon node, and the block that its proposer has signed. Beta claims the proposer too,
/// with a relay of its own.
struct Proposal {
    network: Network,
    service: Service,
    tenants: Tenants,
    credential: Credential,
    relays: Vec<Relay>,
    proposer: SecretKey,
    block: SignedBlindedBeaconBlock,
}

impl Proposal {
    async fn new() -> Self {
        let network = network(ForkName::Fulu);
        let relays = vec![relay_bidding(&network, 1, eth("0.03")).await, e2e::relay(&network, 2).await];
        let (service, mut tenants) = guarded(&network, &relays).await;
        let proposer = validator(0);
        for (cluster, relay) in [("alpha", "relay 1"), ("beta", "relay 2")] {
            tenants.cluster(cluster, &[relay], std::slice::from_ref(&proposer)).await;
        }
        let credential = tenants.beacon_node("node", &["alpha"]).await;
        let bid = service.client().call(&ask(&auction(&proposer), &credential)).await.bid(ForkName::Fulu);
        let block = signed_block(&network, &bid, &proposer);
        Self { network, service, tenants, credential, relays, proposer, block }
    }

    async fn submit(&self, request: Request) -> Reply {
        self.service.client().call(&request).await
    }

    fn request(&self, version: Version) -> Request {
        submit_request(version, Encoding::Ssz, ForkName::Fulu, &self.block)
    }

    /// Whether the block came to the relay that offered it, and to the other cluster's.
    fn came_to(&self) -> [bool; 2] {
        [0, 1].map(|relay: usize| self.relays[relay].seen().submits.total() > 0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_proves_itself_is_revealed_whatever_has_become_of_the_credential() {
    for version in Version::ALL {
        let proposal = Proposal::new().await;
        proposal.tenants.revoke(&proposal.credential).await;
        let Proposal { credential, .. } = &proposal;
        let block = || proposal.request(version);
        for (what, request) in [
            ("a revoked credential", block().header("Authorization", credential.basic())),
            ("a revoked token", block().under(&format!("{}/", credential.path()))),
            ("none", block()),
            ("garbage", block().header("Authorization", "Basic !!!")),
        ] {
            let reply = proposal.submit(request).await;
            assert_eq!(reply.status, version.success(), "{what}: {}", reply.text());
        }
        assert_eq!(proposal.relays[0].seen().submits.total(), 1, "all of them are one submission");
        let came = async || proposal.came_to() == [true, true];
        e2e::eventually("nobody says for whom it is, so the other cluster's relay is asked too", came).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_credential_a_block_goes_to_the_relays_of_the_clusters_that_granted_it() {
    for (clusters, to_beta) in [(&["alpha"][..], false), (&["alpha", "beta"], true), (&[], true)] {
        let mut proposal = Proposal::new().await;
        let credential = proposal.tenants.beacon_node("another", clusters).await;
        let request = proposal.request(Version::V2).header("Authorization", credential.basic());
        let reply = proposal.submit(request).await;
        assert_eq!(reply.status, 202, "{clusters:?}: {}", reply.text());
        let came = async || proposal.came_to()[0] && (!to_beta || proposal.came_to()[1]);
        e2e::eventually("the right relays get it", came).await;
        assert_eq!(proposal.came_to(), [true, to_beta], "{clusters:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_of_a_cluster_that_joins_a_submission_get_the_block_too() {
    let mut proposal = Proposal::new().await;
    let joiner = proposal.tenants.beacon_node("joiner", &["beta"]).await;
    let of_alpha = proposal.request(Version::V2).header("Authorization", proposal.credential.basic());
    let of_beta = proposal.request(Version::V2).header("Authorization", joiner.basic());
    let failing = WireFault::Status { code: 500, body: String::new() };
    proposal.relays[0].adjust(|behaviour| behaviour.submit = SubmitFault::Wire(failing));

    let joining = async {
        e2e::eventually("the first one is under way", async || proposal.came_to()[0]).await;
        let joined = async {
            e2e::eventually("beta's relay gets it", async || proposal.came_to()[1]).await;
            proposal.relays[0].adjust(|behaviour| behaviour.submit = SubmitFault::None);
        };
        tokio::join!(proposal.submit(of_beta), joined).0
    };
    let (first, second) = tokio::join!(proposal.submit(of_alpha), joining);

    for reply in [first, second] {
        assert_eq!(reply.status, 202, "one answer for both: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_relay_that_is_another_clusters() {
    let mut proposal = Proposal::new().await;
    let of_beta = proposal.tenants.beacon_node("of-beta", &["beta"]).await;
    let too_late = r#"{"code":400,"message":"sent too late"}"#.to_owned();
    let refusing = SubmitFault::Wire(WireFault::Status { code: 400, body: too_late });
    for relay in &proposal.relays {
        relay.adjust(|behaviour| behaviour.submit = refusing.clone());
    }
    let by =
        |credential: &Credential| proposal.request(Version::V2).header("Authorization", credential.basic());
    for (who, request, named) in [
        ("alpha", by(&proposal.credential), [true, false]),
        ("beta", by(&of_beta), [false, true]),
        ("a stranger", proposal.request(Version::V2), [false, false]),
    ] {
        let reply = proposal.submit(request).await;
        assert_eq!(reply.status, 400, "{who}: {}", reply.text());
        let names = ["relay 1:", "relay 2:"].map(|name| reply.text().contains(name));
        assert_eq!(names, named, "{who}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_is_401_without_a_credential_and_comes_to_no_relay() {
    let proposal = Proposal::new().await;
    let Proposal { network, proposer, block, .. } = &proposal;
    let bid = proposal.service.client().call(&ask(&auction(proposer), &proposal.credential)).await;
    let bid = bid.bid(ForkName::Fulu);
    let forged = signed_block_with_graffiti(network, &bid, &validator(1), 0);
    let mut unknown_hash = bid.clone();
    let mut of_another_slot = block.clone();
    set_slot(&mut of_another_slot, Slot(7));
    set_block_hash(&mut unknown_hash);
    let unknown = signed_block(network, &unknown_hash, proposer);
    let ssz =
        |block: &SignedBlindedBeaconBlock| submit_request(Version::V2, Encoding::Ssz, ForkName::Fulu, block);
    let path = Version::V1.path();
    for (what, request) in [
        ("no body", Request::new("POST", path)),
        ("garbage", Request::post(path, "application/octet-stream", vec![7; 3_000])),
        ("garbage in JSON", Request::post(path, "application/json", "{}")),
        ("another media type", Request::post(path, "text/plain", "block")),
        ("a block that somebody else signed", ssz(&forged)),
        ("a block whose proposer nobody knows", ssz(&unknown)),
        ("a block of another slot", ssz(&of_another_slot)),
        ("a wrong version", ssz(&forged).header(CONSENSUS_VERSION, "gloas")),
    ] {
        let reply = proposal.submit(request).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        assert!(reply.message().is_some_and(|message| message.contains("credential")), "{what}");
    }
    assert_eq!(proposal.came_to(), [false, false]);
    assert_eq!(
        proposal.submit(proposal.request(Version::V1)).await.status,
        200,
        "the true block goes through"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_credential_even_a_block_that_proves_nothing_is_tried() {
    let proposal = Proposal::new().await;
    let bid = proposal.service.client().call(&ask(&auction(&proposal.proposer), &proposal.credential)).await;
    let mut unknown_hash = bid.bid(ForkName::Fulu);
    set_block_hash(&mut unknown_hash);
    let unknown = signed_block(&proposal.network, &unknown_hash, &proposal.proposer);
    let request = submit_request(Version::V2, Encoding::Ssz, ForkName::Fulu, &unknown);
    let reply = proposal.submit(request.header("Authorization", proposal.credential.bearer())).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(!reply.text().contains("relay 1:"), "whose relays these are is nobody else's: {}", reply.text());
    assert_eq!(proposal.came_to(), [true, true], "one may know a block that nobody offered here");
}

fn set_block_hash(bid: &mut headstart_types::SignedBuilderBid) {
    let headstart_types::BuilderBid::Electra(bid) = &mut bid.message else { panic!("a bid of Fulu") };
    bid.header.block_hash = headstart_types::BlockHash(headstart_types::Root::repeat_byte(0x77));
}

fn set_slot(block: &mut SignedBlindedBeaconBlock, slot: Slot) {
    let headstart_types::BlindedBeaconBlock::Electra(block) = &mut block.message else {
        panic!("a block of Fulu")
    };
    block.slot = slot;
}
