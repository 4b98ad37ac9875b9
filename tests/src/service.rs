use std::net::SocketAddr;

use headstart::{App, Shutdown};
use headstart_bid_store::{AuctionEvent, AuctionEventKind, BidStore};
use headstart_registry::{LiveDirectory, Registry};
use headstart_types::{
    AuctionKey, CONSENSUS_VERSION, Encoding, ForkName, Network, Outcome, SignedBlindedBeaconBlock,
    SignedValidatorRegistration, registrations_to_ssz,
};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

use crate::{Client, Folder, PATIENCE, Reply, Request, Setup, Version};

/// A running service. Dropping it ends it as a crash would; [`Service::stop`] ends it as two SIGTERMs would.
#[derive(Debug)]
pub struct Service {
    network: Network,
    addr: Option<SocketAddr>,
    cluster_api_addr: Option<SocketAddr>,
    open_addr: Option<SocketAddr>,
    admin_addr: Option<SocketAddr>,
    store: BidStore,
    registry: Registry,
    directory: LiveDirectory,
    folder: Folder,
    events: broadcast::Receiver<AuctionEvent>,
    shutdown: Shutdown,
    running: AbortOnDropHandle<Result<(), String>>,
}

impl Service {
    /// A service on that network, to be told of its relays and clusters.
    pub fn on(network: &Network) -> Setup {
        Setup::new(network)
    }

    pub(crate) fn run(app: App, network: Network, folder: Folder) -> Self {
        let shutdown = Shutdown::default();
        Self {
            network,
            addr: app.builder_api_addr(),
            cluster_api_addr: app.cluster_api_addr(),
            open_addr: app.open_addr(),
            admin_addr: app.admin_addr(),
            store: app.store(),
            registry: app.registry(),
            directory: app.directory(),
            folder,
            events: app.store().watch(),
            shutdown: shutdown.clone(),
            running: AbortOnDropHandle::new(tokio::spawn(async move {
                app.run(shutdown).await.map_err(|error| format!("{error:#}"))
            })),
        }
    }

    /// Speaks to the Builder API; panics when the process has no such role.
    pub fn client(&self) -> Client {
        Client::new(self.addr.expect("the process answers beacon nodes"))
    }

    /// Speaks to the second address, which is open; panics when there is none.
    pub fn open_client(&self) -> Client {
        Client::new(self.open_addr.expect("builder_api.open_listen is configured"))
    }

    /// Where clusters are heard; panics when they are not.
    pub fn cluster_api_url(&self) -> String {
        format!("http://{}", self.cluster_api_addr.expect("the cluster API is enabled"))
    }

    /// The registry of this service, for whoever administers it.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What it keeps beside its configuration file; another service can be started there when this one has ended.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn store(&self) -> &BidStore {
        &self.store
    }

    /// Whom the service serves: a test may put another directory in its place.
    pub fn directory(&self) -> &LiveDirectory {
        &self.directory
    }

    /// The next event for which `wanted` has something to say.
    pub async fn next_event<T>(&mut self, wanted: impl Fn(&AuctionEvent) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.expect("an event comes").expect("events are read in time");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// What became of the getHeader that was answered next, in the service's own words.
    pub async fn next_outcome(&mut self) -> Outcome {
        self.next_event(|event| match event.what {
            AuctionEventKind::HeaderAnswered { outcome, .. } => Some(outcome),
            _ => None,
        })
        .await
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
        self.client().call(&register_request(encoding, registrations)).await
    }

    /// Shuts down at once, as a second signal does, and returns when everything under way is finished.
    pub async fn stop(self) {
        self.shutdown.hurry();
        self.ended().await;
    }

    /// Returns once the service has ended after a shutdown that was begun.
    pub async fn ended(self) {
        let ended = self.running.await.expect("the service does not panic");
        ended.expect("the service ends in good order");
    }

    /// Begins to shut down, as SIGTERM does.
    pub fn shut_down(&self) {
        self.shutdown.begin();
    }

    /// Asks what supervisors and load balancers ask, such as `/readyz`.
    pub async fn admin(&self, path: &str) -> Reply {
        Client::new(self.admin_addr.expect("the admin address is enabled")).call(&Request::get(path)).await
    }
}

/// A getHeader without an `Accept`.
pub fn header_request(key: &AuctionKey) -> Request {
    Request::get(format!("/eth/v1/builder/header/{key}"))
}

pub fn register_request(encoding: Encoding, registrations: &[SignedValidatorRegistration]) -> Request {
    let body = match encoding {
        Encoding::Ssz => registrations_to_ssz(registrations),
        Encoding::Json => serde_json::to_vec(registrations).expect("registrations have a JSON form"),
    };
    Request::post("/eth/v1/builder/validators", encoding.content_type(), body)
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
