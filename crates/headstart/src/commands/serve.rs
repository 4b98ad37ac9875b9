use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::{Role, Roles};
use crate::{App, Config, Shutdown, clock, shutdown, systemd, telemetry};

pub(crate) fn run(file: &Path, roles: Option<Vec<Role>>) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    let config = match roles {
        Some(roles) => config.with_roles(Roles(roles))?,
        None => config,
    };
    let _log = telemetry::init(&config.log);
    let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
    runtime.block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let signals = tokio::spawn(shutdown::on_signal(shutdown.clone()));
    // Starting may wait for a database and for beacon nodes; whoever gives up need not.
    let starting = App::start(config, clock::SYSTEM);
    let Some(app) = shutdown.token().run_until_cancelled(starting).await else { return Ok(()) };
    let app = app?;
    let systemd = tokio::spawn(systemd::accompany(app.health(), shutdown.clone()));
    let ended = app.run(shutdown).await;
    systemd.abort();
    signals.abort();
    ended
}
