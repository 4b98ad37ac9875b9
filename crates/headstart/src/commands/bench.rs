use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::FAILURE;
use crate::bench::value;
use crate::config::{Log, LogFormat};
use crate::{commands, telemetry};

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure what served bids are worth, beside three other ways to get them, on a simulated network in real time.
    #[command(after_help = "Examples:
  headstart bench value --seed 1..20 --slots 5 --svg value.svg
  headstart bench value --curve bids.csv --offsets 0,170 --relays mixed
  headstart bench value --seed 1..3 --check
  headstart bench value --seed 7 --json | jq '.results[] | select(.strategy == \"headstart\")'

Exit status 1 when headstart served a wrong bid, or no bid in time; with --check also when it missed a goal.")]
    Value(value::Options),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Value(options) = self.command;
        // The report is the output; what goes wrong beside it is still worth a line.
        let _log = telemetry::init(&Log { format: LogFormat::Pretty, level: "error".to_owned() });
        let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
        let (json, check, svg) = (options.json, options.check, options.svg.clone());
        let report = runtime.block_on(value::play(options))?;
        if let Some(file) = svg {
            let shown = file.display();
            std::fs::write(&file, value::svg(&report)).with_context(|| {
                format!("write {shown}, which --svg names: give a file in a folder that is there")
            })?;
        }
        if json {
            let json = serde_json::to_string_pretty(&report).context("write the result as JSON")?;
            commands::print(&format!("{json}\n"))?;
        } else {
            commands::print(&value::text(&report))?;
        }
        let missed = if check { value::missed_goals(&report) } else { Vec::new() };
        for goal in &missed {
            commands::tell(&format!("goal missed: {goal}\n"));
        }
        Ok(if report.promises_kept() && missed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILURE)
        })
    }
}
