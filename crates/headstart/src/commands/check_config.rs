use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::{Config, commands};

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    for warning in config.warnings() {
        commands::tell(&format!("warning: {warning}\n"));
    }
    commands::print(&summary(file, &config))?;
    Ok(ExitCode::SUCCESS)
}

fn summary(file: &Path, config: &Config) -> String {
    let mut text = format!("{}: fine\n", file.display());
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<13} {value}");
    };
    line("network", &config.network.name);
    line("builder API", &config.builder_api.listen.to_string());
    if let Some(addr) = config.builder_api.open_listen {
        line("open", &addr.to_string());
    }
    let door = &config.cluster_api;
    line("cluster API", &if door.enabled { door.listen.to_string() } else { "off".to_owned() });
    line("beacon nodes", &config.beacon_nodes.len().to_string());
    line("relays", &config.relays.iter().map(|relay| relay.name.as_str()).collect::<Vec<_>>().join(", "));
    for cluster in &config.clusters {
        let validators = cluster.validators.len();
        line(
            "cluster",
            &format!("{}: {validators} validators, relays {}", cluster.name, cluster.relays.join(", ")),
        );
    }
    text
}
