use std::io::IsTerminal;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// Sends log lines to standard error, in the format and from the level that the configuration names.
///
/// A thread of its own writes them, so that a reader who stands still never holds up an answer; when a hundred thousand
/// lines wait, further ones are dropped. Dropping the guard writes what waits.
#[must_use = "without the guard the last lines are lost"]
pub(crate) fn init(log: &Log) -> WorkerGuard {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let (writer, guard) = NonBlocking::new(std::io::stderr());
    let lines = fmt().with_env_filter(filter).with_writer(writer).with_target(false).with_ansi(colours);
    // A second initialisation, as in a test that starts several services, changes nothing.
    let _ = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Pretty => lines.try_init(),
    };
    guard
}
