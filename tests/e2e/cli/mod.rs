//! The binary as an operator meets it: commands, exit statuses, signals.

mod credentials;
mod doctor;
mod folder;
mod ready;
mod registry;
mod serving;
mod tenants;
mod validators;

use std::io::Write;

use folder::{Folder, headstart, text};

fn file_with(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(content.as_bytes()).expect("it can be written");
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("the path is text")
}

#[test]
fn the_example_configuration_passes_its_own_check() {
    let example = headstart(&["config", "example"]);
    assert!(example.status.success());
    let file = file_with(&text(&example.stdout));
    let check = headstart(&["check-config", path(&file)]);
    assert!(check.status.success(), "{}", text(&check.stderr));
    assert!(text(&check.stdout).contains("alpha: 1 validators, relays flashbots, ultrasound"));
}

#[test]
fn a_wrong_key_ends_with_64_and_the_nearest_known_key() {
    let file = file_with("[builder_api]\nlisten_adr = \"127.0.0.1:0\"\n");
    for command in [["check-config", path(&file)].as_slice(), &["serve", "--config", path(&file)]] {
        let output = headstart(command);
        assert_eq!(output.status.code(), Some(64));
        let told = text(&output.stderr);
        assert!(told.contains("listen_adr") && told.contains("did you mean `listen`?"), "{told}");
        assert!(told.starts_with("headstart: failed to read "), "{told}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for command in [
        ["check-config", "/nowhere/headstart.toml"].as_slice(),
        &["tenant", "list", "--config", "/nowhere/headstart.toml"],
    ] {
        let output = headstart(command);
        assert_eq!(output.status.code(), Some(64));
        assert!(text(&output.stderr).contains("/nowhere/headstart.toml"));
    }
}

#[test]
fn every_command_takes_the_file_and_json_after_it() {
    let folder = Folder::new();
    for command in [
        ["tenant", "list"].as_slice(),
        &["relay", "list"],
        &["beacon-node", "list"],
        &["validators", "list"],
        &["audit"],
    ] {
        let listed = folder.json(command);
        assert!(listed.is_array(), "{command:?}: {listed}");
    }
}

#[test]
fn a_speed_that_no_demo_can_have_is_refused() {
    for speed in ["0", "-1", "1000", "NaN", "fast"] {
        let output = headstart(&["demo", "--slots", "1", &format!("--speed={speed}")]);
        assert_eq!(output.status.code(), Some(2), "{speed}");
        assert!(text(&output.stderr).contains("write a number from 0.25 to 6"), "{}", text(&output.stderr));
    }
}
