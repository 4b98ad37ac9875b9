use super::Options;
use super::cast::{OPERATORS, VALIDATORS};
use super::world::{MAINNET_SLOT_MS, World};

impl World {
    /// Who plays, and where to look on.
    pub(super) fn introduction(&self, builder_api: &str, cluster_api: &str) -> String {
        let Options { slots, speed, seed, agents, no_beacon_node } = self.options;
        let seconds = MAINNET_SLOT_MS / 1000.0 / speed;
        let followed = if no_beacon_node { "not followed by the service" } else { "followed by the service" };
        let relays =
            self.relays.iter().map(|relay| format!("relay        {:<8} {}", relay.name, relay.about));
        let clusters = self.clusters.iter().enumerate().map(|(place, cluster)| {
            let relays =
                cluster.relays.iter().map(|index| self.relays[*index].name).collect::<Vec<_>>().join(", ");
            let by_agent = agents && place + 1 == self.clusters.len();
            let hints = if by_agent { "hinted by an agent" } else { "hinting itself" };
            let name = &cluster.cluster.name;
            format!("cluster      {name:<8} {VALIDATORS} validators, {OPERATORS} operators, {hints}; relays {relays}")
        });
        let lines = [
            format!("headstart demo: {slots} slots of {seconds:.1} s (speed {speed}, seed {seed})\n"),
            format!("Builder API  {builder_api}, with one credential that all clusters granted"),
            format!("cluster API  {cluster_api}, over gRPC"),
            format!("beacon node  {}, {followed}", self.beacon_node.url()),
        ];
        let all = lines.into_iter().chain(relays).chain(clusters).chain([String::new()]);
        all.map(|line| line + "\n").collect()
    }
}
