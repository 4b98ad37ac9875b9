//! The binary as an operator meets it: commands, exit statuses, signals.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use e2e::{Client, Request};

/// The binary that was built with these tests.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("tests are built into target/<profile>/deps");
    let binary = profile.join("headstart");
    assert!(binary.exists(), "{} is not built: run `cargo build --workspace` first", binary.display());
    binary
}

fn headstart(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn file_with(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(content.as_bytes()).expect("it can be written");
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("the path is text")
}

/// A running `headstart serve`, killed when the test ends early.
struct Serving {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Serving {
    fn start(config: &tempfile::NamedTempFile) -> Self {
        let mut command = Command::new(binary());
        let mut process = command
            .args(["serve", "--config", path(config)])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = process.stderr.take().expect("standard error is piped");
        Self { process, lines: BufReader::new(stderr).lines() }
    }

    /// The next log line that contains `what`.
    fn line_with(&mut self, what: &str) -> String {
        let found = self
            .lines
            .by_ref()
            .map(|line| line.expect("log lines are text"))
            .find(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("the process ended without a line with {what:?}"))
    }

    fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
    let output = headstart(&["check-config", "/nowhere/headstart.toml"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("/nowhere/headstart.toml"));
}

#[test]
fn a_speed_that_no_demo_can_have_is_refused() {
    for speed in ["0", "-1", "1000", "NaN", "fast"] {
        let output = headstart(&["demo", "--slots", "1", &format!("--speed={speed}")]);
        assert_eq!(output.status.code(), Some(2), "{speed}");
        assert!(text(&output.stderr).contains("write a number from 0.25 to 6"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("it is bound");
    let file = file_with(&format!("[builder_api]\nlisten = \"{addr}\"\n"));
    let output = headstart(&["serve", "--config", path(&file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&addr.to_string()), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_ends_in_good_order_at_sigterm() {
    let file = file_with("[log]\nformat = \"json\"\n[builder_api]\nlisten = \"127.0.0.1:0\"\n");
    let mut serving = Serving::start(&file);
    let line = serving.line_with("builder_api listening");
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line of the log is one JSON object");
    let addr = event["addr"].as_str().expect("the line has the address").parse().expect("it is one");
    let reply = Client::new(addr).call(&Request::get("/eth/v1/builder/status")).await;
    assert_eq!(reply.status, 200);

    serving.terminate();
    serving.line_with("stopped");
    let status = serving.process.wait().expect("the process ends");
    assert!(status.success(), "{status}");
}
