use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::{Config, commands};

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
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
