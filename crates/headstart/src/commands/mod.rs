use std::io::Write;
use std::process::ExitCode;

pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod beacon_node;
pub(crate) mod bench;
pub(crate) mod check_config;
pub(crate) mod config_example;
pub(crate) mod demo;
mod desk;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod migrate;
mod moment;
pub(crate) mod operator;
mod policy_args;
pub(crate) mod ready;
pub(crate) mod relay;
mod remedy;
pub(crate) mod serve;
mod standing;
pub(crate) mod table;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod validators;

/// Exit status of a command that could not do its work; 64 (`EX_USAGE`) is for a configuration that cannot be used.
const FAILURE: u8 = 1;
const BAD_CONFIG: u8 = 64;

/// Prints what went wrong, each cause once, and gives the exit status for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut text = String::from("headstart: failed to ");
    text.push_str(&error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "));
    if let Some(remedy) = remedy::of(error) {
        text.push_str("; ");
        text.push_str(remedy);
    }
    text.push('\n');
    tell(&text);
    let code = if error.is::<crate::config::Error>() { BAD_CONFIG } else { FAILURE };
    ExitCode::from(code)
}

/// Prints beside the result, to standard error.
pub(crate) fn tell(text: &str) {
    // There is nobody left to tell when standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints to standard output; a reader that has hung up ends the command quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
