use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};

use headstart::{App, Config, clock};
use headstart_devnet::Relay;
use headstart_types::{Epoch, Network, SecretKey};

use crate::{Folder, Service};

/// A service to be: the text of its configuration file, table by table.
#[derive(Clone, Debug)]
pub struct Setup {
    network: Network,
    top: String,
    registry: String,
    builder_api: String,
    cluster_api: String,
    admin: String,
    cluster_api_addr: SocketAddr,
    tables: String,
}

/// Relays may be asked in the whole slot before, so that no test races the start of its slot.
const RELAY: &str = "first_ms = -12000\nlast_ms = 3900";
/// Headers are served for as long as a configuration may allow.
const CLUSTER: &str = "cutoff_ms = 3900";

impl Setup {
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            network: network.clone(),
            top: String::new(),
            registry: String::new(),
            builder_api: String::new(),
            cluster_api: String::new(),
            admin: String::new(),
            cluster_api_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tables: String::new(),
        }
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

    /// A further key of the section of the clusters' door, such as `workers = 1`.
    #[must_use]
    pub fn cluster_api(mut self, key: &str) -> Self {
        self.cluster_api.push_str(key);
        self.cluster_api.push('\n');
        self
    }

    /// A further key of the section of the admin address, such as `drain_min_ms = 300`.
    #[must_use]
    pub fn admin(mut self, key: &str) -> Self {
        self.admin.push_str(key);
        self.admin.push('\n');
        self
    }

    /// The clusters' door at this address, so that whoever comes back finds it again.
    #[must_use]
    pub fn cluster_api_at(mut self, addr: SocketAddr) -> Self {
        self.cluster_api_addr = addr;
        self
    }

    /// A database other than the file beside the configuration.
    #[must_use]
    pub fn registry(mut self, url: &str) -> Self {
        self.registry = format!("url = \"{url}\"");
        self
    }

    /// The process does only this, such as `["fetcher"]`; a process of its own then tells its log in JSON.
    #[must_use]
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.top = format!("roles = {roles:?}");
        self
    }

    /// Shares its bids through this server.
    #[must_use]
    pub fn redis(self, url: &str) -> Self {
        self.redis_with(url, "")
    }

    /// The same with keys of its own, such as `write_version = "previous"`.
    #[must_use]
    pub fn redis_with(mut self, url: &str, keys: &str) -> Self {
        self.line(&format!("[redis]\nurl = \"{url}\"\n{keys}"));
        self
    }

    /// A section or a table as it stands in the file.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.line(text);
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
        let Self { network, top, registry, builder_api, cluster_api, cluster_api_addr, admin, tables } = self;
        let network = network_table(network);
        format!(
            "{top}\n{network}\n[registry]\n{registry}\n[builder_api]\nlisten = \"127.0.0.1:0\"\n{builder_api}\n[cluster_api]\nlisten = \"{cluster_api_addr}\"\n{cluster_api}\n[admin]\nlisten = \"127.0.0.1:0\"\n{admin}\n{tables}"
        )
    }

    /// The same, with the database that this run of the tests gives to whoever starts in that folder.
    pub fn toml_in(&self, folder: &Folder) -> String {
        match folder.database() {
            Some(database) if self.registry.is_empty() => self.clone().registry(&database.url()).toml(),
            _ => self.toml(),
        }
    }

    /// Starts the service and serves, with a registry of its own.
    pub async fn start(&self) -> Service {
        self.start_in(Folder::default()).await
    }

    /// Starts the service with what another one left in this folder.
    pub async fn start_in(&self, folder: Folder) -> Service {
        let app = self.try_start_in(&folder).await.expect("the service starts");
        Service::run(app, self.network.clone(), folder)
    }

    /// The same, or why it does not start.
    pub async fn try_start_in(&self, folder: &Folder) -> Result<App, String> {
        let file = folder.path().join("headstart.toml");
        let config = Config::parse(&self.toml_in(folder), &file).expect("the configuration is valid");
        App::start(config, clock::SYSTEM).await.map_err(|error| format!("{error:#}"))
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
    line("attestation_due_bps", network.attestation_due.bps.to_string());
    line("attestation_due_bps_gloas", network.attestation_due.gloas_bps.to_string());
    line("genesis_fork_version", format!("\"0x{:08x}\"", u32::from_be_bytes(schedule.genesis_version())));
    line("genesis_validators_root", format!("\"{}\"", network.genesis_validators_root));
    line("forks", format!("[{}]", forks.join(", ")));
    line("blob_limits", format!("[{{ epoch = 0, max_blobs = {} }}]", schedule.max_blobs(Epoch(0))));
    table
}
