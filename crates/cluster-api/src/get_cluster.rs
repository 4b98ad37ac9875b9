use headstart_proto::v1::{GetClusterRequest, GetClusterResponse, Quotas};
use tonic::{Request, Response, Status};

use crate::ClusterApi;
use crate::auth::Method;
use crate::convert::offset_ms;

impl ClusterApi {
    /// The caller's cluster as it is served.
    pub(crate) fn cluster(
        &self,
        request: &Request<GetClusterRequest>,
    ) -> Result<Response<GetClusterResponse>, Status> {
        let caller = self.authenticate(request.metadata(), Method::GetCluster)?;
        let cluster = caller.cluster();
        let (quotas, policy) = (&cluster.quotas, &cluster.policy);
        let (network, now) = (&self.config().network, self.config().clock.now());
        Ok(Response::new(GetClusterResponse {
            name: cluster.name.to_string(),
            network: network.name.clone(),
            validators: u32::try_from(cluster.validators).unwrap_or(u32::MAX),
            relays: self.config().directory.load().relay_names(policy),
            min_bid_wei: policy.min_bid.to_string(),
            cutoff_ms: offset_ms(policy.cutoff_ms(network, network.slot_at(now))),
            expected_ask_ms: offset_ms(policy.expected_ask_ms),
            sticky: policy.sticky,
            mode: policy.mode.to_string(),
            operators: cluster.operators.iter().map(|operator| operator.name.clone()).collect(),
            beacon_nodes: cluster.beacon_nodes.clone(),
            quotas: Some(Quotas {
                hints_per_s: quotas.hints_per_s,
                signature_checks_per_s: quotas.signature_checks_per_s,
                upstream_asks_per_slot: quotas.upstream_asks_per_slot,
                streams: quotas.streams,
                validators: quotas.validators,
            }),
            sticky_ms: offset_ms(policy.sticky_ms),
            timing: policy.timing.map(|preset| preset.to_string()).unwrap_or_default(),
        }))
    }
}
