//! A small beacon node made of raw sockets, which answers each request with a script.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use headstart_beacon::BeaconNode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does next on the connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(String),
    /// Silence, with the connection open.
    Stall,
    Close,
}

pub(crate) type Script = Vec<Step>;

/// A complete JSON reply.
pub(crate) fn json(status: &str, body: &str) -> Script {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    vec![Step::Send(head + body)]
}

/// The head of an event stream and its first text.
pub(crate) fn events(text: &str) -> Step {
    Step::Send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{text}"))
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers a request, given its target such as `/eth/v1/node/version` and how many came before it.
    pub(crate) async fn start(answer: impl Fn(&str, usize) -> Script + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&heads), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let _ = converse(stream, &log, &*answer).await;
                });
            }
        });
        Self { address, heads, task }
    }

    pub(crate) async fn always(script: Script) -> Self {
        Self::start(move |_, _| script.clone()).await
    }

    pub(crate) fn node(&self) -> BeaconNode {
        BeaconNode::new(&format!("http://{}", self.address), "headstart/test").unwrap()
    }

    /// The heads of all requests, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The targets of all requests.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.heads().iter().map(|head| target(head).to_owned()).collect()
    }
}

fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

async fn converse(
    mut stream: TcpStream,
    log: &Mutex<Vec<String>>,
    answer: &(impl Fn(&str, usize) -> Script + Sync),
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        while !buffer.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&buffer).to_lowercase();
        buffer.clear();
        let script = {
            let mut log = log.lock().unwrap();
            log.push(head.clone());
            answer(target(&head), log.len() - 1)
        };
        for step in script {
            match step {
                Step::Send(text) => stream.write_all(text.as_bytes()).await?,
                Step::Stall => std::future::pending().await,
                Step::Close => return Ok(()),
            }
        }
    }
}
