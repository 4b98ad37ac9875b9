use std::fs;
use std::process::{Command, Output};

use e2e::binary;
use headstart_devnet::{Validator, network};
use headstart_types::{ForkName, Network, SignedValidatorRegistration, UnixMillis};
use serde_json::Value;
use tempfile::TempDir;

pub(super) fn headstart(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary runs")
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An administrator's folder: a configuration file, and whatever commands put beside it.
pub(super) struct Folder(TempDir);

pub(super) const RELAY: &str = "https://0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae@one.example";
pub(super) const OTHER_RELAY: &str = "https://0xa1559ace749633b997cb3fdacffb890aeebdb0f5a3b6aaa7eeeaf1a38af0a8fe88b9e4b1f61f236d2e64d95733327a62@two.example";

/// Ports of its own, a relay and a cluster.
pub(super) const CONFIG: &str = "[log]\nformat = \"json\"\n[builder_api]\nlisten = \"127.0.0.1:0\"\n[cluster_api]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";

impl Folder {
    /// A mainnet configuration with relay `one` and cluster `filed`, which has validator 0.
    pub(super) fn new() -> Self {
        let relay = format!("[[relays]]\nname = \"one\"\nurl = \"{RELAY}\"\n");
        let validator = Validator::new(0).pubkey;
        let cluster =
            format!("[[clusters]]\nname = \"filed\"\nrelays = [\"one\"]\nvalidators = [\"{validator}\"]\n");
        Self::with_config(&format!("{CONFIG}{relay}{cluster}"))
    }

    pub(super) fn with_config(config: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        folder.write("headstart.toml", config);
        folder
    }

    pub(super) fn config(&self) -> String {
        self.path("headstart.toml")
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("the path is text").to_owned()
    }

    /// Writes a file beside the configuration; its path.
    pub(super) fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.0.path().join(name), content).expect("it can be written");
        self.path(name)
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let config = self.config();
        headstart(&[arguments, &["--config", &config]].concat())
    }

    /// What a command that must succeed prints.
    pub(super) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The same with `--json`.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let told = self.text(&[arguments, &["--json"]].concat());
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {told}"))
    }

    /// What a command that must fail complains of.
    pub(super) fn fault(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
        let told = text(&output.stderr);
        assert!(told.starts_with("headstart: failed to "), "{told}");
        told
    }
}

/// A registration for mainnet.
pub(super) fn registration(index: u64, timestamp: u64) -> SignedValidatorRegistration {
    Validator::new(index).registration(&Network::mainnet(), timestamp)
}

/// One for another network.
pub(super) fn stray_registration(index: u64) -> SignedValidatorRegistration {
    let network = network(ForkName::Fulu, 12_000, UnixMillis(1_700_000_000_000), 0);
    Validator::new(index).registration(&network, 1_700_000_000)
}

pub(super) fn pubkey(index: u64) -> String {
    Validator::new(index).pubkey.to_string()
}
