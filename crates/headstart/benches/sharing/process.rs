use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time;

const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The binary, serving. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) builder_api: SocketAddr,
    /// From its start until `/readyz` was 200.
    pub(crate) ready_after: Duration,
}

impl Process {
    /// Starts it and returns once it says that requests may be sent to it.
    pub(crate) async fn start(config: &Path) -> Self {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_headstart"))
            .args(["serve", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut builder_api, mut admin) = (None, None);
        while builder_api.is_none() || admin.is_none() {
            let line = lines.next_line().await.unwrap().expect("the process goes on");
            builder_api = builder_api.or_else(|| listening(&line, "builder_api listening"));
            admin = admin.or_else(|| listening(&line, "admin listening"));
        }
        // Whoever writes to a pipe that nobody reads stands still.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        while !is_ready(admin.unwrap()).await {
            time::sleep(LOOK_EVERY).await;
        }
        Self { child, builder_api: builder_api.unwrap(), ready_after: began.elapsed() }
    }

    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").arg(pid).status().await.unwrap();
        self.child.wait().await.unwrap();
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        std::io::Result::Ok(reply.starts_with("HTTP/1.1 200 "))
    };
    asking.await.unwrap_or(false)
}

/// The address in the line that tells of a listener.
fn listening(line: &str, message: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["message"] == message).then(|| line["addr"].as_str()?.parse().ok())?
}
