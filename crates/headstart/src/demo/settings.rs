//! What an operator of the service would write for the demo's world.

use headstart_registry::PolicyRow;

use super::cast::DemoRelay;
use super::world::World;
use crate::config::{Access, BeaconNode, Network, Relay};
use crate::{Config, config};

/// The name of the network, which is also in every token's audience.
pub(super) const NETWORK: &str = "demo";
const CUTOFF_MS: i64 = 2_000;

impl World {
    /// The configuration file: relays, where to listen, and which beacon node to follow. Clusters come later.
    pub(super) fn service_config(&self) -> anyhow::Result<Config> {
        let mut config = Config { directory: self.folder().to_owned(), ..Config::default() };
        config.network = Network::describing(NETWORK, self.network());
        config.builder_api.listen.set_port(0);
        config.builder_api.access = Access::Credentials;
        config.cluster_api.listen.set_port(0);
        config.admin.listen.set_port(0);
        config.fetcher.lead_ms = self.scaled_offset(i64::from(config.fetcher.lead_ms)).unsigned_abs();
        if !self.options.no_beacon_node {
            config.beacon_nodes = vec![BeaconNode { url: self.beacon_node.url().parse()? }];
        }
        config.relays = self.relays.iter().map(|relay| self.relay_config(relay)).collect();
        Ok(config)
    }

    fn relay_config(&self, relay: &DemoRelay) -> Relay {
        let mut settings = config::Relay::new(relay.name, &relay.relay.url(), relay.policy);
        if let Some(policy) = settings.call_policy() {
            settings.first_ms = Some(self.scaled_offset(policy.first_ms));
            settings.last_ms = Some(self.scaled_offset(policy.last_ms));
            settings.min_gap_ms = Some(self.scaled_offset(policy.min_gap_ms).unsigned_abs());
            // A scaled gap is still the preset's, and so is what may follow at once.
            settings.burst = Some(policy.burst);
        }
        settings
    }

    /// What a cluster says of its policy.
    pub(super) fn policy(&self, relays: &[usize], asks_at_ms: i64) -> PolicyRow {
        PolicyRow {
            relays: Some(relays.iter().map(|index| self.relays[*index].name.to_owned()).collect()),
            cutoff_ms: Some(i64::from(self.scaled_offset(CUTOFF_MS))),
            expected_ask_ms: Some(i64::from(self.scaled_offset(asks_at_ms))),
            ..PolicyRow::default()
        }
    }

    /// Nominal milliseconds of a 12-second slot in real ones.
    #[expect(clippy::cast_possible_truncation, reason = "a few seconds in milliseconds")]
    pub(super) fn scaled_offset(&self, nominal_ms: i64) -> i32 {
        #[expect(clippy::cast_precision_loss, reason = "a few seconds in milliseconds")]
        let real = nominal_ms as f64 / self.options.speed;
        real.round() as i32
    }
}
