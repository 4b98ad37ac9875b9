//! What must be right for the service to be of use: one file for each thing that is looked at, at the start, by `headstart
//! doctor`, and by whoever asks the running process for its health.

mod beacon_nodes;
pub(crate) mod clock;
mod configuration;
mod database;
mod descriptors;
mod directory;
mod finding;
mod ports;
mod private_files;
mod redis;
mod relays;
mod snapshot;
mod watch;

use headstart_fetcher::relay_client;
use headstart_registry::Directory;
use headstart_relay::Relay;
use headstart_types::Clock;

pub(crate) use finding::{Finding, Verdict};
pub(crate) use watch::watch;

use crate::{Config, network};

/// Everything that `headstart doctor` looks at, whether the service runs or not. Nothing is changed.
pub(crate) async fn all(config: &Config, clock: Clock) -> anyhow::Result<Vec<Finding>> {
    let mut findings = configuration::check(config);
    let (database, rows) = database::check(config, clock).await;
    let (known, directory) = directory::check(config, rows)?;
    findings.extend([database, known]);
    let (nodes, relays) = (network::beacon_nodes(config)?, relays_of(&directory, clock));
    let (nodes_seen, redis_seen, relays_seen, offset) = tokio::join!(
        beacon_nodes::check(config, &nodes),
        redis::check(config),
        relays::check(&relays),
        clock::measure(&relays, &nodes, clock),
    );
    findings.extend(nodes_seen.into_iter().chain(redis_seen));
    findings.extend(relays_seen.into_iter().map(|(_, finding)| finding));
    findings.push(clock::judge(offset));
    findings.push(descriptors::check(config));
    findings.extend(ports::check(config));
    findings.extend(private_files::check(config));
    findings.extend(snapshot::check(config, clock.now()));
    Ok(findings)
}

/// A relay that no client can be made for is told of when the directory is read.
fn relays_of(directory: &Directory, clock: Clock) -> Vec<Relay> {
    directory.relays().iter().filter_map(|entry| relay_client(entry, clock).ok()).collect()
}
