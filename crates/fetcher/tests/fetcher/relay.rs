//! A relay made of raw sockets: it records what it is asked, has no bids, and takes every registration it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use headstart_auction::CallPolicy;
use headstart_registry::RelayEntry;
use headstart_relay::RelayUrl;
use headstart_types::{BlsPublicKey, SecretKey, SignedValidatorRegistration, registrations_from_ssz};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::world::eventually;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Status line and JSON body of an answer.
pub(crate) type Answer = (&'static str, String);
type Answering = Box<dyn Fn(&Request) -> Answer + Send>;

pub(crate) struct Relay {
    name: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    seen: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    answer: Mutex<Answering>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// No bid, and 200 for all else.
fn obliging(request: &Request) -> Answer {
    if request.path.contains("/header/") {
        ("204 No Content", String::new())
    } else {
        ("200 OK", String::new())
    }
}

impl Relay {
    pub(crate) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            connections: Mutex::default(),
            answer: Mutex::new(Box::new(obliging)),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().unwrap() += 1;
                let serving = Arc::clone(&serving);
                tokio::spawn(async move {
                    let _ = converse(stream, &serving).await;
                });
            }
        });
        Self { name, address, shared, task }
    }

    pub(crate) fn entry(&self, call_policy: CallPolicy) -> RelayEntry {
        let key = SecretKey::from_seed(&[9; 32]).unwrap().public_key();
        let url = format!("http://{key}@{}", self.address);
        let id = url.parse::<RelayUrl>().unwrap().id();
        RelayEntry {
            id,
            name: self.name.to_owned(),
            url,
            headers: BTreeMap::new(),
            call_policy,
            stream: false,
            top_bid_url: None,
        }
    }

    /// From now on answers to all but getHeader and status are made like this.
    pub(crate) fn answer(&self, answer: impl Fn(&Request) -> Answer + Send + 'static) {
        let usual =
            |request: &Request| request.path.contains("/header/") || request.path.ends_with("/status");
        *self.shared.answer.lock().unwrap() =
            Box::new(move |request| if usual(request) { obliging(request) } else { answer(request) });
    }

    /// Paths of the header calls so far.
    pub(crate) fn asks(&self) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        let paths = seen.iter().map(|request| request.path.clone());
        paths.filter(|path| path.contains("/header/")).collect()
    }

    /// Calls for its status so far.
    pub(crate) fn greetings(&self) -> usize {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|request| request.path.ends_with("/status")).count()
    }

    /// What was sent in each call so far.
    pub(crate) fn registrations(&self) -> Vec<Vec<SignedValidatorRegistration>> {
        let seen = self.shared.seen.lock().unwrap();
        let posted = seen.iter().filter(|request| request.method == "POST");
        posted.map(|request| registrations_from_ssz(&request.body).unwrap()).collect()
    }

    /// Waits until so many registrations have come, and gives their validators call by call.
    pub(crate) async fn is_told(&self, count: usize) -> Vec<BTreeSet<BlsPublicKey>> {
        let told = || self.registrations().iter().map(Vec::len).sum::<usize>() >= count;
        eventually(&format!("relay {} is told of {count}", self.name), told).await;
        let keys = |call: &Vec<SignedValidatorRegistration>| {
            call.iter().map(|registration| registration.message.pubkey).collect()
        };
        self.registrations().iter().map(keys).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    pub(crate) async fn is_asked(&self) {
        eventually(&format!("relay {} is asked", self.name), || !self.asks().is_empty()).await;
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await? {
        let (status, body) = (shared.answer.lock().unwrap())(&request);
        shared.seen.lock().unwrap().push(request);
        let length = body.len();
        let reply = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// The next request on the connection; `None` when the client has closed it.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head_end + length.unwrap_or(0);
    while buffer.len() < end {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[head_end..end].to_vec();
    buffer.drain(..end);
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Some(Request { method, path, body }))
}
