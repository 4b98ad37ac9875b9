use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Deserialize;

use super::FAILURE;
use crate::config::Admin;
use crate::{Config, commands};

#[derive(Debug, Args)]
#[command(after_help = "Example: headstart ready --config headstart.toml")]
pub(crate) struct Ready {
    /// The configuration file that the service runs with.
    #[arg(long, value_name = "FILE", default_value = "headstart.toml")]
    config: PathBuf,
}

/// A service that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(2);
/// Far more than it has to say.
const REPLY_BYTES_MAX: u64 = 64 << 10;

/// What `/readyz` answers, as far as it is told on.
#[derive(Deserialize)]
struct Told {
    status: String,
    checks: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    check: String,
    status: String,
    seen: String,
}

impl Ready {
    /// The exit status is 0 when requests may be sent to the service.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let addr = address(&Config::read(&self.config)?.admin)?;
        let (is_ready, told) = ask(addr).with_context(|| format!("ask http://{addr}/readyz"))?;
        if is_ready {
            commands::print(&told)?;
            return Ok(ExitCode::SUCCESS);
        }
        commands::tell(&told);
        Ok(ExitCode::from(FAILURE))
    }
}

/// Where this machine reaches the admin listener.
fn address(admin: &Admin) -> anyhow::Result<SocketAddr> {
    ensure!(admin.enabled, "ask whether the service is ready: admin.enabled is false, so that nobody tells");
    ensure!(admin.listen.port() != 0, "ask whether the service is ready: admin.listen takes any free port");
    let mut addr = admin.listen;
    if addr.ip().is_unspecified() {
        addr.set_ip(if addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Ok(addr)
}

/// Whether it is ready, and the line that says so and what is not as it should be.
fn ask(addr: SocketAddr) -> anyhow::Result<(bool, String)> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: headstart\r\nConnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.take(REPLY_BYTES_MAX).read_to_string(&mut reply)?;
    let Some((head, body)) = reply.split_once("\r\n\r\n") else { bail!("the answer is no HTTP") };
    let is_ready = head.starts_with("HTTP/1.1 200 ");
    let told: Told = serde_json::from_str(body).context("the answer is not that of this service")?;
    Ok((is_ready, line(&told)))
}

fn line(told: &Told) -> String {
    let faults = told.checks.iter().filter(|check| check.status != "ok");
    let faults: Vec<_> = faults.map(|Finding { check, seen, .. }| format!("{check}: {seen}")).collect();
    let colon = if faults.is_empty() { "" } else { ": " };
    format!("{}{colon}{}\n", told.status, faults.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listen: &str) -> anyhow::Result<String> {
        let admin = Admin { listen: listen.parse().unwrap(), ..Admin::default() };
        address(&admin).map(|addr| addr.to_string())
    }

    #[test]
    fn a_listener_at_every_address_is_asked_at_this_machine() {
        assert_eq!(at("0.0.0.0:18570").unwrap(), "127.0.0.1:18570");
        assert_eq!(at("[::]:18570").unwrap(), "[::1]:18570");
        assert_eq!(at("10.0.0.5:18570").unwrap(), "10.0.0.5:18570");
    }

    #[test]
    fn a_service_that_tells_nobody_cannot_be_asked() {
        assert!(at("127.0.0.1:0").is_err());
        assert!(address(&Admin { enabled: false, ..Admin::default() }).is_err());
    }
}
