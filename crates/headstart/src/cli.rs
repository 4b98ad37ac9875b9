use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{commands, demo};

/// Answers beacon nodes from prefetched, verified bids, and reveals the blocks that they sign.
#[derive(Debug, Parser)]
#[command(name = "headstart", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the clusters of a configuration file until SIGTERM or Ctrl-C.
    #[command(after_help = "Example: headstart serve --config headstart.toml")]
    Serve(ConfigFile),
    /// Run the whole thing in this process: simulated relays, builders, a beacon node and three clusters.
    #[command(after_help = "Example: headstart demo --slots 30 --speed 4 --seed 7")]
    Demo(demo::Options),
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
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print an example that names every key, each at its default.
    #[command(after_help = "Example: headstart config example > headstart.toml")]
    Example,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file, in TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Cli {
    /// Runs the command; a failure is printed as one chain of causes.
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Serve(file) => commands::serve::run(&file.config),
            Command::Demo(options) => commands::demo::run(options),
            Command::CheckConfig { file } => commands::check_config::run(&file),
            Command::Config(ConfigCommand::Example) => commands::config_example::run(),
        };
        result.unwrap_or_else(|error| commands::report(&error))
    }
}
