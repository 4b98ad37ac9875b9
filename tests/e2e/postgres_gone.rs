//! PostgreSQL goes away and stays away: everything that matters goes on, and what was acknowledged is there afterwards.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use std::sync::Arc;
use std::time::Instant;

use e2e::{
    PARENT, PATIENCE, Postgres, PostgresDatabase, SLOT, Service, Version, auction, eth, eventually, network,
    registration, relay_bidding, signed_block, validators,
};
use futures_util::StreamExt;
use headstart::clock::SYSTEM;
use headstart_devnet::Relay;
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response;
use headstart_proto::v1::report_proposal_request::Fate;
use headstart_proto::v1::{DutyHint, PushDutyHintsRequest, ReportProposalRequest};
use headstart_registry::{
    Actor, Claims, OutcomeKind, Registrations, Registry, Scopes, SigningKey, token_audience,
};
use headstart_types::{Encoding, ForkName, Network, Outcome, SecretKey};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const FORK: ForkName = ForkName::Fulu;

/// A service on a PostgreSQL that nobody else uses, with a cluster of one operator.
struct World {
    network: Network,
    database: PostgresDatabase,
    relay: Relay,
    service: Service,
    validators: Vec<SecretKey>,
    key: SigningKey,
}

/// How the database is away.
#[derive(Clone, Copy, Debug)]
enum Away {
    Stopped,
    /// Its connections stay open, and nobody answers.
    Frozen,
}

impl World {
    async fn new() -> Self {
        let server = || PostgresDatabase::create_on(Arc::new(Postgres::start()));
        let database = tokio::task::spawn_blocking(server).await.unwrap();
        let network = network(FORK);
        let (relay, validators) = (relay_bidding(&network, 1, eth("0.03")).await, validators(3));
        let setup = Service::on(&network).registry(&database.url()).relay("one", &relay);
        let setup = setup.section("[fetcher]\nlead_ms = 12000");
        let service = setup.cluster("alpha", &["one"], &validators).start().await;
        let (key, root) = (SigningKey::generate().unwrap(), Actor::cli("root"));
        let public = key.verifying_key(Some("op1")).unwrap().into();
        service.registry().add_operator_key(&root, SYSTEM.now(), "alpha", "op1", &public).await.unwrap();
        let revision = service.registry().revision().await.unwrap();
        service.directory().reach(revision).await;
        Self { network, database, relay, service, validators, key }
    }

    fn take_away(&self, away: Away) {
        match away {
            Away::Stopped => self.database.server.stop(),
            Away::Frozen => self.database.server.freeze(),
        }
    }

    fn bring_back(&self, away: Away) {
        match away {
            Away::Stopped => self.database.server.restart(),
            Away::Frozen => self.database.server.thaw(),
        }
    }

    async fn grpc(&self) -> ClusterServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(self.service.cluster_api_url()).unwrap();
        ClusterServiceClient::new(endpoint.connect().await.unwrap())
    }

    fn with_token<T>(&self, message: T) -> Request<T> {
        let claims = Claims {
            cluster: "alpha",
            operator: "op1",
            audience: &token_audience(&self.network),
            scopes: Scopes::all(),
            expires_at: SYSTEM.now() + 60_000,
            service_token: None,
        };
        let mut request = Request::new(message);
        let token = format!("Bearer {}", self.key.sign("op1", claims).unwrap());
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        request
    }

    async fn hint(&self, validator: &SecretKey) -> Verdict {
        let hint = DutyHint {
            seq: 1,
            slot: SLOT.0,
            validator_pubkey: validator.public_key().0.to_vec(),
            parent_hash: Some(PARENT.0.to_vec()),
            ..DutyHint::default()
        };
        let hints = futures_util::stream::iter([PushDutyHintsRequest { hint: Some(hint) }]);
        let mut grpc = self.grpc().await;
        let mut answers = grpc.push_duty_hints(self.with_token(hints)).await.unwrap().into_inner();
        loop {
            match answers.next().await.unwrap().unwrap().response {
                Some(Response::Ack(ack)) if ack.verdict() != Verdict::Resume => return ack.verdict(),
                _ => {}
            }
        }
    }

    async fn report(&self, validator: &SecretKey) -> Result<(), Status> {
        let report = ReportProposalRequest {
            slot: SLOT.0 - 1,
            validator_pubkey: validator.public_key().0.to_vec(),
            fate: Fate::Missed.into(),
            ..ReportProposalRequest::default()
        };
        self.grpc().await.report_proposal(self.with_token(report)).await.map(drop)
    }

    /// One validator's whole way: hinted, served, submitted.
    async fn propose(&self, validator: &SecretKey) {
        let key = auction(validator);
        let header = self.service.header(&key).await;
        let bid = header.bid(FORK);
        let block = signed_block(&self.network, &bid, validator);
        let answer = self.service.submit(Version::V1, Encoding::Ssz, &block).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

async fn everything_goes_on_and_nothing_is_missing(away: Away) {
    let world = World::new().await;
    let [hinted, asked, newcomer] = [0, 1, 2].map(|number| world.validators[number].clone());
    // What is on record is loaded.
    let first = registration(&world.network, &newcomer, 90);
    assert_eq!(world.service.register(Encoding::Ssz, &[first]).await.status, 200);

    world.take_away(away);
    let started = Instant::now();
    assert_eq!(world.hint(&hinted).await, Verdict::Applied);
    let (store, key) = (world.service.store(), auction(&hinted));
    let held = async || store.auction(&key).is_some_and(|auction| !auction.offers().is_empty());
    eventually("a hint arms an auction", held).await;
    world.propose(&hinted).await;
    world.propose(&asked).await;
    let newer = registration(&world.network, &newcomer, 30);
    let registered = world.service.register(Encoding::Json, &[newer]).await;
    assert_eq!(registered.status, 200, "{}", registered.text());
    world.report(&hinted).await.unwrap();
    let told = world
        .relay
        .has_seen(PATIENCE, |seen| seen.registrations.iter().any(|call| call.first.contains(&newer)));
    assert!(told.await, "the relay is told of what was registered meanwhile");
    assert!(started.elapsed() < PATIENCE, "nobody hangs: {:?}", started.elapsed());
    // What happened in the auctions follows when their slot is over.
    eventually("all of it is kept", async || world.service.registry().spool_depth() >= 6).await;

    world.bring_back(away);
    eventually("the spool is empty", async || world.service.registry().spool_depth() == 0).await;
    let afterwards = Registry::connect(&world.database.url()).unwrap();
    let registrations = Registrations::open(&afterwards);
    registrations.loaded().await;
    assert_eq!(registrations.of(&newcomer.public_key()), Some(newer));
    assert_eq!(afterwards.proposal_reports("alpha", SLOT.previous()).await.unwrap().len(), 1);
    let mut found = Vec::new();
    eventually("every outcome is on record", async || {
        found = afterwards.outcomes(SLOT).await.unwrap();
        found.len() >= 4
    })
    .await;
    found.sort_by_key(|record| (record.kind == OutcomeKind::Submission, record.outcome.as_str()));
    let kinds: Vec<_> = found.iter().map(|record| (record.kind, record.outcome)).collect();
    let (header, submission) = (OutcomeKind::Header, OutcomeKind::Submission);
    let revealed = (submission, Outcome::Revealed);
    assert_eq!(kinds, [(header, Outcome::Hit), (header, Outcome::Miss), revealed, revealed]);
    assert!(found.iter().all(|record| record.cluster.as_deref() == Some("alpha")), "{found:?}");
    assert!(found.iter().all(|record| record.relay.as_deref() == Some("one")), "{found:?}");
    assert_eq!(world.service.registry().spool_dropped(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_postgresql_stopped_everything_goes_on_and_nothing_acknowledged_is_missing_afterwards() {
    everything_goes_on_and_nothing_is_missing(Away::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_postgresql_frozen_everything_goes_on_and_nothing_acknowledged_is_missing_afterwards() {
    everything_goes_on_and_nothing_is_missing(Away::Frozen).await;
}
