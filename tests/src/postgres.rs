//! A PostgreSQL server of the tests' own: it listens on a socket in a temporary folder and goes with its last user.
//!
//! It needs the standard library and nothing else, so that the registry's own tests can take this file as it is.

#![expect(clippy::unwrap_used, reason = "a server that cannot be had fails its test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

const REMEDY: &str =
    "no PostgreSQL server is installed: apt-get install postgresql (or any package with initdb and postgres)";
const USER: &str = "headstart";
/// Names folders and databases apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Ends the server in the folder, and removes that, when nobody can write to the script's standard input any more.
const CLEAN_UP: &str = r#"read -r _
kill -s QUIT "$(head -n 1 "$0/data/postmaster.pid")"
rm -rf "$0" || { sleep 1; rm -rf "$0"; }"#;

/// A running server of this process alone. Dropping it ends the server and removes all of it.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    account: Option<Account>,
    folder: PathBuf,
    server: Mutex<Child>,
}

/// The server that all tests of this process share, and what ends it when the process has ended, in whichever way.
#[derive(Debug)]
struct Shared {
    server: Arc<Postgres>,
    /// Holds the other end of its standard input.
    _cleaner: Child,
}

/// An empty database on a server that lives at least as long.
#[derive(Debug)]
pub struct PostgresDatabase {
    pub server: Arc<Postgres>,
    name: String,
}

impl PostgresDatabase {
    /// On the server that all tests of this process share: it is made once, for making it takes seconds.
    pub fn create() -> Self {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        Self::create_on(Arc::clone(&SHARED.get_or_init(Shared::start).server))
    }

    pub fn create_on(server: Arc<Postgres>) -> Self {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        server.run("createdb", &["--no-password", "--template=template0", &name]);
        Self { server, name }
    }

    pub fn url(&self) -> String {
        format!("postgres://{USER}@localhost/{}?host={}", self.name, self.server.folder.display())
    }

    /// Runs SQL behind everybody's back.
    pub fn sql(&self, sql: &str) {
        self.server
            .run("psql", &["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "-d", &self.name, "-c", sql]);
    }
}

impl Shared {
    fn start() -> Self {
        let server = Arc::new(Postgres::start());
        let mut cleaner = Command::new("sh");
        cleaner.args(["-c", CLEAN_UP]).arg(&server.folder).stdin(Stdio::piped());
        // What is typed to end the tests must not end it too.
        cleaner.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self { server, _cleaner: cleaner.spawn().unwrap() }
    }
}

impl Postgres {
    pub fn start() -> Self {
        let binaries = binaries().expect(REMEDY);
        let account = Account::without_rights();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headstart-pg-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        if let Some(account) = account {
            chown(&folder, Some(account.user), Some(account.group)).unwrap();
        }
        let data = folder.join("data");
        let mut initdb = command(&binaries, "initdb", account);
        initdb
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", USER, "-D"])
            .arg(&data);
        finish(initdb);
        let server = Mutex::new(serve(&binaries, account, &folder));
        Self { binaries, account, folder, server }
    }

    /// Ends the server as a power cut would; its data stay.
    pub fn stop(&self) {
        let mut server = self.server();
        // SIGQUIT takes the server's children with it and waits for nothing.
        signal(&server, "QUIT");
        server.wait().unwrap();
    }

    /// Starts it again after [`Postgres::stop`].
    pub fn restart(&self) {
        *self.server() = serve(&self.binaries, self.account, &self.folder);
    }

    /// Stops every process of the server in its tracks: connections stay open and nobody answers.
    pub fn freeze(&self) {
        signal_all(&self.server(), "STOP");
    }

    pub fn thaw(&self) {
        signal_all(&self.server(), "CONT");
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = command(&self.binaries, program, self.account);
        command.arg("-h").arg(&self.folder).args(["-U", USER]).args(arguments);
        finish(command);
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Child> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(server.try_wait(), Ok(None)) {
            // What a failed test left frozen hears nothing else.
            signal_all(&server, "CONT");
            signal(&server, "QUIT");
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server and returns once it takes connections.
fn serve(binaries: &Path, account: Option<Account>, folder: &Path) -> Child {
    let mut postgres = command(binaries, "postgres", account);
    postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    // Nothing here must outlive the machine, and no port can be taken by somebody else.
    postgres.args(["-F", "-c", "listen_addresses=", "-c", "max_connections=200"]);
    let mut server = postgres.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("ready to accept connections") {
        assert!(log.read_line(&mut said).unwrap() > 0, "the PostgreSQL server ended: {said}");
    }
    // Somebody must go on reading, or the server blocks on its own log.
    std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
    server
}

/// An account that owns nothing: PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    fn without_rights() -> Option<Self> {
        // Whom the files under /proc/self belong to is who we are.
        if fs::metadata("/proc/self").map_or(1, |of_process| of_process.uid()) != 0 {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named =
            |name| accounts.lines().find(|line| line.split(':').next() == Some(name)).and_then(Self::parse);
        named("postgres").or_else(|| named("nobody")).or(Some(Self { user: 65_534, group: 65_534 }))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':').skip(2);
        Some(Self { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    }
}

fn command(binaries: &Path, program: &str, account: Option<Account>) -> Command {
    let mut command = Command::new(binaries.join(program));
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    // The caller's folder may be closed to that account, and its settings mean other servers.
    command.current_dir("/").env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// The folder of `initdb` and `postgres`, links followed: the server looks for its files beside it.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&path).chain(debian.map(|version| version.path().join("bin")));
    let whole = |folder: &PathBuf| {
        ["initdb", "postgres", "createdb", "psql"].iter().all(|program| folder.join(program).exists())
    };
    folders
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok()?.parent().map(Path::to_owned))
        .find(whole)
}

/// The server and every process that it has started.
fn signal_all(server: &Child, name: &str) {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.id()));
    for child in children.unwrap_or_default().split_whitespace() {
        finish_quietly(Command::new("kill").args(["-s", name, child]));
    }
    signal(server, name);
}

fn signal(server: &Child, name: &str) {
    finish_quietly(Command::new("kill").args(["-s", name, &server.id().to_string()]));
}

fn finish_quietly(command: &mut Command) {
    let _ = command.stderr(Stdio::null()).status();
}

fn finish(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
