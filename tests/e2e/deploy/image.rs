//! The image.

use std::fs;

use super::{PORTS, commands, deploy, output, root, text, tool};

fn instructions(word: &str) -> Vec<String> {
    let file = text("docker/Dockerfile");
    let lines = file.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.map(str::to_owned).collect()
}

#[test]
fn it_is_built_with_the_toolchain_that_the_repository_pins() {
    let pinned = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let version = pinned.split('"').nth(1).expect("a channel in quotes");
    assert!(instructions("ARG").contains(&format!("RUST_IMAGE=rust:{version}-slim-bookworm")), "{version}");
}

#[test]
fn it_runs_as_a_numbered_user_and_tells_its_ports() {
    assert_eq!(instructions("USER"), ["65532:65532"]);
    let exposed: Vec<u64> =
        instructions("EXPOSE")[0].split(' ').map(|port| port.parse().expect("a number")).collect();
    assert_eq!(exposed, PORTS);
}

#[test]
fn its_health_is_what_the_service_says_of_itself() {
    let file = text("docker/Dockerfile").replace("\\\n", "");
    let check = file.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("there is one");
    let (_, command) = check.split_once(" CMD ").expect("it runs a command");
    let words: Vec<String> = serde_json::from_str(command).expect("a list of words: there is no shell");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(words[..2], ["/usr/bin/headstart", "ready"]);
    commands::assert_understood(&words[1..]);
}

#[test]
fn its_context_holds_what_the_build_reads_and_nothing_that_is_not_there() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let let_in: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &let_in {
        assert!(root().join(path).exists(), "{path} is not there");
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).expect("a workspace");
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.trim_end_matches("/*");
        assert!(let_in.iter().any(|path| path.starts_with(folder)), "{folder} is left out");
    }
    let outside = ["migrations", "Cargo.lock", "rust-toolchain.toml"];
    assert!(outside.iter().all(|path| let_in.contains(path)), "{let_in:?}");
}

#[test]
#[ignore = "needs hadolint: run `tests/run deploy`"]
fn the_linter_of_dockerfiles_finds_nothing() {
    output(tool("hadolint").arg(deploy().join("docker/Dockerfile")));
}
