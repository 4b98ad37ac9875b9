use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::table::{NOTHING, Table};
use super::{BAD_CONFIG, FAILURE};
use crate::checks::{self, Finding, Verdict};
use crate::{Config, clock, commands};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  headstart doctor --config headstart.toml
  headstart doctor --json | jq '.checks[] | select(.status != \"ok\")'")]
pub(crate) struct Doctor {
    /// The configuration file that the service runs with.
    #[arg(long, value_name = "FILE", default_value = "headstart.toml")]
    config: PathBuf,
    /// Print JSON with stable keys.
    #[arg(long)]
    json: bool,
}

/// What is printed for machines.
#[derive(Serialize)]
struct Report<'a> {
    status: Verdict,
    checks: &'a [Finding],
}

impl Doctor {
    /// The exit status tells whether anything fails; warnings are for people.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let config = match Config::read(&self.config) {
            Ok(config) => config,
            Err(error) => {
                let fault = Finding::fail("configuration", format!("failed to {error}"), "correct the file");
                self.print(&[fault])?;
                return Ok(ExitCode::from(BAD_CONFIG));
            }
        };
        let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
        let findings = runtime.block_on(checks::all(&config, clock::SYSTEM))?;
        self.print(&findings)?;
        let fails = worst(&findings) == Verdict::Fail;
        Ok(if fails { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
    }

    fn print(&self, findings: &[Finding]) -> anyhow::Result<()> {
        if self.json {
            let report = Report { status: worst(findings), checks: findings };
            let json = serde_json::to_string_pretty(&report).context("write the result as JSON")?;
            return commands::print(&format!("{json}\n"));
        }
        let mut table = Table::new(["", "check", "seen", "remedy"]);
        for Finding { check, status, seen, remedy } in findings {
            let remedy = remedy.as_deref().unwrap_or(NOTHING);
            table.row([status.as_str(), check, seen, remedy].map(str::to_owned));
        }
        commands::print(&table.to_string())
    }
}

fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.status).max().unwrap_or(Verdict::Ok)
}
