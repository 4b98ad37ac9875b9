//! The committed code is what the contract says.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;

const FILES: [&str; 2] = ["headstart.v1.rs", "headstart.v1.bin"];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compiles the contract into `folder`.
fn generate(folder: &Path) {
    let mut compiler = protox::Compiler::new([here("")]).expect("the folder of the contract is there");
    compiler.include_source_info(true);
    compiler.open_file(here("headstart/v1/cluster.proto")).expect("the contract is well-formed");
    let mut descriptors = compiler.file_descriptor_set();
    let code = tonic_prost_build::configure().out_dir(folder);
    code.compile_fds(descriptors.clone()).expect("code is generated");
    // Reflection needs no comments.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(folder.join("headstart.v1.bin"), descriptors.encode_to_vec()).expect("the folder is writable");
}

#[test]
fn generated_code_is_what_the_contract_says() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    generate(folder.path());
    for file in FILES {
        let committed = fs::read(here("src/generated").join(file)).expect("the committed file is readable");
        let generated = fs::read(folder.path().join(file)).expect("the generated file is readable");
        assert!(committed == generated, "{file} is not what the contract says: run `just proto`");
    }
}

/// Not a test: writes what the test above compares.
#[test]
#[ignore = "it rewrites the committed code: `just proto`"]
fn regenerate() {
    generate(&here("src/generated"));
}
