use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    self, agent, audit, beacon_node, bench, doctor, explain, migrate, operator, ready, relay, tenant, token,
    validators,
};
use crate::config::Role;
use crate::demo;

/// Answers beacon nodes from prefetched, verified bids, and reveals the blocks that they sign.
#[derive(Debug, Parser)]
#[command(name = "headstart", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the clusters of a configuration file and its registry until SIGTERM or Ctrl-C.
    #[command(after_help = "Examples:
  headstart serve --config headstart.toml
  headstart serve --config headstart.toml --roles builder-api,fetcher")]
    Serve(Serve),
    /// Run the whole thing in this process: simulated relays, builders, a beacon node and three clusters.
    #[command(after_help = "Example: headstart demo --slots 30 --speed 4 --seed 7")]
    Demo(demo::Options),
    /// Measure the service beside simulated neighbours.
    Bench(bench::Bench),
    /// Look at everything that the service needs, and say what is wrong and what to do about it.
    Doctor(doctor::Doctor),
    /// Ask the running service whether requests may be sent to it, for supervisors that run a command.
    Ready(ready::Ready),
    /// Read a configuration file and say what is wrong with it, or what it amounts to.
    #[command(after_help = "Example: headstart check-config headstart.toml")]
    CheckConfig {
        /// The file to read.
        #[arg(default_value = "headstart.toml")]
        file: PathBuf,
    },
    /// Work with configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Add, show, change and suspend clusters.
    Tenant(tenant::Tenant),
    /// Add and revoke the keys that operators sign their tokens with.
    Operator(operator::Operator),
    /// Issue and revoke tokens for operators without a key.
    Token(token::Token),
    /// Add beacon nodes, rotate and revoke their secrets, and grant them clusters.
    BeaconNode(beacon_node::BeaconNode),
    /// Add, show and remove relays.
    Relay(relay::Relay),
    /// Import, show and claim validators, and change what one of them gets.
    Validators(validators::Validators),
    /// Say why a validator is served as it is (every claim, every value, and where it comes from), or why an auction went
    /// as it did.
    #[command(after_help = "Examples:
  headstart explain 0x8f2b… --cluster acme
  headstart explain slot 13165563 --cluster acme")]
    Explain(explain::Explain),
    /// Push hints for a cluster, beside the cluster's own beacon node.
    #[command(after_help = "Examples:
  headstart agent --beacon-node http://127.0.0.1:5052 --cluster-api https://headstart.example:18560 \\
    --cluster acme --operator op1 --key-file op1.pem --getheader-offset-ms 170
  headstart agent --beacon-node http://127.0.0.1:5052 --cluster-api http://10.0.0.5:18560 \\
    --cluster acme --operator op1 --token-file /run/secrets/op1.token")]
    Agent(agent::AgentArgs),
    /// Bring the database to this version's form.
    #[command(after_help = "Example: headstart migrate --config headstart.toml")]
    Migrate(migrate::Migrate),
    /// Show who changed what, or check that the record is whole.
    #[command(after_help = "Examples:
  headstart audit --cluster acme --last 20
  headstart audit --verify --json")]
    Audit(audit::Audit),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print an example that names every key, each at its default.
    #[command(after_help = "Example: headstart config example > headstart.toml")]
    Example,
}

#[derive(Debug, Args)]
struct Serve {
    /// The configuration file, in TOML.
    #[arg(long, value_name = "FILE", default_value = "headstart.toml")]
    config: PathBuf,
    /// What this process does, instead of what the file says: several with commas between them.
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Option<Vec<Role>>,
}

impl Cli {
    /// Runs the command; a failure is printed as one chain of causes.
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Serve(Serve { config, roles }) => commands::serve::run(&config, roles),
            Command::Demo(options) => commands::demo::run(options),
            Command::Bench(bench) => bench.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Ready(ready) => ready.run(),
            Command::CheckConfig { file } => commands::check_config::run(&file),
            Command::Config(ConfigCommand::Example) => commands::config_example::run(),
            Command::Tenant(tenant) => tenant.run(),
            Command::Operator(operator) => operator.run(),
            Command::Token(token) => token.run(),
            Command::BeaconNode(node) => node.run(),
            Command::Relay(relay) => relay.run(),
            Command::Validators(validators) => validators.run(),
            Command::Explain(explain) => explain.run(),
            Command::Agent(agent) => agent.run(),
            Command::Migrate(migrate) => migrate.run(),
            Command::Audit(audit) => audit.run(),
        };
        result.unwrap_or_else(|error| commands::report(&error))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_each_part_of_it_explained() {
        let mut root = Cli::command();
        Cli::command().debug_assert();
        root.build();
        let mut waiting: Vec<_> =
            root.get_subcommands().filter(|command| command.get_name() != "help").collect();
        while let Some(command) = waiting.pop() {
            let below: Vec<_> =
                command.get_subcommands().filter(|below| below.get_name() != "help").collect();
            let has_example =
                command.get_after_help().is_some_and(|help| help.to_string().contains("headstart "));
            assert!(has_example || !below.is_empty(), "{} has no example", command.get_name());
            for argument in command.get_arguments() {
                let id = argument.get_id();
                assert!(argument.get_help().is_some(), "{} {id} is not described", command.get_name());
            }
            waiting.extend(below);
        }
    }
}
