use std::process::ExitCode;

use crate::commands;
use crate::config::EXAMPLE;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    commands::print(EXAMPLE)?;
    Ok(ExitCode::SUCCESS)
}
