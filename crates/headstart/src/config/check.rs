//! What a configuration must satisfy beyond its syntax.

use std::collections::BTreeSet;

use headstart_auction::CallPolicy;
use headstart_relay::RelayUrl;
use headstart_types::{PublicKey, Wei};
use tracing_subscriber::EnvFilter;

use super::network::Resolved;
use super::{Cluster, Config, Error, Relay};

pub(super) fn check(config: &Config) -> Result<(), Error> {
    check_log(config)?;
    check_network(config)?;
    check_timeouts(config)?;
    for (index, relay) in config.relays.iter().enumerate() {
        check_relay(&format!("relays[{index}]"), relay, &config.relays[..index])?;
    }
    let mut validators = BTreeSet::new();
    for (index, cluster) in config.clusters.iter().enumerate() {
        let key = format!("clusters[{index}]");
        check_cluster(&key, cluster, config, &config.clusters[..index])?;
        for validator in &cluster.validators {
            if !validators.insert(*validator) {
                let fault = format!("validator {validator} is listed twice; a validator has one cluster");
                return Err(Error::check(format!("{key}.validators"), fault));
            }
        }
    }
    Ok(())
}

fn check_log(config: &Config) -> Result<(), Error> {
    EnvFilter::try_new(&config.log.level).map(drop).map_err(|error| {
        Error::check(
            "log.level",
            format!(
                "{error}; write a level such as \"info\", or directives as in \"info,headstart_relay=debug\""
            ),
        )
    })
}

fn check_network(config: &Config) -> Result<(), Error> {
    let name = &config.network.name;
    match config.network.resolve() {
        Resolved::Known(_) => Ok(()),
        Resolved::FromBeaconNode if !config.beacon_nodes.is_empty() => Ok(()),
        Resolved::FromBeaconNode => Err(Error::check(
            "network.name",
            format!(
                "{name:?} is no preset; write mainnet, hoodi, sepolia or holesky, give the figures of a custom network, or add [[beacon_nodes]] to read them from"
            ),
        )),
        Resolved::Incomplete(key) => {
            Err(Error::check(format!("network.{key}"), "a custom network needs it (and it may not be zero)"))
        }
        Resolved::PresetWithFigures => {
            let fault =
                format!("{name} is a preset; choose another name for a network with figures of its own");
            Err(Error::check("network.name", fault))
        }
    }
}

fn check_timeouts(config: &Config) -> Result<(), Error> {
    let api = &config.builder_api;
    let positive = [
        ("builder_api.head_timeout_ms", api.head_timeout_ms),
        ("builder_api.body_timeout_ms", api.body_timeout_ms),
        ("builder_api.idle_timeout_ms", api.idle_timeout_ms),
        ("builder_api.drain_timeout_ms", api.drain_timeout_ms),
        ("builder_api.connections_max", api.connections_max as u64),
        ("builder_api.body_bytes_max", api.body_bytes_max as u64),
        ("fetcher.lead_ms", u64::from(config.fetcher.lead_ms)),
    ];
    match positive.into_iter().find(|(_, value)| *value == 0) {
        Some((key, _)) => Err(Error::check(key, "it is 0; write a positive number")),
        None => Ok(()),
    }
}

fn check_relay(key: &str, relay: &Relay, before: &[Relay]) -> Result<(), Error> {
    if relay.name.is_empty() {
        return Err(Error::check(format!("{key}.name"), "it is empty; give the relay a name"));
    }
    if before.iter().any(|other| other.name == relay.name) {
        return Err(Error::check(format!("{key}.name"), format!("another relay is called {:?}", relay.name)));
    }
    let url: RelayUrl = relay.url.parse().map_err(|error: headstart_relay::Error| {
        Error::check(format!("{key}.url"), format!("failed to {error}"))
    })?;
    let same = |other: &&Relay| other.url.parse().is_ok_and(|other: RelayUrl| other.id() == url.id());
    if let Some(other) = before.iter().find(same) {
        return Err(Error::check(format!("{key}.url"), format!("relay {:?} has the same URL", other.name)));
    }
    let Some(policy) = relay.call_policy() else {
        let presets = CallPolicy::PRESETS.map(|(name, _)| name).join(", ");
        let fault = format!("{:?} is no policy; write one of {presets}", relay.policy);
        return Err(Error::check(format!("{key}.policy"), fault));
    };
    if policy.first_ms >= policy.last_ms {
        return Err(Error::check(format!("{key}.first_ms"), "it must lie before last_ms"));
    }
    if policy.calls_max == 0 || policy.min_gap_ms == 0 {
        return Err(Error::check(key, "calls_max and min_gap_ms must be positive"));
    }
    Ok(())
}

fn check_cluster(key: &str, cluster: &Cluster, config: &Config, before: &[Cluster]) -> Result<(), Error> {
    if cluster.name.is_empty() {
        return Err(Error::check(format!("{key}.name"), "it is empty; give the cluster a name"));
    }
    if before.iter().any(|other| other.name == cluster.name) {
        return Err(Error::check(
            format!("{key}.name"),
            format!("another cluster is called {:?}", cluster.name),
        ));
    }
    if cluster.relays.is_empty() {
        return Err(Error::check(format!("{key}.relays"), "it is empty; name at least one of [[relays]]"));
    }
    for name in &cluster.relays {
        if !config.relays.iter().any(|relay| relay.name == *name) {
            let known = config.relays.iter().map(|relay| relay.name.as_str()).collect::<Vec<_>>().join(", ");
            let fault = format!("there is no relay {name:?} in [[relays]]; known are: {known}");
            return Err(Error::check(format!("{key}.relays"), fault));
        }
    }
    if let Some(invalid) =
        cluster.validators.iter().find(|validator| PublicKey::decompress(validator).is_err())
    {
        let fault = format!("{invalid} is no valid BLS public key; copy it anew");
        return Err(Error::check(format!("{key}.validators"), fault));
    }
    if Wei::parse_eth(&cluster.min_bid_eth).is_err() {
        let fault = format!("{:?} is no amount of ether; write it like \"0.05\"", cluster.min_bid_eth);
        return Err(Error::check(format!("{key}.min_bid_eth"), fault));
    }
    if cluster.cutoff_ms == 0 || cluster.cutoff_ms > 3_900 {
        let fault = "write 1 to 3900: relays reveal no payload after 4 s";
        return Err(Error::check(format!("{key}.cutoff_ms"), fault));
    }
    Ok(())
}
