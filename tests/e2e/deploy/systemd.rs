//! The systemd units.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::{commands, deploy, output, text};

const UNITS: [&str; 2] = ["headstart.service", "headstart-agent.service"];

/// systemd-analyze's exposure, in tenths: 0 is nothing, 100 everything.
const EXPOSURE_MAX: u32 = 15;

fn values(unit: &str, key: &str) -> Vec<String> {
    let file = text(&format!("systemd/{unit}"));
    let lines = file.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

/// The units, with a program that is there on every machine.
fn runnable() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for unit in UNITS {
        let unit_text = text(&format!("systemd/{unit}")).replace("/usr/bin/headstart", "/bin/true");
        fs::write(folder.path().join(unit), unit_text).expect("the folder is ours");
    }
    folder
}

#[test]
fn the_service_starts_as_the_binary_understands_it() {
    let started = values("headstart.service", "ExecStart");
    let arguments: Vec<_> = started[0].split(' ').skip(1).collect();
    commands::assert_understood(&arguments);
    assert_eq!(values("headstart.service", "Type"), ["notify"]);
    assert_eq!(values("headstart.service", "WatchdogSec"), ["30"]);
}

#[test]
fn the_service_is_given_the_secrets_that_its_configuration_names() {
    let configuration = text("config/scale-out.toml");
    let named = configuration.lines().filter_map(|line| line.split("\"/run/secrets/").nth(1));
    let mut named: Vec<_> = named.filter_map(|rest| rest.split('"').next()).collect();
    named.sort_unstable();
    let loaded = values("headstart.service", "LoadCredential");
    let mut loaded: Vec<_> = loaded.iter().filter_map(|credential| credential.split(':').next()).collect();
    loaded.sort_unstable();
    assert_eq!(loaded, named);
}

#[test]
fn the_agent_finds_every_variable_in_its_environment() {
    let environment = text("systemd/agent.env");
    let started = &values("headstart-agent.service", "ExecStart")[0];
    for variable in ["BEACON_NODE", "CLUSTER_API", "CLUSTER", "OPERATOR", "AGENT_OPTIONS"] {
        assert!(started.contains(variable), "{variable} is not used");
        assert!(environment.contains(&format!("\n{variable}=")), "{variable} is not given");
    }
}

#[test]
#[ignore = "needs systemd-analyze: run `tests/run deploy`"]
fn systemd_understands_every_line() {
    let folder = runnable();
    for unit in UNITS {
        let mut command = Command::new("systemd-analyze");
        let ended =
            command.args(["verify", "--man=no"]).arg(folder.path().join(unit)).output().expect("it starts");
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        // It tells of other units of the machine too.
        let ours: Vec<_> = told.lines().filter(|line| line.contains("headstart")).collect();
        assert!(ours.is_empty(), "{ours:?}");
    }
}

#[test]
#[ignore = "needs systemd-analyze: run `tests/run deploy`"]
fn little_of_the_machine_is_exposed_to_them() {
    let folder = runnable();
    for unit in UNITS {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", &format!("--threshold={EXPOSURE_MAX}")]);
        output(command.arg(folder.path().join(unit)));
    }
}

/// Idle priority is `sched_setscheduler`, which the service's threads call.
#[test]
#[ignore = "needs systemd-analyze: run `tests/run deploy`"]
fn the_service_may_give_its_threads_idle_priority() {
    assert_eq!(values("headstart.service", "SystemCallFilter"), ["@system-service", "~@privileged"]);
    let calls =
        |group: &str| output(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", group]));
    assert!(calls("@system-service").contains("@resources"));
    assert!(calls("@resources").contains("sched_setscheduler"));
    assert!(!calls("@privileged").contains("@resources"));
}

#[test]
fn the_user_of_the_service_is_made_at_installation() {
    let user = values("headstart.service", "User").remove(0);
    let file = fs::read_to_string(deploy().join("systemd/headstart.sysusers")).unwrap();
    assert!(file.contains(&format!("\nu {user} ")));
}
