#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use e2e::{SLOT, Service, eth, eventually, network, registration, relay_bidding, validator};
use headstart::clock::SYSTEM;
use headstart_devnet::Relay;
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_registry::{
    Actor, ClaimLevel, ClaimRow, Claims, NewSecret, PolicyRow, QuotaRow, Registry, Scope, Scopes, SecretRow,
    SigningKey, token_audience,
};
use headstart_types::{BlsPublicKey, ForkName, Network, SecretKey, SignedValidatorRegistration};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub(super) const FORK: ForkName = ForkName::Fulu;

/// A service that insists on credentials, with two clusters of one validator each, and a third validator of nobody.
pub(super) struct World {
    pub(super) service: Service,
    pub(super) network: Network,
    _relay: Relay,
    keys: [SigningKey; 3],
}

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Alpha,
    Beta,
    Nobody,
}

impl Owner {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Nobody => "nobody",
        }
    }

    /// Its validator.
    pub(super) fn validator(self) -> SecretKey {
        validator(match self {
            Self::Alpha => 0,
            Self::Beta => 1,
            Self::Nobody => 2,
        })
    }

    pub(super) fn pubkey(self) -> BlsPublicKey {
        self.validator().public_key()
    }
}

/// The id of the key that is revoked as soon as it was added.
const REVOKED: &str = "revoked";

impl World {
    pub(super) async fn new() -> Self {
        let network = network(FORK);
        let relay = relay_bidding(&network, 1, eth("0.03")).await;
        let setup = Service::on(&network).builder_api("access = \"credentials\"").relay("one", &relay);
        let service = setup.start().await;
        let keys = [(); 3].map(|()| SigningKey::generate().unwrap());
        for (owner, key) in [Owner::Alpha, Owner::Beta].into_iter().zip(&keys) {
            add_cluster(service.registry(), owner, key).await;
        }
        let world = Self { service, network, _relay: relay, keys };
        world.revoke_a_key().await;
        eventually("the clusters are known", async || world.service.directory().load().clusters().len() == 2)
            .await;
        world.until_shown().await;
        world
    }

    async fn revoke_a_key(&self) {
        let registry = self.service.registry();
        let key = self.keys[2].verifying_key(Some(REVOKED)).unwrap().into();
        registry.add_operator_key(&root(), SYSTEM.now(), "alpha", "one", &key).await.unwrap();
        registry.revoke_operator_key(&root(), SYSTEM.now(), "alpha", REVOKED).await.unwrap();
    }

    /// Waits until the service serves what the database holds.
    pub(super) async fn until_shown(&self) {
        let revision = self.service.registry().revision().await.unwrap();
        eventually("the change is shown", async || self.service.directory().load().revision() >= revision)
            .await;
    }

    /// A beacon node that these clusters granted: its token.
    pub(super) async fn beacon_node(&self, name: &str, clusters: &[&str]) -> NewSecret {
        let secret = NewSecret::draw(&mut rand::rng());
        let row = SecretRow { id: secret.id().to_owned(), digest: secret.digest() };
        let registry = self.service.registry();
        registry.add_beacon_node(&root(), SYSTEM.now(), name, clusters, &row).await.unwrap();
        self.until_shown().await;
        secret
    }

    /// What an operator of the cluster signs, believed for so long from now on.
    pub(super) fn token(&self, owner: Owner, scopes: Scopes, ms: i64) -> String {
        self.signed(owner, owner.name(), usize::from(owner == Owner::Beta), scopes, ms)
    }

    /// The same, signed with a key that was revoked.
    pub(super) fn revoked_token(&self) -> String {
        self.signed(Owner::Alpha, REVOKED, 2, Scopes::all(), 60_000)
    }

    fn signed(&self, owner: Owner, kid: &str, key: usize, scopes: Scopes, ms: i64) -> String {
        let audience = token_audience(&self.network);
        let expires_at = SYSTEM.now() + ms;
        let (cluster, operator) = (owner.name(), "one");
        let claims =
            Claims { cluster, operator, audience: &audience, scopes, expires_at, service_token: None };
        self.keys[key].sign(kid, claims).unwrap()
    }

    pub(super) async fn grpc(&self) -> ClusterServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(self.service.cluster_api_url()).unwrap();
        ClusterServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// The slot that hints and reports are about.
    pub(super) fn slot() -> u64 {
        SLOT.0
    }
}

pub(super) fn root() -> Actor {
    Actor::cli("root")
}

async fn add_cluster(registry: &Registry, owner: Owner, key: &SigningKey) {
    let (name, now) = (owner.name(), SYSTEM.now());
    let policy =
        PolicyRow { relays: Some(vec!["one".to_owned()]), cutoff_ms: Some(3_900), ..PolicyRow::default() };
    registry.add_cluster(&root(), now, name, &policy, &QuotaRow::default()).await.unwrap();
    let verifying = key.verifying_key(Some(name)).unwrap().into();
    registry.add_operator_key(&root(), now, name, "one", &verifying).await.unwrap();
    let claim = ClaimRow::new(owner.pubkey(), ClaimLevel::Proven, now).unwrap();
    registry.add_claims(&root(), now, name, &[claim], 10).await.unwrap();
}

/// A call with this token, or with none.
pub(super) fn with_token<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a token fits into a header");
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// Registrations of a validator that another cluster may have registered a minute ago: forged ones newer than that, as
/// old and older, and an older one that the validator signed.
pub(super) fn attempts(network: &Network, validator: &SecretKey) -> Vec<SignedValidatorRegistration> {
    let forged = |age_s| {
        let mut forged = registration(network, validator, age_s);
        forged.message.gas_limit += 1;
        forged
    };
    vec![forged(30), forged(60), forged(90), registration(network, validator, 90)]
}

/// The scopes without one.
pub(super) fn all_but(scope: Scope) -> Scopes {
    Scope::ALL.into_iter().filter(|known| *known != scope).collect()
}

/// What a status says, whole, so that two can be compared byte by byte.
pub(super) fn said(status: &Status) -> (i32, String, Vec<u8>) {
    (status.code() as i32, status.message().to_owned(), status.details().to_vec())
}
