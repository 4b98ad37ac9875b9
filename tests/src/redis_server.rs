//! A Redis server of the tests' own: it listens on a socket in a temporary folder and goes with its last user.
//!
//! It needs the standard library and nothing else, so that the bid store's own tests can take this file as it is.

#![expect(clippy::unwrap_used, reason = "a server that cannot be had fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const REMEDY: &str = "no Redis server is installed: apt-get install redis-server";
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Names folders apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running server. Dropping it ends the server and removes all of it.
#[derive(Debug)]
pub struct RedisServer {
    folder: PathBuf,
    settings: Vec<String>,
    process: Mutex<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further settings, such as `["--maxmemory", "8mb"]`.
    pub fn start_with(settings: &[&str]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headstart-redis-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let settings: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let process = Mutex::new(serve(&folder, &settings));
        Self { folder, settings, process }
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", socket(&self.folder).display())
    }

    /// Ends the server as a power cut would; nothing of what it held stays.
    pub fn kill(&self) {
        let mut process = self.process();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it again after [`RedisServer::kill`], empty.
    pub fn restart(&self) {
        *self.process() = serve(&self.folder, &self.settings);
    }

    /// Stops it in its tracks: connections stay open and nobody answers.
    pub fn freeze(&self) {
        signal(&self.process(), "STOP");
    }

    pub fn thaw(&self) {
        signal(&self.process(), "CONT");
    }

    /// Runs one command and gives what the server says to it.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = redis_cli(&self.folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A figure of `INFO`.
    pub fn info(&self, name: &str) -> u64 {
        let info = self.cli(&["INFO", "ALL"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().parse().unwrap()
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let mut process = self.process();
        let _ = process.kill();
        let _ = process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server and returns once it answers.
fn serve(folder: &Path, settings: &[String]) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(socket(folder));
    server.arg("--dir").arg(folder).args(settings);
    let mut process = server.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect(REMEDY);
    let deadline = Instant::now() + ANSWERS_WITHIN;
    while !redis_cli(folder).arg("PING").output().unwrap().stdout.starts_with(b"PONG") {
        assert!(process.try_wait().unwrap().is_none(), "the Redis server ended: {settings:?}");
        assert!(Instant::now() < deadline, "the Redis server does not answer");
        thread::park_timeout(Duration::from_millis(5));
    }
    process
}

fn redis_cli(folder: &Path) -> Command {
    let mut cli = Command::new("redis-cli");
    cli.arg("-s").arg(socket(folder)).stdin(Stdio::null());
    cli
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.id().to_string()]).status();
    assert!(status.unwrap().success(), "kill -s {name}");
}
