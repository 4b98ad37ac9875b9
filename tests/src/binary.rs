use std::path::PathBuf;

/// The binary that was built with these tests.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("tests are built into target/<profile>/deps");
    let binary = profile.join("headstart");
    assert!(binary.exists(), "{} is not built: run `cargo build --workspace` first", binary.display());
    binary
}
