use std::sync::Arc;
use std::time::Duration;

use headstart_types::{Epoch, Slot, UnixMillis};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::{Cluster, Proposal, Proposer};
use crate::http_client::Endpoint;
use crate::market::scaled_ms;

/// Reports that wait for their reader; further ones are dropped.
const PROPOSALS_KEPT: usize = 1024;
/// Proposals under way at the same time; a slot that finds all taken is missed.
const PROPOSALS_MAX: usize = 64;

/// A cluster's part in the simulation.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    pub cluster: Cluster,
    /// One for each operator; several operators may share one.
    pub endpoints: Vec<Endpoint>,
    /// When its beacon nodes ask for a header, in nominal milliseconds of a 12-second slot (SSV: about 170).
    pub asks_at_ms: i64,
    /// Whether its beacon nodes register the validators; otherwise somebody else does.
    pub registers: bool,
}

/// The task that registers and proposes for some clusters; dropping it ends both.
#[derive(Debug)]
pub struct ClusterTask {
    _task: AbortOnDropHandle<()>,
}

impl Proposer {
    /// Registers the clusters at once and in every epoch, as far as they register through beacon nodes, and proposes in
    /// all their slots. Reports come in the order in which proposals end.
    pub fn run(&self, plans: Vec<ClusterPlan>) -> (ClusterTask, mpsc::Receiver<Proposal>) {
        let (reports, receiver) = mpsc::channel(PROPOSALS_KEPT);
        let proposer = self.clone();
        let plans = plans.into_iter().map(Arc::new).collect();
        let task = tokio::spawn(async move { proposer.drive(plans, reports).await });
        (ClusterTask { _task: AbortOnDropHandle::new(task) }, receiver)
    }

    async fn drive(&self, plans: Vec<Arc<ClusterPlan>>, reports: mpsc::Sender<Proposal>) {
        let mut tasks = JoinSet::new();
        let mut slot = self.chain().network().slot_at(self.chain().clock().now()).next();
        let mut registered_epoch = None;
        loop {
            while tasks.try_join_next().is_some() {}
            let epoch = self.chain().network().epoch(slot);
            if registered_epoch.replace(epoch) != Some(epoch) {
                for plan in plans.iter().filter(|plan| plan.registers) {
                    tasks.spawn(register(self.clone(), Arc::clone(plan), epoch));
                }
            }
            let proposer = self.chain().duty(slot).pubkey;
            let plan = plans.iter().find(|plan| plan.cluster.validator(&proposer).is_some());
            if let Some(plan) = plan.filter(|_| tasks.len() < PROPOSALS_MAX) {
                tasks.spawn(propose(self.clone(), Arc::clone(plan), slot, reports.clone()));
            }
            self.sleep_until(self.chain().network().slot_start(slot) + self.half_slot_ms()).await;
            slot = slot.next();
        }
    }

    fn half_slot_ms(&self) -> i64 {
        (self.chain().network().slot_duration_ms / 2).cast_signed()
    }

    async fn sleep_until(&self, moment: UnixMillis) {
        let wait: Duration = self.chain().clock().now().until(moment);
        tokio::time::sleep(wait).await;
    }
}

/// Registers the cluster through every endpoint. The timestamp is that of the epoch's start, so that all operators send
/// the same signatures, as SSV's do.
async fn register(proposer: Proposer, plan: Arc<ClusterPlan>, epoch: Epoch) {
    let network = proposer.chain().network().clone();
    let timestamp = network.slot_start(network.first_slot(epoch)).seconds();
    let signer = Arc::clone(&plan);
    let sign = tokio::task::spawn_blocking(move || signer.cluster.registrations(&network, timestamp));
    let Ok(registrations) = sign.await else { return };
    for endpoint in &plan.endpoints {
        if let Err(error) = proposer.send_registrations(endpoint, plan.cluster.client, &registrations).await {
            let (cluster, url) = (&plan.cluster.name, endpoint.url());
            tracing::warn!(cluster, url, %error, "simulated cluster failed to register");
        }
    }
}

async fn propose(proposer: Proposer, plan: Arc<ClusterPlan>, slot: Slot, reports: mpsc::Sender<Proposal>) {
    let network = proposer.chain().network();
    let moment = network.slot_start(slot) + scaled_ms(network, plan.asks_at_ms);
    proposer.sleep_until(moment).await;
    for proposal in proposer.propose_together(&plan.endpoints, &plan.cluster, slot).await {
        let _reader_is_slow_or_gone = reports.try_send(proposal);
    }
}
