use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{App, Config, clock, shutdown, telemetry};

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    let _log = telemetry::init(&config.log);
    let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
    runtime.block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let app = App::start(config, clock::SYSTEM).await?;
    let signals = tokio::spawn(shutdown::on_signal(stop.clone()));
    app.run(stop).await;
    signals.abort();
    Ok(())
}
