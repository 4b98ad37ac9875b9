use std::fmt::Write;

use headstart::clock::SYSTEM;
use headstart::{App, Config, Shutdown};
use headstart_devnet::{Chain, ChainConfig, Endpoint, Proposer};
use headstart_types::Network;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use crate::field::{CUTOFF_MS, Field, SLOT_MS};

/// Relays may be asked at any time, but an auction whose header has been served soon asks them no more: hundreds go on at
/// the same time, and the cores are for those that somebody waits for.
const ASKS: &str = "first_ms = -12000\nlast_ms = 1900\ncalls_max = 3";

/// The service without a beacon node: every getHeader begins its auction.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    pub(crate) proposer: Proposer,
    _running: AbortOnDropHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Service {
    pub(crate) async fn start(field: &Field) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&text(field), &folder.path().join("headstart.toml")).unwrap();
        let app = App::start(config, SYSTEM).await.unwrap();
        let endpoint = Endpoint::new(&format!("http://{}", app.builder_api_addr().unwrap())).unwrap();
        // The relays' own chain, so that what they promise is what is expected.
        let proposer = Proposer::new(Chain::new(ChainConfig::new(field.network.clone(), SYSTEM, 0)));
        let running = AbortOnDropHandle::new(tokio::spawn(app.run(Shutdown::default())));
        Self { endpoint, proposer, _running: running, _folder: folder }
    }
}

fn text(field: &Field) -> String {
    let mut text = network(&field.network);
    text.push_str(
        "[builder_api]\nlisten = \"127.0.0.1:0\"\n[cluster_api]\nenabled = false\n[admin]\nenabled = false\n",
    );
    writeln!(text, "[defaults]\ncutoff_ms = {CUTOFF_MS}").unwrap();
    for (number, relay) in field.relays.iter().enumerate() {
        let url = relay.relay.url();
        writeln!(text, "[[relays]]\nname = \"relay-{number}\"\nurl = \"{url}\"\n{ASKS}").unwrap();
    }
    for (number, cluster) in field.clusters.iter().enumerate() {
        let relays: Vec<_> = cluster.relays.iter().map(|relay| format!("relay-{relay}")).collect();
        let validators: Vec<_> = cluster.validators.iter().map(ToString::to_string).collect();
        writeln!(
            text,
            "[[clusters]]\nname = \"cluster-{number}\"\nrelays = {relays:?}\nvalidators = {validators:?}"
        )
        .unwrap();
    }
    text
}

fn network(network: &Network) -> String {
    let schedule = &network.schedule;
    let forks = schedule.forks().iter().filter(|fork| fork.epoch.0 != u64::MAX);
    let forks: Vec<_> = forks
        .map(|fork| {
            let (name, epoch, version) = (&fork.name, fork.epoch, u32::from_be_bytes(fork.version));
            format!("{{ name = \"{name}\", epoch = {epoch}, version = \"0x{version:08x}\" }}")
        })
        .collect();
    format!(
        "[network]\nname = \"misses\"\ngenesis_time_ms = {}\nslot_duration_ms = {SLOT_MS}\nslots_per_epoch = 32\n\
         genesis_fork_version = \"0x{:08x}\"\ngenesis_validators_root = \"{}\"\nforks = [{}]\n\
         blob_limits = [{{ epoch = 0, max_blobs = 9 }}]\n",
        network.genesis_time_ms.0,
        u32::from_be_bytes(schedule.genesis_version()),
        network.genesis_validators_root,
        forks.join(", ")
    )
}
