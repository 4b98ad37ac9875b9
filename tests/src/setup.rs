use std::fmt::Write;
use std::path::Path;

use headstart::{App, Config, clock};
use headstart_devnet::Relay;
use headstart_types::{Epoch, Network, SecretKey};

use crate::Service;

/// A service to be: the text of its configuration file, table by table.
#[derive(Clone, Debug)]
pub struct Setup {
    network: Network,
    builder_api: String,
    tables: String,
}

/// Relays may be asked in the whole slot before, so that no test races the start of its slot.
const RELAY: &str = "first_ms = -12000\nlast_ms = 3900";
/// Headers are served for as long as a configuration may allow.
const CLUSTER: &str = "cutoff_ms = 3900";

impl Setup {
    pub(crate) fn new(network: &Network) -> Self {
        Self { network: network.clone(), builder_api: String::new(), tables: String::new() }
    }

    #[must_use]
    pub fn relay(self, name: &str, relay: &Relay) -> Self {
        self.relay_with(name, relay, RELAY)
    }

    /// A relay with keys of its own, such as `calls_max = 1`.
    #[must_use]
    pub fn relay_with(mut self, name: &str, relay: &Relay, keys: &str) -> Self {
        self.line(&format!("[[relays]]\nname = \"{name}\"\nurl = \"{}\"\n{keys}", relay.url()));
        self
    }

    #[must_use]
    pub fn cluster(self, name: &str, relays: &[&str], validators: &[SecretKey]) -> Self {
        self.cluster_with(name, relays, validators, CLUSTER)
    }

    /// A cluster with keys of its own, such as `min_bid_eth = "0.05"`.
    #[must_use]
    pub fn cluster_with(mut self, name: &str, relays: &[&str], validators: &[SecretKey], keys: &str) -> Self {
        let validators: Vec<_> = validators.iter().map(|key| key.public_key().to_string()).collect();
        self.line(&format!(
            "[[clusters]]\nname = \"{name}\"\nrelays = {relays:?}\nvalidators = {validators:?}\n{keys}"
        ));
        self
    }

    /// A further key of the Builder API's own section, such as `head_timeout_ms = 300`.
    #[must_use]
    pub fn builder_api(mut self, key: &str) -> Self {
        self.builder_api.push_str(key);
        self.builder_api.push('\n');
        self
    }

    /// A beacon node to follow.
    #[must_use]
    pub fn beacon_node(mut self, url: &str) -> Self {
        self.line(&format!("[[beacon_nodes]]\nurl = \"{url}\""));
        self
    }

    fn line(&mut self, line: &str) {
        self.tables.push_str(line);
        self.tables.push('\n');
    }

    /// The configuration file.
    pub fn toml(&self) -> String {
        let Self { network, builder_api, tables } = self;
        let network = network_table(network);
        format!("{network}\n[builder_api]\nlisten = \"127.0.0.1:0\"\n{builder_api}\n{tables}")
    }

    /// Starts the service and serves.
    pub async fn start(&self) -> Service {
        let config = Config::parse(&self.toml(), Path::new("test.toml")).expect("the configuration is valid");
        let app = App::start(config, clock::SYSTEM).await.expect("the service starts");
        Service::run(app, self.network.clone())
    }
}

fn network_table(network: &Network) -> String {
    if Network::preset(&network.name).is_some() {
        return format!("[network]\nname = \"{}\"\n", network.name);
    }
    let schedule = &network.schedule;
    let forks = schedule.forks().iter().filter(|fork| fork.epoch.0 != u64::MAX);
    let forks: Vec<_> = forks
        .map(|fork| {
            let (name, epoch, version) = (&fork.name, fork.epoch, u32::from_be_bytes(fork.version));
            format!("{{ name = \"{name}\", epoch = {epoch}, version = \"0x{version:08x}\" }}")
        })
        .collect();
    let mut table = format!("[network]\nname = \"{}\"\n", network.name);
    let mut line = |key: &str, value: String| writeln!(table, "{key} = {value}").expect("a string takes all");
    line("genesis_time_ms", network.genesis_time_ms.0.to_string());
    line("slot_duration_ms", network.slot_duration_ms.to_string());
    line("slots_per_epoch", network.slots_per_epoch.to_string());
    line("genesis_fork_version", format!("\"0x{:08x}\"", u32::from_be_bytes(schedule.genesis_version())));
    line("genesis_validators_root", format!("\"{}\"", network.genesis_validators_root));
    line("forks", format!("[{}]", forks.join(", ")));
    line("blob_limits", format!("[{{ epoch = 0, max_blobs = {} }}]", schedule.max_blobs(Epoch(0))));
    table
}
