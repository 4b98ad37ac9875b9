use std::sync::{Arc, LazyLock};
use std::time::Duration;

use headstart_auction::Hint;
use headstart_bid_store::BidStore;
use headstart_cluster_api::client::{ClientConfig, ClusterClient, Signer, TokenSource};
use headstart_cluster_api::{ClusterApi, Config, DEFAULT_LANE_CAPACITY, Limits, ServeError, Tls, serve};
use headstart_fetcher::{Fetcher, Verifier};
use headstart_registry::{
    Actor, ClaimLevel, ClaimRow, Claims, Declared, Deliveries, Directory, Follow, LiveDirectory, PolicyRow,
    QuotaRow, Registrations, Registry, Scopes, SigningKey, follow, token_audience,
};
use headstart_types::{
    BlockHash, BlsPublicKey, BlsSignature, Clock, ExecutionAddress, Network, SecretKey,
    SignedValidatorRegistration, Slot, TreeHash as _, UnixMillis, ValidatorRegistration, signing_root,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must happen, on however slow a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that begins at one moment for every run, and goes on as time does.
pub(crate) const CLOCK: Clock = Clock::new(now);

fn now() -> UnixMillis {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    UnixMillis(1_768_435_199_000) + i64::try_from(STARTED.elapsed().as_millis()).unwrap()
}

/// What a world differs in.
pub(crate) struct Setup {
    pub(crate) clusters: Vec<String>,
    pub(crate) quotas: QuotaRow,
    pub(crate) workers: usize,
    pub(crate) lane_capacity: usize,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Tls>,
    /// Once the directory is built, the database is one that does not answer.
    pub(crate) database_away: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clusters: vec!["alpha".to_owned(), "beta".to_owned()],
            quotas: QuotaRow::default(),
            workers: 32,
            lane_capacity: DEFAULT_LANE_CAPACITY,
            limits: Limits::default(),
            tls: None,
            database_away: false,
        }
    }
}

/// The service with two clusters, `alpha` and `beta`, whose operators `one` and `two` sign their own tokens.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) directory: LiveDirectory,
    pub(crate) store: BidStore,
    pub(crate) network: Arc<Network>,
    pub(crate) url: String,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("registry.db");
        let registry = Registry::connect(&format!("sqlite://{}", database.display())).unwrap();
        registry.migrate().await.unwrap();
        for cluster in &setup.clusters {
            add_cluster(&registry, cluster, &setup.quotas).await;
        }
        let rows = registry.rows(None, CLOCK.now()).await.unwrap();
        let (declared, shutdown) = (Arc::new(Declared::default()), CancellationToken::new());
        let directory = LiveDirectory::new(Directory::build(&rows, &declared));
        let following = Follow {
            registry: registry.clone(),
            live: directory.clone(),
            declared,
            rows: Some(rows),
            snapshot: None,
            clock: CLOCK,
        };
        tokio::spawn(follow(following, shutdown.clone()));
        let served_by = if setup.database_away { away().await } else { registry.clone() };
        let (network, store) = (Arc::new(Network::mainnet()), BidStore::default());
        let (registrations, deliveries) = (Registrations::open(&served_by), Deliveries::open(&served_by));
        let fetcher = Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&network),
            clock: CLOCK,
            directory: directory.clone(),
            registry: served_by.clone(),
            registrations: registrations.clone(),
            deliveries: deliveries.clone(),
            store: store.clone(),
            verifier: Verifier::new(2).unwrap(),
            lead_ms: 4_000,
            compared_percent: 0,
            prefetches: true,
        });
        let api = ClusterApi::new(Config {
            network: Arc::clone(&network),
            clock: CLOCK,
            directory: directory.clone(),
            registry: served_by,
            registrations,
            deliveries,
            fetcher,
            store: store.clone(),
            workers: setup.workers,
            lane_capacity: setup.lane_capacity,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if setup.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(serve(listener, api, setup.limits, setup.tls, shutdown.clone()));
        Self { registry, directory, store, network, url, shutdown, served, folder }
    }

    /// Another process of the same service, on the same database.
    pub(crate) fn database(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("registry.db").display())
    }

    /// Waits until a change of the database is served.
    pub(crate) async fn refresh(&self) {
        let revision = self.registry.revision().await.unwrap();
        soon("the directory shows the change", self.directory.reach(revision)).await;
    }

    pub(crate) fn client(&self, cluster: &str, operator: &str) -> ClusterClient {
        self.client_at(&self.url, cluster, operator)
    }

    /// A client that goes another way to the service.
    pub(crate) fn client_at(&self, url: &str, cluster: &str, operator: &str) -> ClusterClient {
        let tokens = TokenSource::Signer(Box::new(Signer {
            key: operator_key(cluster, operator),
            kid: operator.to_owned(),
            cluster: cluster.to_owned(),
            operator: operator.to_owned(),
            audience: token_audience(&self.network),
            scopes: Scopes::all(),
        }));
        connect(url, tokens)
    }

    pub(crate) fn client_with(&self, tokens: TokenSource) -> ClusterClient {
        connect(&self.url, tokens)
    }

    /// A token of alpha's operator `one` that is believed for so long.
    pub(crate) fn token(&self, scopes: Scopes, ms: i64) -> String {
        let audience = token_audience(&self.network);
        let claims = Claims {
            cluster: "alpha",
            operator: "one",
            audience: &audience,
            scopes,
            expires_at: CLOCK.now() + ms - headstart_registry::TOKEN_LEEWAY_MS,
            service_token: None,
        };
        operator_key("alpha", "one").sign("one", claims).unwrap()
    }

    /// Claims of a cluster, as an administrator makes them.
    pub(crate) async fn claim(&self, cluster: &str, validators: &[u32]) {
        let claim = |number: &u32| ClaimRow::new(pubkey(*number), ClaimLevel::Proven, CLOCK.now()).unwrap();
        let claims: Vec<_> = validators.iter().map(claim).collect();
        self.registry.add_claims(&root(), CLOCK.now(), cluster, &claims, 100_000).await.unwrap();
        self.refresh().await;
    }

    pub(crate) fn current_slot(&self) -> Slot {
        self.network.slot_at(CLOCK.now())
    }

    /// A hint that nothing is wrong with, if the validator is claimed.
    pub(crate) fn hint(&self, validator: u32, slots_ahead: u64) -> Hint {
        Hint {
            slot: Slot(self.current_slot().0 + slots_ahead),
            proposer: pubkey(validator),
            parent_hash: None,
            dependent_root: None,
            expected_ask_ms: None,
        }
    }

    pub(crate) fn registration(&self, validator: u32, seconds: u64) -> SignedValidatorRegistration {
        let mut registration = unsigned(validator);
        registration.message.timestamp += seconds;
        let root = signing_root(registration.message.tree_hash_root(), self.network.builder_domain());
        registration.signature = secret_key(validator).sign(root);
        registration
    }
}

fn connect(url: &str, tokens: TokenSource) -> ClusterClient {
    let (url, trusted_certificates) = (url.to_owned(), None);
    ClusterClient::new(ClientConfig { url, tokens, clock: CLOCK, trusted_certificates }).unwrap()
}

async fn add_cluster(registry: &Registry, cluster: &str, quotas: &QuotaRow) {
    registry.add_cluster(&root(), CLOCK.now(), cluster, &PolicyRow::default(), quotas).await.unwrap();
    for operator in ["one", "two"] {
        let key = operator_key(cluster, operator).verifying_key(Some(operator)).unwrap().into();
        registry.add_operator_key(&root(), CLOCK.now(), cluster, operator, &key).await.unwrap();
    }
}

/// A database whose server accepts and says nothing.
async fn away() -> Registry {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = silent.accept().await {
            held.push(connection);
        }
    });
    Registry::connect(&url).unwrap()
}

pub(crate) fn root() -> Actor {
    Actor::cli("root")
}

/// The same for the same operator, in every world.
fn operator_key(cluster: &str, operator: &str) -> SigningKey {
    use std::collections::HashMap;
    use std::sync::Mutex;
    static KEYS: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap();
    let pem = keys.get_or_insert_default().entry(format!("{cluster}/{operator}"));
    SigningKey::from_pem(pem.or_insert_with(|| SigningKey::generate().unwrap().to_pem())).unwrap()
}

pub(crate) fn secret_key(number: u32) -> SecretKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed).unwrap()
}

pub(crate) fn unsigned(validator: u32) -> SignedValidatorRegistration {
    let message = ValidatorRegistration {
        fee_recipient: ExecutionAddress::default(),
        gas_limit: 60_000_000,
        timestamp: CLOCK.now().seconds() - 1_000,
        pubkey: pubkey(validator),
    };
    SignedValidatorRegistration { message, signature: BlsSignature::default() }
}

pub(crate) fn pubkey(number: u32) -> BlsPublicKey {
    secret_key(number).public_key()
}

pub(crate) fn parent(number: u8) -> BlockHash {
    BlockHash(headstart_types::B256::repeat_byte(number))
}

pub(crate) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens)
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}
