//! The example configurations.

use std::fs;

use super::{PORTS, deploy, listening, parse, secrets};

fn all() -> Vec<(String, String)> {
    let files = fs::read_dir(deploy().join("config")).expect("deploy/config is there");
    let files = files.map(|entry| entry.expect("the entry is readable").path());
    let mut all: Vec<_> = files
        .map(|file| {
            let name = file.file_name().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&file).expect("it is readable"))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn there_is_one_for_each_shape() {
    let names: Vec<_> = all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["all-in-one-container.toml", "all-in-one.toml", "scale-out.toml"]);
}

#[test]
fn serve_accepts_each_of_them() {
    let secrets = secrets();
    for (_, configuration) in all() {
        parse(&configuration, "/run/secrets", secrets.path());
    }
}

#[test]
fn each_listens_on_the_documented_ports() {
    for (name, configuration) in all() {
        assert_eq!(listening(&configuration), PORTS, "{name}");
    }
}

#[test]
fn one_host_alone_is_open_to_itself_alone() {
    let secrets = secrets();
    for (name, configuration) in all() {
        let warnings = parse(&configuration, "/run/secrets", secrets.path()).warnings();
        if name == "all-in-one.toml" {
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
        }
        let open = warnings.iter().any(|warning| warning.contains("is open beyond"));
        assert!(!open || name == "all-in-one-container.toml", "{name}: {warnings:?}");
    }
}

#[test]
fn several_processes_keep_no_password_in_their_configuration_and_leave_the_schema_alone() {
    let (_, configuration) =
        all().into_iter().find(|(name, _)| name == "scale-out.toml").expect("it is there");
    let written = configuration.lines().filter(|line| line.starts_with("url = "));
    assert!(written.clone().all(|line| line.contains("\"http")), "{:?}", written.collect::<Vec<_>>());
    assert!(configuration.contains("\nmigrate = false"));
}
