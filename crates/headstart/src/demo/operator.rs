//! One operator of a cluster, as its node software would speak to the service: it registers the validators over gRPC, and
//! pushes hints of what its own node knows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use headstart_auction::Duty;
use headstart_cluster_api::client::{ClientConfig, ClusterClient, Signer, TokenSource};
use headstart_devnet::{Chain, Cluster, Event};
use headstart_registry::Scopes;
use headstart_types::Epoch;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{self, Instant};
use tracing::warn;

use super::administration::Member;
use super::settings::NETWORK;
use crate::agent::{NEWS_MAX, News, Pushed, Pushing};
use crate::{clock, tokens};

const REGISTRATION_PATIENCE: Duration = Duration::from_secs(20);

/// What all operators together did.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) registrations: AtomicUsize,
    pub(super) pushed: Arc<Pushed>,
}

pub(super) struct Operator {
    pub(super) chain: Chain,
    pub(super) cluster: Cluster,
    pub(super) client: ClusterClient,
    /// When its beacon node asks for headers, in real milliseconds into the slot.
    pub(super) expected_ask_ms: i64,
    pub(super) counts: Arc<Counts>,
}

/// The operator's own way to the service at `url`.
pub(super) fn client(member: Member, cluster: &str, url: &str) -> anyhow::Result<ClusterClient> {
    let signer = Signer {
        key: member.key,
        kid: member.kid,
        cluster: cluster.to_owned(),
        operator: member.name,
        audience: tokens::audience(NETWORK),
        scopes: Scopes::all(),
    };
    let tokens = TokenSource::Signer(Box::new(signer));
    let config =
        ClientConfig { url: url.to_owned(), tokens, clock: clock::SYSTEM, trusted_certificates: None };
    ClusterClient::new(config).context("use the address of the clusters' door")
}

impl Operator {
    /// Registers all validators. The timestamp is that of the epoch's start, so that all operators send the same
    /// signatures, as SSV's do.
    pub(super) async fn register(&self) {
        let network = self.chain.network().clone();
        let epoch = network.epoch(network.slot_at(clock::SYSTEM.now()));
        let timestamp = network.slot_start(network.first_slot(epoch)).seconds();
        let cluster = self.cluster.clone();
        let sign = tokio::task::spawn_blocking(move || cluster.registrations(&network, timestamp));
        let Ok(registrations) = sign.await else { return };
        match self.client.register(&registrations, Instant::now() + REGISTRATION_PATIENCE).await {
            Ok(verdicts) => {
                self.counts.registrations.fetch_add(verdicts.len(), Ordering::Relaxed);
            }
            Err(error) => warn!(cluster = self.cluster.name, "failed to {error}"),
        }
    }

    /// Registers again in every epoch.
    pub(super) async fn register_each_epoch(&self) {
        loop {
            let network = self.chain.network();
            let now = clock::SYSTEM.now();
            let next = Epoch(network.epoch(network.slot_at(now)).0 + 1);
            time::sleep(now.until(network.slot_start(network.first_slot(next)))).await;
            self.register().await;
        }
    }

    /// Pushes hints of what its own node, which is the chain itself, knows.
    pub(super) async fn hint(&self) {
        let (news, told) = mpsc::channel(NEWS_MAX);
        let pushing = Pushing {
            network: Arc::new(self.chain.network().clone()),
            clock: clock::SYSTEM,
            hints: self.client.push_hints(),
            expected_ask_ms: Some(self.expected_ask_ms),
            pushed: Arc::clone(&self.counts.pushed),
        };
        tokio::join!(self.tell(news), pushing.run(told));
    }

    async fn tell(&self, news: mpsc::Sender<News>) {
        let mut events = self.chain.events();
        let validators: BTreeSet<_> = self.cluster.identities().map(|(_, pubkey)| pubkey).collect();
        // Whoever takes in news outlives this.
        let _ = news.send(News::Validators(validators)).await;
        let mut known = None;
        loop {
            let network = self.chain.network();
            let epoch = network.epoch(network.slot_at(clock::SYSTEM.now()));
            if known.replace(epoch) != Some(epoch) {
                for epoch in [epoch, Epoch(epoch.0 + 1)] {
                    let _ = news.send(self.duties(epoch)).await;
                }
            }
            let told = match events.recv().await {
                Ok(Event::Head { block, .. }) => {
                    News::Head { slot: block.slot, block_hash: block.block_hash }
                }
                Ok(Event::PayloadAttributes(attributes)) => {
                    News::Announced { slot: attributes.proposal_slot, parent: attributes.parent_block_hash }
                }
                Ok(Event::ChainReorg { .. }) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let _ = news.send(told).await;
        }
    }

    fn duties(&self, epoch: Epoch) -> News {
        let told = self.chain.duties(epoch);
        let duty = |duty: &headstart_devnet::Duty| Duty {
            slot: duty.slot,
            proposer: duty.pubkey,
            validator_index: duty.validator_index,
        };
        let duties = told.duties.iter().map(duty).collect();
        News::Duties { epoch, under: Default::default(), dependent_root: told.dependent_root, duties }
    }
}
