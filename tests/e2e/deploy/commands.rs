//! The command lines that `deploy/` gives to the binary.

use std::process::Command;

use e2e::binary;

use super::ROLES;

/// Where every shape has its configuration.
const CONFIGURATION: &str = "/etc/headstart/headstart.toml";

/// What clap ends a process with that does not understand its arguments.
const USAGE: i32 = 2;

/// Runs the arguments with a configuration that is not there: the binary gets as far as reading it.
pub(super) fn assert_understood(arguments: &[&str]) {
    let mut command = Command::new(binary());
    let nowhere = arguments.iter().map(|word| if *word == CONFIGURATION { "/nowhere.toml" } else { word });
    let ended = command.args(nowhere).output().expect("the binary starts");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_ne!(ended.status.code(), Some(USAGE), "{arguments:?}: {told}");
    assert!(told.contains("/nowhere.toml"), "{arguments:?}: {told}");
}

/// The roles that a command line gives to its process; without any it has them all.
pub(super) fn roles<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let at = arguments.iter().position(|word| *word == "--roles");
    let roles: Vec<_> = at.map_or_else(|| ROLES.to_vec(), |at| arguments[at + 1].split(',').collect());
    assert!(roles.iter().all(|role| ROLES.contains(role)), "{roles:?}");
    roles
}

#[test]
fn a_command_line_that_the_binary_does_not_understand_is_noticed() {
    let noticed =
        std::panic::catch_unwind(|| assert_understood(&["serve", "--rolls", "fetcher", CONFIGURATION]));
    assert!(noticed.is_err());
}
