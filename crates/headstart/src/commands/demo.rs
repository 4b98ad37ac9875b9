use std::process::ExitCode;

use anyhow::Context;

use crate::config::{Log, LogFormat};
use crate::{demo, telemetry};

/// Exit status when a block was lost or a wrong bid served.
const PROMISE_BROKEN: u8 = 2;

pub(crate) fn run(options: demo::Options) -> anyhow::Result<ExitCode> {
    // The table is the demo's output; what goes wrong beside it is still worth a line.
    let _log = telemetry::init(&Log { format: LogFormat::Pretty, level: "error".to_owned() });
    let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
    let tally = runtime.block_on(demo::play(options))?;
    Ok(if tally.promises_kept() { ExitCode::SUCCESS } else { ExitCode::from(PROMISE_BROKEN) })
}
