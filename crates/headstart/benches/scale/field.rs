use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use headstart::clock::SYSTEM;
use headstart_devnet::{Relay, RelayConfig, sign_registration};
use headstart_registry::{Actor, ClaimLevel, ClaimRow, PolicyRow, QuotaRow, Registry};
use headstart_types::{Address, ExecutionAddress, ForkName, Network, SecretKey, SignedValidatorRegistration};
use tempfile::TempDir;

pub(crate) const CLUSTERS: usize = 50;
pub(crate) const RELAYS: usize = 5;
const SLOT_MS: u64 = 1_000;

/// Clusters with their validators in a database, and the relays that they trust.
pub(crate) struct Field {
    folder: TempDir,
    network: Network,
    relays: Vec<Relay>,
    registrations: Vec<SignedValidatorRegistration>,
}

impl Field {
    pub(crate) async fn new(validators: usize) -> Self {
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), -60_000);
        let mut relays = Vec::new();
        for number in 0..RELAYS as u64 {
            relays.push(Relay::spawn(RelayConfig::by_hand(&network, SYSTEM, number)).await.unwrap());
        }
        let registrations = signed(&network, validators);
        let field = Self { folder: tempfile::tempdir().unwrap(), network, relays, registrations };
        field.claim().await;
        field
    }

    /// Each cluster trusts two of the relays, so every relay has two fifths of the validators.
    async fn claim(&self) {
        let (registry, actor) = (Registry::connect(&self.database()).unwrap(), Actor::cli("bench"));
        registry.migrate().await.unwrap();
        let size = self.registrations.len().div_ceil(CLUSTERS);
        for (number, validators) in self.registrations.chunks(size).enumerate() {
            let name = format!("cluster-{number}");
            let relays = [number % RELAYS, (number + 1) % RELAYS].map(|relay| format!("relay-{relay}"));
            let policy = PolicyRow { relays: Some(relays.to_vec()), ..PolicyRow::default() };
            let quotas = QuotaRow { signature_checks_per_s: Some(1_000_000), ..QuotaRow::default() };
            registry.add_cluster(&actor, SYSTEM.now(), &name, &policy, &quotas).await.unwrap();
            let claim = |signed: &SignedValidatorRegistration| {
                ClaimRow::new(signed.message.pubkey, ClaimLevel::Proven, SYSTEM.now()).unwrap()
            };
            let claims: Vec<_> = validators.iter().map(claim).collect();
            registry.add_claims(&actor, SYSTEM.now(), &name, &claims, u32::MAX).await.unwrap();
        }
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("headstart.db").display())
    }

    pub(crate) fn registrations(&self) -> &[SignedValidatorRegistration] {
        &self.registrations
    }

    /// Calls of each relay, and registrations that all of them received.
    pub(crate) fn seen(&self) -> (Vec<u64>, u64) {
        let seen: Vec<_> = self.relays.iter().map(Relay::seen).collect();
        let received = seen.iter().map(|seen| seen.registrations_received).sum();
        (seen.iter().map(|seen| seen.registrations.total()).collect(), received)
    }

    /// Waits until no relay has been called for `quiet`; when the last call was.
    pub(crate) async fn until_quiet(&self, quiet: Duration) -> Instant {
        let (mut calls, mut last) = (self.seen().0, Instant::now());
        while last.elapsed() < quiet {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let now = self.seen().0;
            if now != calls {
                (calls, last) = (now, Instant::now());
            }
        }
        last
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.write("headstart.toml", &self.database())
    }

    /// The same without any cluster.
    pub(crate) fn empty_config(&self) -> PathBuf {
        let database = self.folder.path().join("empty.db");
        self.write("empty.toml", &format!("sqlite:{}", database.display()))
    }

    fn write(&self, name: &str, database: &str) -> PathBuf {
        let mut text = format!(
            "[log]\nformat = \"json\"\n[registry]\nurl = \"{database}\"\nsnapshot = \"\"\n\
             [builder_api]\nlisten = \"127.0.0.1:0\"\n[cluster_api]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
            network_section(&self.network)
        );
        for (number, relay) in self.relays.iter().enumerate() {
            writeln!(text, "[[relays]]\nname = \"relay-{number}\"\nurl = \"{}\"", relay.url()).unwrap();
        }
        write_file(&self.folder.path().join(name), &text)
    }
}

fn write_file(file: &Path, text: &str) -> PathBuf {
    std::fs::write(file, text).unwrap();
    file.to_owned()
}

fn network_section(network: &Network) -> String {
    let schedule = &network.schedule;
    let forks: Vec<_> = schedule
        .forks()
        .iter()
        .filter(|fork| fork.epoch.0 != u64::MAX)
        .map(|fork| {
            let version = u32::from_be_bytes(fork.version);
            format!("{{ name = \"{}\", epoch = {}, version = \"0x{version:08x}\" }}", fork.name, fork.epoch)
        })
        .collect();
    format!(
        "[network]\nname = \"bench\"\ngenesis_time_ms = {}\nslot_duration_ms = {SLOT_MS}\nslots_per_epoch = 32\n\
         genesis_fork_version = \"0x{:08x}\"\ngenesis_validators_root = \"{}\"\nforks = [{}]\n\
         blob_limits = [{{ epoch = 0, max_blobs = 9 }}]\n",
        network.genesis_time_ms.0,
        u32::from_be_bytes(schedule.genesis_version()),
        network.genesis_validators_root,
        forks.join(", ")
    )
}

/// Signing takes half a millisecond each, so every core signs.
fn signed(network: &Network, validators: usize) -> Vec<SignedValidatorRegistration> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let timestamp = SYSTEM.now().seconds() - 60;
    let numbers: Vec<usize> = (0..validators).collect();
    thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(validators.div_ceil(threads).max(1))
            .map(|part| {
                scope.spawn(move || part.iter().map(|number| sign(network, *number, timestamp)).collect())
            })
            .collect();
        parts.into_iter().flat_map(|part| -> Vec<_> { part.join().unwrap() }).collect()
    })
}

fn sign(network: &Network, number: usize, timestamp: u64) -> SignedValidatorRegistration {
    let mut seed = [0x5c; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let key = SecretKey::from_seed(&seed).unwrap();
    let fee_recipient = ExecutionAddress(Address::repeat_byte(0xfe));
    sign_registration(network, &key, fee_recipient, 36_000_000, timestamp)
}
