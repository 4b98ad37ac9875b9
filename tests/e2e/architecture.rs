//! The house, as Cargo and the tree see it: arrows go down, never sideways, and the documents name what the code names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};
use headstart_types::Outcome;

/// Each room and its floor. A room may use rooms of lower floors only; within floor 0, `auction` may use `types`.
const FLOORS: [(&str, u8); 13] = [
    ("headstart-types", 0),
    ("headstart-auction", 0),
    ("headstart-proto", 0),
    ("headstart-relay", 1),
    ("headstart-beacon", 1),
    ("headstart-bid-store", 1),
    ("headstart-registry", 1),
    ("headstart-fetcher", 2),
    ("headstart-builder-api", 3),
    ("headstart-cluster-api", 3),
    ("headstart-devnet", 3),
    ("headstart", 4),
    ("e2e", 5),
];

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_owned()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps().other_options(["--offline".to_owned()]);
    command.exec().expect("cargo describes the workspace")
}

/// Every Rust file of the workspace that a person wrote.
fn rust_files() -> Vec<PathBuf> {
    let mut folders = vec![root().join("crates"), root().join("proto"), root().join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "node_modules" && name != "generated" {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn arrows_go_down_and_never_sideways() {
    let floors = BTreeMap::from(FLOORS);
    for package in metadata().packages {
        let name = package.name.as_str();
        let floor =
            floors.get(name).unwrap_or_else(|| panic!("{name} has no floor: draw it into the house first"));
        for used in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let below =
                floors.get(used.name.as_str()).unwrap_or_else(|| panic!("{} has no floor", used.name));
            let rules_use_words = (name, used.name.as_str()) == ("headstart-auction", "headstart-types");
            assert!(
                below < floor || rules_use_words,
                "{name} (floor {floor}) uses {} (floor {below})",
                used.name
            );
        }
    }
}

#[test]
fn simulated_neighbours_stay_out_of_production_rooms() {
    for package in metadata().packages {
        let uses_devnet = package.dependencies.iter().any(|used| used.name == "headstart-devnet");
        let may = ["headstart", "e2e"].contains(&package.name.as_str());
        assert!(may || !uses_devnet, "{} uses the simulated neighbours", package.name);
    }
}

#[test]
fn simulated_neighbours_know_only_the_fields_words() {
    for package in metadata().packages.iter().filter(|package| package.name == "headstart-devnet") {
        let rooms = package.dependencies.iter().filter(|used| used.path.is_some());
        let rooms: Vec<_> = rooms.map(|used| used.name.as_str()).collect();
        assert_eq!(rooms, ["headstart-types"], "a neighbour that shares our code shares our mistakes");
    }
}

#[test]
fn each_outside_technology_has_one_home() {
    let homes = [
        ("reqwest", &["headstart-relay", "headstart-beacon"][..]),
        ("clap", &["headstart"]),
        ("toml", &["headstart"]),
    ];
    for package in metadata().packages {
        for (technology, may) in homes {
            let uses = package.dependencies.iter().any(|used| used.name == technology);
            assert!(!uses || may.contains(&package.name.as_str()), "{} uses {technology}", package.name);
        }
    }
}

#[test]
fn no_room_is_a_junk_drawer() {
    for package in metadata().packages {
        let name = package.name.trim_start_matches("headstart-");
        assert!(!["common", "core", "utils", "util", "helpers", "shared"].contains(&name), "{name}");
    }
}

#[test]
fn files_are_short_and_rooms_say_what_they_are() {
    for file in rust_files() {
        let text = fs::read_to_string(&file).expect("the file is readable");
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
        if file.ends_with("src/lib.rs") {
            assert!(text.starts_with("//! "), "{} does not say what its room is", file.display());
        }
    }
}

#[test]
fn every_outcome_is_explained_to_operators() {
    let page = fs::read_to_string(root().join("docs/outcomes.md")).expect("docs/outcomes.md is there");
    for outcome in Outcome::ALL {
        assert!(page.contains(&format!("| `{outcome}` |")), "docs/outcomes.md does not explain {outcome}");
    }
}

#[test]
fn the_drawing_names_every_room() {
    let page =
        fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md is there");
    for (package, _) in FLOORS {
        let room = package.trim_start_matches("headstart-");
        assert!(page.contains(&format!("`{room}`")), "docs/architecture.md does not name {room}");
    }
}
