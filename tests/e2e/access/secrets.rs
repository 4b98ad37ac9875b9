use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use e2e::{Client, Request, binary};
use serde_json::Value;

/// A secret that is nobody's, and is shown at every door all the same.
const CANARY: &str = "CanaryCanaryCanaryCanaryCanaryCanaryCanary0";

const CONFIG: &str = r#"
[log]
format = "json"
level = "trace"
[builder_api]
listen = "127.0.0.1:0"
access = "credentials"
[cluster_api]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[[relays]]
name = "one"
url = "https://0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae@one.example"
[[clusters]]
name = "alpha"
relays = ["one"]
"#;

/// A call of every kind, each with the credential in this `Authorization` or under this base.
fn calls(authorization: Option<&str>, base: &str) -> Vec<Request> {
    let header = format!("/eth/v1/builder/header/1/0x{}/0x{}", "11".repeat(32), "22".repeat(48));
    let requests = [
        Request::get(&header),
        Request::get("/eth/v1/builder/status"),
        Request::post("/eth/v1/builder/validators", "application/json", "[]"),
        Request::post("/eth/v2/builder/blinded_blocks", "application/json", "{}"),
        Request::new("BREW", "/coffee"),
    ];
    let with_credential = |request: Request| match authorization {
        Some(value) => request.under(base).header("Authorization", value),
        None => request.under(base),
    };
    requests.into_iter().map(with_credential).collect()
}

fn basic(userinfo: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(userinfo))
}

/// Every form that a credential has.
fn shown(id: &str, secret: &str) -> Vec<Request> {
    let token = format!("bn_{id}_{secret}");
    let forms = [basic(&format!("bn_{id}:{secret}")), format!("Bearer {token}")];
    let with_header = forms.iter().flat_map(|value| calls(Some(value), ""));
    let with_path = ["/t/", "//t//"].into_iter().flat_map(|base| calls(None, &format!("{base}{token}/")));
    with_header.chain(with_path).collect()
}

/// Forms that none has, but that somebody writes by mistake.
fn mistaken(secret: &str) -> Vec<Request> {
    let forms = [
        basic(&format!("bn_0123abCD:{secret}x")),
        basic(&format!("{secret}:bn_0123abCD")),
        format!("Basic {secret}"),
        format!("Bearer bn_{secret}_0123abCD"),
        format!("{secret} {secret}"),
    ];
    let with_header = forms.iter().flat_map(|value| calls(Some(value), ""));
    let with_path = ["/t/", "/t/x/"].into_iter().flat_map(|base| calls(None, &format!("{base}{secret}")));
    with_header.chain(with_path).collect()
}

/// Gives a beacon node its secret, as an administrator does.
fn add_beacon_node(config: &Path) -> (String, String) {
    let mut command = Command::new(binary());
    command.args(["beacon-node", "add", "node", "--cluster", "alpha", "--json", "--config"]).arg(config);
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let added: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let userinfo = added["userinfo"].as_str().expect("the userinfo is shown");
    let (user, secret) = userinfo.split_once(':').expect("a user and a secret");
    (user.trim_start_matches("bn_").to_owned(), secret.to_owned())
}

/// Serves the calls from a process of its own and gives all that it has logged.
async fn logged_by_the_binary(config: &Path, calls: &[(&Request, bool)]) -> String {
    let mut command = Command::new(binary());
    command.arg("serve").arg("--config").arg(config).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the binary starts");
    let stderr = process.stderr.take().expect("standard error is piped");
    let mut lines = BufReader::new(stderr).lines().map(|line| line.expect("log lines are text"));
    let mut log = String::new();
    let addr = loop {
        let line = lines.next().expect("it says where it listens");
        log.push_str(&line);
        let event: Value = serde_json::from_str(&line).expect("each line is a JSON object");
        if event["message"] == "builder_api listening" {
            break event["addr"].as_str().expect("an address").parse().expect("an address");
        }
    };
    for (request, is_good) in calls {
        let reply = Client::new(addr).call(request).await;
        assert_eq!(reply.status != 401, *is_good, "{request}: {}", reply.text());
        log.push_str(&reply.text());
    }
    let terminated = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(terminated.expect("kill runs").success());
    for line in lines {
        log.push('\n');
        log.push_str(&line);
    }
    assert!(process.wait().expect("it ends").success());
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_logged_answered_or_written_down() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = folder.path().join("headstart.toml");
    std::fs::write(&config, CONFIG).expect("it can be written");
    let (id, secret) = add_beacon_node(&config);
    let good = shown(&id, &secret);
    let bad = [shown("0123abCD", CANARY), shown(&id, CANARY), mistaken(CANARY), mistaken(&secret)].concat();
    let calls: Vec<_> =
        good.iter().map(|call| (call, true)).chain(bad.iter().map(|call| (call, false))).collect();

    let log = logged_by_the_binary(&config, &calls).await;

    let told = log.lines().filter(|line| line.contains("without a good credential")).count();
    assert_eq!(told, 1, "one line for an address and episode: {log}");
    for path in files_below(folder.path()) {
        let written = std::fs::read(&path).expect("the file is readable");
        assert!(!contains(&written, &secret) && !contains(&written, CANARY), "{}", path.display());
    }
    for secret in [CANARY, &secret] {
        assert!(!contains(log.as_bytes(), secret), "{log}");
        assert!(!contains(log.as_bytes(), &BASE64_STANDARD.encode(secret)[..20]), "{log}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the entry is readable").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn contains(text: &[u8], secret: &str) -> bool {
    text.windows(secret.len()).any(|window| window == secret.as_bytes())
}
