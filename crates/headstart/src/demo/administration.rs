//! What an administrator does before the first slot: three tenants, their operators' keys, and one credential for the
//! beacon nodes of all of them.

use anyhow::Context;
use headstart_registry::{Actor, NewSecret, QuotaRow, Registry, SecretRow, SigningKey};
use headstart_types::UnixMillis;

use super::cast::OPERATORS;
use super::world::World;
use crate::{Config, clock, database};

/// The beacon node that all clusters granted.
const BEACON_NODE: &str = "shared";

/// A member of a cluster, with the key that it signs its tokens with.
pub(super) struct Member {
    /// The cluster's place among the demo's clusters.
    pub(super) cluster: usize,
    pub(super) name: String,
    pub(super) key: SigningKey,
    pub(super) kid: String,
}

/// What the administrator hands out.
pub(super) struct HandedOut {
    pub(super) members: Vec<Member>,
    pub(super) credential: NewSecret,
}

/// Makes the database ready, as `tenant add`, `operator key add` and `beacon-node add` do.
pub(super) async fn administer(config: &Config, world: &World) -> anyhow::Result<HandedOut> {
    let registry = database::open(config)?;
    let (actor, now) = (Actor::cli("demo"), clock::SYSTEM.now());
    registry.migrate().await?;
    // The relays of a policy are checked against the configuration when the directory is built.
    let mut members = Vec::new();
    for (place, tenant) in world.clusters.iter().enumerate() {
        let (name, policy) = (&tenant.cluster.name, world.policy(tenant.relays, tenant.asks_at_ms));
        registry.add_cluster(&actor, now, name, &policy, &QuotaRow::default()).await?;
        for number in 1..=OPERATORS {
            members.push(add_member(&registry, &actor, now, (place, name), number).await?);
        }
    }
    let credential = NewSecret::draw(&mut rand::rng());
    let secret = SecretRow { id: credential.id().to_owned(), digest: credential.digest() };
    let clusters: Vec<_> = world.clusters.iter().map(|tenant| &*tenant.cluster.name).collect();
    registry.add_beacon_node(&actor, now, BEACON_NODE, &clusters, &secret).await?;
    Ok(HandedOut { members, credential })
}

async fn add_member(
    registry: &Registry,
    actor: &Actor,
    now: UnixMillis,
    (cluster, cluster_name): (usize, &str),
    number: usize,
) -> anyhow::Result<Member> {
    let (name, key) = (format!("op{number}"), SigningKey::generate().context("draw an operator's key")?);
    let public = key.verifying_key(None)?;
    let kid = public.kid().to_owned();
    registry.add_operator_key(actor, now, cluster_name, &name, &public.into()).await?;
    Ok(Member { cluster, name, key, kid })
}
