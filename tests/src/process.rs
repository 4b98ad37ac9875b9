use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Client, Folder, Setup, binary, eventually};

/// The binary itself, serving in a process of its own that can be killed. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    _folder: Folder,
}

impl Process {
    /// Starts the binary and returns once it serves.
    pub async fn start(setup: &Setup) -> Self {
        Self::start_in(setup, Folder::default()).await
    }

    /// The same with what another one left in this folder.
    pub async fn start_in(setup: &Setup, folder: Folder) -> Self {
        let config = folder.path().join("headstart.toml");
        let text = setup.clone().section("[log]\nformat = \"json\"").toml();
        std::fs::write(&config, text).expect("the folder can be written to");
        let mut child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(&config)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let log = Arc::<Mutex<Vec<Value>>>::default();
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let told = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            }
        });
        let mut process = Self { child, log, _folder: folder };
        eventually("the process serves", async || {
            let ended = process.child.try_wait().expect("its status can be read");
            assert!(ended.is_none(), "the process ended: {:?}", process.log());
            process.told("started").is_some()
        })
        .await;
        process
    }

    /// Speaks to its Builder API; panics when it has none.
    pub fn client(&self) -> Client {
        Client::new(self.addr("builder_api listening"))
    }

    /// The address of its Builder API; panics when it has none.
    pub fn builder_api_url(&self) -> String {
        format!("http://{}", self.addr("builder_api listening"))
    }

    /// The address of its health and figures.
    pub fn admin(&self) -> Client {
        Client::new(self.addr("admin listening"))
    }

    /// Where clusters are heard; panics when they are not.
    pub fn cluster_api_url(&self) -> String {
        format!("http://{}", self.addr("cluster_api listening"))
    }

    /// By which name the other processes know it; panics when its store is in memory.
    pub fn name(&self) -> String {
        let told = self.told("the bid store is shared through redis").expect("it has a store on Redis");
        told["process"].as_str().expect("it is a text").to_owned()
    }

    /// Whether it ever held the shared server for dead: a call takes 20 ms at most, which a stalled core makes long.
    pub fn missed_redis(&self) -> bool {
        self.told("redis is away: this process goes on by itself").is_some()
    }

    /// The first line of its log with this message.
    pub fn told(&self, message: &str) -> Option<Value> {
        self.log().into_iter().find(|told| told["message"] == message)
    }

    /// Every line of its log so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to end, as a supervisor does, and waits until it has; whether it ended well.
    pub async fn terminate(&mut self) -> bool {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", "TERM", &id]).status().await.expect("kill is there");
        assert!(status.success(), "it takes signals");
        self.child.wait().await.expect("it ends").success()
    }

    fn addr(&self, message: &str) -> SocketAddr {
        let told = self.told(message).unwrap_or_else(|| panic!("it has not told: {message}"));
        told["addr"].as_str().and_then(|addr| addr.parse().ok()).expect("it tells its address")
    }
}
