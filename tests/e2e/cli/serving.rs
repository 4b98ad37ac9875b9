//! The service as a process of its own, and commands beside it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{Client, PARENT, PATIENCE, Reply, Request, SLOT, binary, eventually};
use headstart_types::{AuctionKey, BlsPublicKey};
use serde_json::Value;

use super::folder::{CONFIG, Folder, pubkey, text};

/// A running `headstart serve`, killed when the test ends early.
struct Serving {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Serving {
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with more in its environment.
    fn start_with(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        // As systemd does, which names the process it means.
        let mut command = Command::new("sh");
        let mut process = command
            .envs(environment.iter().copied())
            .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""])
            .arg(binary())
            .args(["serve", "--config", &folder.config()])
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

    /// Where beacon nodes ask.
    fn addr(&mut self) -> SocketAddr {
        let line = self.line_with("builder_api listening");
        let event: Value = serde_json::from_str(&line).expect("a line of the log is one JSON object");
        event["addr"].as_str().expect("the line has the address").parse().expect("it is one")
    }

    /// Ends it as an operator does, and returns once it has ended in good order.
    fn stop(mut self) {
        self.terminate();
        self.line_with("stopped");
        let status = self.process.wait().expect("the process ends");
        assert!(status.success(), "{status}");
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
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("it is bound");
    for (section, other) in [("builder_api", "cluster_api"), ("cluster_api", "builder_api")] {
        let folder = Folder::with_config(&format!(
            "[{section}]\nlisten = \"{addr}\"\n[{other}]\nlisten = \"127.0.0.1:0\"\n"
        ));
        let output = folder.run(&["serve"]);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.contains(&format!("bind {section}.listen {addr}")), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_ends_in_good_order_at_sigterm() {
    let folder = Folder::new();
    let mut serving = Serving::start(&folder);
    let addr = serving.addr();
    let reply = Client::new(addr).call(&Request::get("/eth/v1/builder/status")).await;
    assert_eq!(reply.status, 200);
    serving.stop();
}

#[test]
fn systemd_is_told_that_the_service_is_ready_lives_and_ends() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let notified = UnixDatagram::bind(&path).expect("a socket in a temporary folder");
    notified.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let told = |what: &str| {
        let mut message = [0; 256];
        while let Ok(length) = notified.recv(&mut message) {
            if message[..length].split(|byte| *byte == b'\n').any(|line| line == what.as_bytes()) {
                return;
            }
        }
        panic!("systemd was never told {what}");
    };
    let serving = Serving::start_with(&folder, &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "200000")]);
    told("READY=1");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    serving.terminate();
    told("STOPPING=1");
    serving.stop();
}

/// Asks for a header of validator 1 in a far past slot: what is answered tells only who is known.
async fn ask(addr: SocketAddr, token: &str) -> Reply {
    let proposer: BlsPublicKey = pubkey(1).parse().expect("a public key");
    let key = AuctionKey { slot: SLOT, parent_hash: PARENT, proposer };
    Client::new(addr).call(&Request::get(format!("/t/{token}/eth/v1/builder/header/{key}"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_changes_is_served_within_a_second() {
    let folder = Folder::new();
    let mut serving = Serving::start(&folder);
    let addr = serving.addr();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    let added = folder.json(&["beacon-node", "add", "bn1", "--cluster", "acme"]);
    let (token, changed) = (added["token"].as_str().unwrap().to_owned(), Instant::now());
    eventually("the credential is known", async || ask(addr, &token).await.status == 204).await;
    let took = changed.elapsed();
    folder.text(&["beacon-node", "revoke", "bn1", "--all-secrets"]);
    let changed = Instant::now();
    eventually("the credential is refused", async || ask(addr, &token).await.status == 401).await;
    assert!(took.max(changed.elapsed()) < Duration::from_secs(10), "a slow machine gets ten times as long");
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_from_the_snapshot_while_the_database_is_away() {
    let folder = Folder::with_config(&format!("[registry]\nurl_file = \"url\"\n{CONFIG}"));
    folder.write("url", "sqlite:headstart.db");
    folder.text(&["tenant", "add", "acme"]);
    let token = folder.json(&["beacon-node", "add", "bn1", "--cluster", "acme"])["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut serving = Serving::start(&folder);
    serving.addr();
    serving.stop();

    folder.write("url", "postgres://me:canary@127.0.0.1:1/none");
    let mut serving = Serving::start(&folder);
    let told = serving.line_with("serving from the snapshot until it is back");
    assert!(!told.contains("canary"), "{told}");
    let addr = serving.addr();
    assert_eq!(ask(addr, &token).await.status, 204, "the credential of the snapshot is good");
    serving.stop();
}

#[test]
fn without_database_and_snapshot_the_clusters_of_the_file_are_served_or_the_remedy_is_told() {
    let away = "[registry]\nurl = \"postgres://me@127.0.0.1:1/none\"\n";
    let nothing = Folder::with_config(&format!("{away}{CONFIG}"));
    let output = nothing.run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("start the database, or correct registry.url"),
        "{}",
        text(&output.stderr)
    );

    let declared = std::fs::read_to_string(Folder::new().config()).unwrap();
    let folder = Folder::with_config(&format!("{away}{declared}"));
    let mut serving = Serving::start(&folder);
    serving.line_with("serving the clusters of the configuration file alone until it is back");
    serving.addr();
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_brought_up_to_date_and_followed() {
    let declared = std::fs::read_to_string(Folder::new().config()).unwrap();
    let folder = Folder::with_config(&format!("[registry]\nurl = \"sqlite:later/headstart.db\"\n{declared}"));
    let mut serving = Serving::start(&folder);
    serving.line_with("serving the clusters of the configuration file alone until it is back");
    let addr = serving.addr();
    std::fs::create_dir(folder.path("later")).unwrap();
    let added = folder.json(&["beacon-node", "add", "bn1", "--cluster", "filed"]);
    let token = added["token"].as_str().unwrap();
    eventually("the credential is known", async || ask(addr, token).await.status == 204).await;
    serving.stop();
}
