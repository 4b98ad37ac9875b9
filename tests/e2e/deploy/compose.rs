//! The compose files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{PORTS, ROLES, commands, deploy, output, parse, strings, text, yaml};

const FILES: [&str; 2] = ["all-in-one.yaml", "scale-out.yaml"];

fn compose(file: &str) -> Value {
    yaml(&text(&format!("compose/{file}"))).remove(0)
}

fn services(file: &str) -> BTreeMap<String, Value> {
    let services = compose(file)["services"].as_object().expect("services are a map").clone();
    services.into_iter().collect()
}

/// The services that run our own image.
fn ours(file: &str) -> BTreeMap<String, Value> {
    let image = |service: &Value| service["image"].as_str().is_some_and(|image| image.contains("headstart:"));
    services(file).into_iter().filter(|(_, service)| image(service)).collect()
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_a_service_mounts_joins_and_waits_for_is_there() {
    for file in FILES {
        let whole = compose(file);
        for (name, service) in services(file) {
            for mount in strings(&service["volumes"]) {
                let source = mount.split(':').next().unwrap_or_default();
                let there = if source.starts_with('.') {
                    deploy().join("compose").join(source).is_file() && mount.ends_with(":ro")
                } else {
                    names(&whole["volumes"]).contains(source)
                };
                assert!(there, "{file}, {name}: {mount}");
            }
            let waits = &service["depends_on"];
            let waits = strings(waits).into_iter().chain(names(waits));
            let named = [
                ("networks", strings(&service["networks"])),
                ("secrets", strings(&service["secrets"])),
                ("services", waits.collect()),
            ];
            for (kind, used) in named {
                let unknown: Vec<_> =
                    used.iter().filter(|used| !names(&whole[kind]).contains(*used)).collect();
                assert!(unknown.is_empty(), "{file}, {name}: no {kind} {unknown:?}");
            }
            if let Some(build) = service["build"].as_object() {
                let context = build["context"].as_str().expect("a folder");
                let dockerfile = build["dockerfile"].as_str().expect("a file");
                assert!(deploy().join("compose").join(context).join(dockerfile).is_file(), "{file}, {name}");
            }
        }
    }
}

#[test]
fn only_this_machine_reaches_what_is_published() {
    for file in FILES {
        for (name, service) in services(file) {
            for port in strings(&service["ports"]) {
                let parts: Vec<_> = port.split(':').collect();
                let [host, outside, inside] = parts[..] else { panic!("{file}, {name}: {port}") };
                assert_eq!((host, outside), ("127.0.0.1", inside), "{file}, {name}");
                assert!(PORTS.contains(&inside.parse().expect("a number")), "{file}, {name}: {port}");
            }
        }
    }
}

#[test]
fn every_process_is_confined_and_has_time_to_drain() {
    for (name, service) in FILES.into_iter().flat_map(ours) {
        assert_eq!(service["user"], "65532:65532", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["stop_grace_period"], "60s", "{name}");
    }
}

#[test]
fn the_binary_understands_every_command() {
    for (_, service) in FILES.into_iter().flat_map(ours) {
        commands::assert_understood(&strings(&service["command"]));
    }
}

#[test]
fn every_process_that_serves_is_asked_whether_it_is_ready() {
    for (name, service) in FILES.into_iter().flat_map(ours) {
        let check = &service["healthcheck"];
        if strings(&service["command"])[0] == "serve" {
            let test = strings(&check["test"]);
            assert_eq!(test[..2], ["CMD", "/usr/bin/headstart"], "{name}");
            commands::assert_understood(&test[2..]);
        } else {
            assert_eq!(check["disable"], true, "{name} serves nobody");
        }
    }
}

#[test]
fn every_role_is_there_twice_and_each_process_has_a_state_of_its_own() {
    let mut roles = BTreeMap::new();
    let mut states = BTreeSet::new();
    for (name, service) in ours("scale-out.yaml").into_iter().filter(|(name, _)| name != "migrate") {
        for role in commands::roles(&strings(&service["command"])) {
            assert!(name.starts_with(role), "{name} is a {role}");
            *roles.entry(role.to_owned()).or_insert(0) += 1;
        }
        let mounts = strings(&service["volumes"]);
        let state = mounts.iter().find(|mount| mount.ends_with(":/var/lib/headstart")).expect("a state");
        assert!(states.insert((*state).to_owned()), "{name} shares {state}");
        let after = &service["depends_on"]["migrate"]["condition"];
        assert_eq!(after, "service_completed_successfully", "{name}");
    }
    assert_eq!(roles, ROLES.into_iter().map(|role| (role.to_owned(), 2)).collect());
}

#[test]
fn no_secret_stands_in_them() {
    for file in FILES {
        let text = text(&format!("compose/{file}"));
        assert!(!text.contains("postgres://") && !text.contains("redis://"), "{file}");
        for (name, service) in services(file) {
            for variable in names(&service["environment"]) {
                assert!(!variable.ends_with("PASSWORD"), "{file}, {name}: {variable}");
            }
        }
    }
}

#[test]
fn bids_may_be_evicted_and_provenance_never_is() {
    let policies = |file: &str| {
        let text = text(&format!("compose/{file}"));
        let policy = text.lines().find_map(|line| line.strip_prefix("maxmemory-policy ")).map(str::to_owned);
        assert!(text.lines().any(|line| line.starts_with("maxmemory ")), "{file} has no bound");
        policy.expect("a policy is written")
    };
    assert_eq!(policies("redis.conf"), "volatile-ttl");
    assert_eq!(policies("redis-provenance.conf"), "noeviction");
    let services = services("scale-out.yaml");
    for (name, file) in [("redis", "redis.conf"), ("redis-provenance", "redis-provenance.conf")] {
        let mounts = strings(&services[name]["volumes"]);
        assert!(
            mounts.contains(&format!("./{file}:/etc/redis/redis.conf:ro").as_str()),
            "{name}: {mounts:?}"
        );
    }
}

#[test]
fn the_front_asks_the_processes_that_there_are() {
    let front = text("compose/haproxy.cfg");
    let ours = ours("scale-out.yaml");
    let servers: Vec<Vec<_>> = front
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("server ")?.split(' ').collect()))
        .collect();
    assert_eq!(servers.len(), 4, "two Builder APIs and two cluster APIs");
    for server in servers {
        let (name, port) = server[1].split_once(':').expect("host:port");
        let expected = if name.starts_with("builder-api") { "18550" } else { "18560" };
        assert!(ours.contains_key(name) && port == expected, "{server:?}");
    }
    let checks = front.matches("option httpchk GET /readyz").count();
    assert_eq!((checks, front.matches("check port 18570 inter 5s").count()), (2, 2));
}

#[test]
#[ignore = "needs openssl: run `tests/run deploy`"]
fn the_secrets_are_drawn_once_and_the_configuration_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("make-secrets");
    fs::copy(deploy().join("compose/make-secrets"), &script).unwrap();
    let drawn = || {
        output(&mut Command::new(&script));
        let whole = compose("scale-out.yaml");
        let files = whole["secrets"].as_object().expect("secrets are a map").values();
        let files = files.map(|secret| folder.path().join(secret["file"].as_str().expect("a file")));
        files.map(|file| fs::read_to_string(&file).expect("it was drawn")).collect::<Vec<_>>()
    };
    assert_eq!(drawn(), drawn());
    parse(&text("config/scale-out.toml"), "/run/secrets", &folder.path().join("secrets"));
}
