use std::net::SocketAddr;

use headstart::App;
use headstart_bid_store::BidStore;
use headstart_builder_api::HeaderAnswered;
use headstart_types::{
    AuctionKey, CONSENSUS_VERSION, Encoding, ForkName, Network, Outcome, SignedBlindedBeaconBlock,
    SignedValidatorRegistration, registrations_to_ssz,
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::{Client, PATIENCE, Reply, Request, Setup, Version};

/// A running service. Dropping it ends it as a crash would; [`Service::stop`] ends it as SIGTERM would.
#[derive(Debug)]
pub struct Service {
    network: Network,
    addr: SocketAddr,
    store: BidStore,
    headers: broadcast::Receiver<HeaderAnswered>,
    shutdown: CancellationToken,
    running: AbortOnDropHandle<()>,
}

impl Service {
    /// A service on that network, to be told of its relays and clusters.
    pub fn on(network: &Network) -> Setup {
        Setup::new(network)
    }

    pub(crate) fn run(app: App, network: Network) -> Self {
        let shutdown = CancellationToken::new();
        Self {
            network,
            addr: app.builder_api_addr(),
            store: app.store(),
            headers: app.watch_headers(),
            running: AbortOnDropHandle::new(tokio::spawn(app.run(shutdown.clone()))),
            shutdown,
        }
    }

    pub fn client(&self) -> Client {
        Client::new(self.addr)
    }

    pub fn store(&self) -> &BidStore {
        &self.store
    }

    /// What became of the getHeader that was answered next, in the service's own words.
    pub async fn next_outcome(&mut self) -> Outcome {
        let answered = tokio::time::timeout(PATIENCE, self.headers.recv()).await;
        answered.expect("a getHeader is answered").expect("the journal is open and was read in time").outcome
    }

    /// Asks for a header as most beacon nodes do: SSZ rather than JSON.
    pub async fn header(&self, key: &AuctionKey) -> Reply {
        self.header_accepting(key, headstart_types::ACCEPT_SSZ_THEN_JSON).await
    }

    pub async fn header_accepting(&self, key: &AuctionKey, accept: &str) -> Reply {
        self.client().call(&header_request(key).header("Accept", accept)).await
    }

    /// Submits a signed block; a payload is wanted in the block's own encoding.
    pub async fn submit(
        &self,
        version: Version,
        encoding: Encoding,
        block: &SignedBlindedBeaconBlock,
    ) -> Reply {
        let fork = self.network.fork_at(block.slot()).expect("the slot has a fork that we speak");
        self.client().call(&submit_request(version, encoding, fork, block)).await
    }

    pub async fn register(&self, encoding: Encoding, registrations: &[SignedValidatorRegistration]) -> Reply {
        let body = match encoding {
            Encoding::Ssz => registrations_to_ssz(registrations),
            Encoding::Json => serde_json::to_vec(registrations).expect("registrations have a JSON form"),
        };
        let path = "/eth/v1/builder/validators";
        self.client().call(&Request::post(path, encoding.content_type(), body)).await
    }

    /// Shuts down and returns once everything under way is finished.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.expect("the service ends in good order");
    }

    /// Begins to shut down.
    pub fn shut_down(&self) {
        self.shutdown.cancel();
    }
}

/// A getHeader without an `Accept`.
pub fn header_request(key: &AuctionKey) -> Request {
    Request::get(format!("/eth/v1/builder/header/{key}"))
}

/// A submission of a block of `fork` that wants its payload in the block's own encoding. The fork is named for SSZ only,
/// as the specification has it.
pub fn submit_request(
    version: Version,
    encoding: Encoding,
    fork: ForkName,
    block: &SignedBlindedBeaconBlock,
) -> Request {
    let body = match encoding {
        Encoding::Ssz => block.to_ssz(),
        Encoding::Json => block.to_json(),
    };
    let request = Request::post(version.path(), encoding.content_type(), body);
    let request = request.header("Accept", encoding.content_type());
    match encoding {
        Encoding::Ssz => request.header(CONSENSUS_VERSION, fork.as_str()),
        Encoding::Json => request,
    }
}
