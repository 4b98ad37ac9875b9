use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use headstart::clock::SYSTEM;
use headstart_registry::{
    Actor, ClaimLevel, ClaimRow, LiveDirectory, NewSecret, PolicyRow, QuotaRow, Registry, Result, SecretRow,
};
use headstart_types::SecretKey;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{PostgresDatabase, Service};

/// Whom a service serves, as an administrator says it. Every change is in force when the call returns.
#[derive(Debug)]
pub struct Tenants {
    registry: Registry,
    /// Where changes show; there is none before the first service runs.
    directory: Option<LiveDirectory>,
    root: Actor,
    random: StdRng,
}

/// Headers are served for as long as a configuration may allow.
const CUTOFF_MS: i64 = 3_900;

/// A policy that names these relays, and leaves as much time as can be.
pub fn policy(relays: &[&str]) -> PolicyRow {
    let relays = relays.iter().map(|name| (*name).to_owned()).collect();
    PolicyRow { relays: Some(relays), cutoff_ms: Some(CUTOFF_MS), ..PolicyRow::default() }
}

impl Tenants {
    /// Nobody yet, but for those whom the configuration declares.
    pub fn of(service: &Service) -> Self {
        Self::with(service.registry().clone(), Some(service.directory().clone()))
    }

    /// Those of services that are still to be started on this database.
    pub async fn to_come(database: &PostgresDatabase) -> Self {
        let registry = Registry::connect(&database.url()).expect("it is a URL");
        registry.migrate().await.expect("the database is there");
        Self::with(registry, None)
    }

    fn with(registry: Registry, directory: Option<LiveDirectory>) -> Self {
        Self { registry, directory, root: Actor::cli("root"), random: StdRng::seed_from_u64(7) }
    }

    /// A cluster that has proven that these validators are its own.
    pub async fn cluster(&self, name: &str, relays: &[&str], validators: &[SecretKey]) {
        self.cluster_with(name, &policy(relays), validators).await;
    }

    pub async fn cluster_with(&self, name: &str, policy: &PolicyRow, validators: &[SecretKey]) {
        let quotas = QuotaRow::default();
        self.done(self.registry.add_cluster(&self.root, SYSTEM.now(), name, policy, &quotas).await).await;
        self.claim(name, ClaimLevel::Proven, validators).await;
    }

    /// Claims of a cluster, later than all before them.
    pub async fn claim(&self, cluster: &str, level: ClaimLevel, validators: &[SecretKey]) {
        let now = SYSTEM.now();
        let claim = |key: &SecretKey| ClaimRow::new(key.public_key(), level, now);
        let claims: std::result::Result<Vec<_>, _> = validators.iter().map(claim).collect();
        let claims = claims.expect("public keys of secret keys");
        self.done(self.registry.add_claims(&self.root, now, cluster, &claims, u32::MAX).await).await;
    }

    /// What differs for one validator.
    pub async fn validator_policy(&self, cluster: &str, validator: &SecretKey, policy: &PolicyRow) {
        let pubkey = validator.public_key();
        let set = self.registry.set_claim_policy(&self.root, SYSTEM.now(), cluster, &pubkey, policy);
        self.done(set.await).await;
    }

    /// Operators, whom their cluster's headers must be the same for.
    pub async fn operators(&self, cluster: &str, count: usize) {
        for number in 0..count {
            let name = format!("operator-{number}");
            self.done(self.registry.add_operator(&self.root, SYSTEM.now(), cluster, &name).await).await;
        }
    }

    /// What differs from the default quotas.
    pub async fn quotas(&self, cluster: &str, quotas: &QuotaRow) {
        self.done(self.registry.set_quotas(&self.root, SYSTEM.now(), cluster, quotas).await).await;
    }

    pub async fn suspend(&self, cluster: &str) {
        self.done(self.registry.suspend_cluster(&self.root, SYSTEM.now(), cluster).await).await;
    }

    pub async fn resume(&self, cluster: &str) {
        self.done(self.registry.resume_cluster(&self.root, SYSTEM.now(), cluster).await).await;
    }

    /// A beacon node that these clusters granted.
    pub async fn beacon_node(&mut self, name: &str, clusters: &[&str]) -> Credential {
        let (new, row) = self.draw();
        let added = self.registry.add_beacon_node(&self.root, SYSTEM.now(), name, clusters, &row);
        self.done(added.await).await;
        Credential(new)
    }

    /// A further secret of a beacon node.
    pub async fn rotate(&mut self, beacon_node: &str) -> Credential {
        let (new, row) = self.draw();
        let rotated = self.registry.rotate_beacon_node(&self.root, SYSTEM.now(), beacon_node, &row);
        self.done(rotated.await).await;
        Credential(new)
    }

    pub async fn revoke(&self, credential: &Credential) {
        let revoked = self.registry.revoke_beacon_node_secret(&self.root, SYSTEM.now(), credential.0.id());
        self.done(revoked.await).await;
    }

    /// A credential that looks good and was never given out.
    pub fn unknown_credential(&mut self) -> Credential {
        Credential(NewSecret::draw(&mut self.random))
    }

    fn draw(&mut self) -> (NewSecret, SecretRow) {
        let new = NewSecret::draw(&mut self.random);
        let row = SecretRow { id: new.id().to_owned(), digest: new.digest() };
        (new, row)
    }

    /// Waits until the service shows a change that was made.
    async fn done<T>(&self, change: Result<T>) {
        change.expect("the change is possible");
        let Some(directory) = &self.directory else { return };
        let revision = self.registry.revision().await.expect("the database answers");
        let shown = tokio::time::timeout(crate::PATIENCE, directory.reach(revision)).await;
        shown.expect("the change is shown");
    }
}

/// What a beacon node shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential(NewSecret);

impl Credential {
    /// The value of `Authorization` that clients make of a URL's userinfo.
    pub fn basic(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(self.0.userinfo()))
    }

    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0.token())
    }

    /// What stands before `/eth` in a URL with a path token.
    pub fn path(&self) -> String {
        format!("/t/{}", self.0.token())
    }

    /// The part that nobody may see.
    pub fn secret(&self) -> String {
        let token = self.0.token();
        token.rsplit('_').next().unwrap_or_default().to_owned()
    }

    /// The same id with another one's secret.
    pub fn with_secret_of(&self, other: &Self) -> String {
        format!("Bearer bn_{}_{}", self.0.id(), other.secret())
    }
}
