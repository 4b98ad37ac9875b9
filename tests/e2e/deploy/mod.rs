//! What is shipped for running headstart: the configurations, the image, the compose files, the units and the chart
//! agree with each other and with the binary.
//!
//! A test that needs a program of somebody else is ignored by default; `tests/run deploy` installs those programs and
//! runs it.

mod chart;
mod commands;
mod compose;
mod configurations;
mod image;
mod systemd;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::binary;
use headstart::Config;
use serde_json::Value;
use tempfile::TempDir;

/// The Builder API, the cluster API and the admin listener, everywhere in `deploy/`.
const PORTS: [u64; 3] = [18550, 18560, 18570];

/// The roles that a process can have.
const ROLES: [&str; 3] = ["builder-api", "fetcher", "cluster-api"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_owned()
}

fn deploy() -> PathBuf {
    root().join("deploy")
}

/// The text of a file of `deploy/`.
fn text(file: &str) -> String {
    fs::read_to_string(deploy().join(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

/// The documents of a YAML file, with aliases and merges resolved.
fn yaml(text: &str) -> Vec<Value> {
    let documents = text.split("\n---").map(|document| {
        let mut value: serde_norway::Value =
            serde_norway::from_str(document).unwrap_or_else(|error| panic!("{error} in:\n{document}"));
        value.apply_merge().expect("what is merged is a map");
        serde_json::to_value(value).expect("its keys are strings")
    });
    documents.filter(|value| !value.is_null()).collect()
}

/// A program that `tests/run deploy` installed, or else the one in the path.
fn tool(name: &str) -> Command {
    let target = binary().parent().and_then(Path::parent).expect("it lies in target/<profile>").to_owned();
    let installed = target.join("deploy-tools/bin").join(name);
    Command::new(if installed.exists() { installed } else { name.into() })
}

/// What a program printed. It must have ended well.
fn output(command: &mut Command) -> String {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    succeeded(&ended)
}

fn succeeded(ended: &Output) -> String {
    let (told, faults) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{told}{faults}");
    told.into_owned()
}

/// A folder with every secret that a configuration may name.
fn secrets() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [
        ("registry-url", "postgres://headstart:word@postgres/headstart\n"),
        ("redis-url", "redis://:word@redis:6379\n"),
        ("redis-provenance-url", "redis://:word@redis-provenance:6379\n"),
        ("redis-shared-key", "0123456789abcdef0123456789abcdef\n"),
        ("signing-key", "not read here\n"),
        ("tls.crt", "not read here\n"),
        ("tls.key", "not read here\n"),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    folder
}

/// Reads a configuration as `serve` does, its secrets taken from `here` instead of `there`.
fn parse(configuration: &str, there: &str, here: &Path) -> Config {
    let moved = configuration.replace(there, here.to_str().expect("the folder's name is text"));
    Config::parse(&moved, Path::new("/etc/headstart/headstart.toml"))
        .unwrap_or_else(|error| panic!("failed to {error} in:\n{configuration}"))
}

/// The ports that a configuration listens on, in the order of its sections.
fn listening(configuration: &str) -> Vec<u64> {
    let addresses = configuration.lines().filter_map(|line| line.strip_prefix("listen = \""));
    let ports = addresses.map(|rest| rest.split('"').next().and_then(|address| address.rsplit(':').next()));
    ports.map(|port| port.and_then(|port| port.parse().ok()).expect("an address ends in a port")).collect()
}

/// The strings of a list; none of what is no list.
fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
