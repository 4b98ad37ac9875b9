//! `POST /eth/v1/builder/blinded_blocks` and `POST /eth/v2/builder/blinded_blocks`

mod callers;
mod encodings;
mod guard;
mod relays;

use e2e::{
    SLOT, Service, Version, auction, eventually, network, network_starting_in, relay, signed_block, validator,
};
use headstart_devnet::{Behaviour, HandBid, Relay, SubmitFault, WireFault};
use headstart_types::{
    AuctionKey, Encoding, ForkName, Network, SecretKey, SignedBlindedBeaconBlock, SignedBuilderBid,
};

/// A header that was served, and the block that its proposer has signed: what is left is to submit it.
struct Proposal {
    network: Network,
    /// All of them offered the block.
    relays: Vec<Relay>,
    proposer: SecretKey,
    service: Service,
    bid: SignedBuilderBid,
    block: SignedBlindedBeaconBlock,
}

impl Proposal {
    /// From a service with relays that answer submissions in these ways.
    async fn new(fork: ForkName, answers: impl IntoIterator<Item = SubmitFault>) -> Self {
        Self::on(network(fork), fork, answers).await
    }

    /// The same in a slot that begins in so many milliseconds.
    async fn starting_in(
        starts_in_ms: i64,
        fork: ForkName,
        answers: impl IntoIterator<Item = SubmitFault>,
    ) -> Self {
        Self::on(network_starting_in(fork, 12_000, starts_in_ms), fork, answers).await
    }

    async fn on(network: Network, fork: ForkName, answers: impl IntoIterator<Item = SubmitFault>) -> Self {
        let (mut setup, mut relays, mut names) = (Service::on(&network), Vec::new(), Vec::new());
        for (answer, number) in answers.into_iter().zip(1..) {
            let relay = offering_relay(&network, number, answer).await;
            let name = format!("relay {number}");
            setup = setup.relay(&name, &relay);
            relays.push(relay);
            names.push(name);
        }
        let proposer = validator(0);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let service = setup.cluster("alpha", &names, std::slice::from_ref(&proposer)).start().await;
        let key = auction(&proposer);
        let bid = service.header(&key).await.bid(fork);
        until_offered_by(&service, &key, relays.len()).await;
        let block = signed_block(&network, &bid, &proposer);
        Self { network, relays, proposer, service, bid, block }
    }

    async fn submit(&self, version: Version) -> e2e::Reply {
        self.service.submit(version, Encoding::Ssz, &self.block).await
    }

    fn submits(&self) -> Vec<u64> {
        self.relays.iter().map(|relay| relay.seen().submits.total()).collect()
    }
}

/// A relay that offers the same block as all the others here.
async fn offering_relay(network: &Network, number: u64, answer: SubmitFault) -> Relay {
    let relay = relay(network, number).await;
    relay.behave(Behaviour::by_hand().with_submit(answer));
    relay.set_bid(SLOT, HandBid { value: e2e::eth("0.03"), block: 1 });
    relay
}

async fn until_offered_by(service: &Service, key: &AuctionKey, relays: usize) {
    let offers = async || service.store().auction(key).map_or(0, |auction| auction.offers().bids().len());
    eventually("every relay's offer is held", async || offers().await == relays).await;
}

fn wire(fault: WireFault) -> SubmitFault {
    SubmitFault::Wire(fault)
}

fn status(code: u16) -> SubmitFault {
    wire(WireFault::Status { code, body: r#"{"code":1,"message":"no"}"#.to_owned() })
}

/// What is wrong with an answer on the wire, whatever its version.
fn wire_faults() -> Vec<SubmitFault> {
    vec![
        wire(WireFault::Reset),
        wire(WireFault::Withhold),
        wire(WireFault::SlowHead { ms: 5_000 }),
        wire(WireFault::RateLimited { retry_after_s: 60 }),
        wire(WireFault::Redirect { to: "http://127.0.0.1:1/".to_owned() }),
        wire(WireFault::Html200),
        status(400),
        status(401),
        status(500),
        status(502),
        SubmitFault::Forgets,
    ]
}

/// What is wrong with the payload that the first version answers.
fn payload_faults() -> Vec<SubmitFault> {
    vec![
        SubmitFault::AnotherPayload,
        SubmitFault::WrongBlobs,
        wire(WireFault::StallMidBody),
        wire(WireFault::SlowBody { bytes_per_s: 100 }),
        wire(WireFault::Gzip),
    ]
}
