use std::process::ExitCode;

use clap::Parser;
use headstart::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
