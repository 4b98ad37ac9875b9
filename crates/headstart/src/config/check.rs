//! What a configuration must satisfy beyond its syntax.

use tracing_subscriber::EnvFilter;

use super::network::Resolved;
use super::registry::UrlFault;
use super::{Config, Error, Role, check_cluster, check_listeners, check_relay};

pub(super) fn check(config: &Config) -> Result<(), Error> {
    check_log(config)?;
    check_network(config)?;
    check_registry(config)?;
    check_roles(config)?;
    check_numbers(config)?;
    check_listeners::check(config)?;
    check_cluster::check_policy("defaults", &config.defaults)?;
    for (index, relay) in config.relays.iter().enumerate() {
        check_relay::check(&format!("relays[{index}]"), relay, &config.relays[..index])?;
    }
    for (index, cluster) in config.clusters.iter().enumerate() {
        check_cluster::check(&format!("clusters[{index}]"), cluster, config, &config.clusters[..index])?;
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
        Resolved::Incomplete(key) => Err(Error::check(
            format!("network.{key}"),
            "a custom network needs it (and it may not be zero; basis points end at 10000)",
        )),
        Resolved::PresetWithFigures => {
            let fault =
                format!("{name} is a preset; choose another name for a network with figures of its own");
            Err(Error::check("network.name", fault))
        }
    }
}

/// What is apart must be joined: no process of ours calls another.
fn check_roles(config: &Config) -> Result<(), Error> {
    let store = config.redis.store(&config.directory).map_err(|(key, fault)| Error::check(key, fault))?;
    if config.roles.0.is_empty() {
        let all = Role::ALL.map(Role::as_str).join(", ");
        return Err(Error::check(
            "roles",
            format!("a process without any does nothing; write some of {all}"),
        ));
    }
    if let Some(lacking) = Role::ALL.into_iter().find(|role| !config.has_role(*role) && store.is_none())
        // A cluster API that is switched off is a decision, and nobody else need run it.
        && lacking != Role::ClusterApi
    {
        let fault = format!(
            "{} is left to another process, and redis.url, through which the two would meet, is not written",
            lacking.as_str()
        );
        return Err(Error::check("roles", fault));
    }
    Ok(())
}

fn check_registry(config: &Config) -> Result<(), Error> {
    let registry = &config.registry;
    if registry.url.is_some() && registry.url_file.is_some() {
        return Err(Error::check("registry.url_file", "registry.url is there too; leave one of them out"));
    }
    let key = if registry.url_file.is_some() { "registry.url_file" } else { "registry.url" };
    let fault = |fault: UrlFault| Error::check(key, fault.to_string());
    registry.database_url(&config.directory).map(drop).map_err(fault)
}

fn check_numbers(config: &Config) -> Result<(), Error> {
    let (api, quotas) = (&config.builder_api, &config.quotas);
    let positive = [
        ("builder_api.head_timeout_ms", api.head_timeout_ms),
        ("builder_api.body_timeout_ms", api.body_timeout_ms),
        ("builder_api.idle_timeout_ms", api.idle_timeout_ms),
        ("builder_api.drain_timeout_ms", api.drain_timeout_ms),
        ("builder_api.connections_max", api.connections_max as u64),
        ("builder_api.body_bytes_max", api.body_bytes_max as u64),
        ("cluster_api.workers", config.cluster_api.workers as u64),
        ("fetcher.lead_ms", u64::from(config.fetcher.lead_ms)),
        ("quotas.hints_per_s", u64::from(quotas.hints_per_s)),
        ("quotas.signature_checks_per_s", u64::from(quotas.signature_checks_per_s)),
        ("quotas.upstream_asks_per_slot", u64::from(quotas.upstream_asks_per_slot)),
        ("quotas.streams", u64::from(quotas.streams)),
        ("quotas.validators", u64::from(quotas.validators)),
    ];
    if config.admin.drain_min_ms > api.drain_timeout_ms {
        let fault = "it is more than builder_api.drain_timeout_ms, which is the most; make one of them smaller or larger";
        return Err(Error::check("admin.drain_min_ms", fault));
    }
    if config.fetcher.compared_percent > 100 {
        return Err(Error::check("fetcher.compared_percent", "it is more than 100; write 0 to 100"));
    }
    match positive.into_iter().find(|(_, value)| *value == 0) {
        Some((key, _)) => Err(Error::check(key, "it is 0; write a positive number")),
        None => Ok(()),
    }
}
