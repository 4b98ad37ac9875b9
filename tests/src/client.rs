use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::Reply;

/// Longer than any answer may take; a test that waits so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// So much of a request is shown to people.
const SHOWN_BYTES_MAX: usize = 600;

/// Makes calls, each over a connection of its own.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    addr: SocketAddr,
    from: Option<IpAddr>,
}

/// One request. Nothing in it is checked, so it may be as wrong as a test wants.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    rest: Vec<u8>,
}

/// One connection, kept alive for as long as the server likes.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: None,
            rest: Vec::new(),
        }
    }

    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).header("Content-Type", content_type).body(body)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same under a base URL with this path.
    #[must_use]
    pub fn under(mut self, base: &str) -> Self {
        self.target.insert_str(0, base);
        self
    }

    /// The body, and a `Content-Length` that is true.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What follows the head, without a word in the head about its length.
    #[must_use]
    pub fn without_length(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.rest = body.into();
        self
    }

    /// The request as it goes over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: headstart\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes.extend_from_slice(&self.rest);
        bytes
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
        write!(f, "{} ({} bytes)", shown.escape_ascii(), bytes.len())
    }
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, from: None }
    }

    /// The same, from another address of this machine.
    #[must_use]
    pub fn from(self, from: IpAddr) -> Self {
        Self { from: Some(from), ..self }
    }

    pub async fn connect(&self) -> Connection {
        self.try_connect().await.expect("the service accepts connections")
    }

    pub async fn try_connect(&self) -> io::Result<Connection> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(self.addr).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, unread: Vec::new() })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub async fn try_call(&self, request: &Request) -> io::Result<Reply> {
        self.try_connect().await?.exchange(&request.to_bytes()).await
    }

    /// The answer to one request; panics when there is none.
    pub async fn call(&self, request: &Request) -> Reply {
        let answer = self.try_call(request).await;
        answer.unwrap_or_else(|error| panic!("not answered: {error}: {request}"))
    }
}

impl Connection {
    /// Sends bytes, whatever they are.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads its answer, which may come before the last byte is sent.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        let began = Instant::now();
        let (mut reading, mut writing) = self.stream.split();
        let unread = &mut self.unread;
        let (sent, reply) = tokio::join!(writing.write_all(request), async {
            tokio::time::timeout(ANSWER_TIMEOUT, Reply::read(&mut reading, unread)).await?
        });
        let mut reply = reply?;
        // A server that refuses a body need not read all of it; one that has answered nothing must.
        if sent.is_err() && reply.status < 400 {
            sent?;
        }
        reply.took = began.elapsed();
        Ok(reply)
    }

    /// What the server sends until it closes the connection; fails when it is reset instead.
    pub async fn until_closed(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.unread);
        tokio::time::timeout(ANSWER_TIMEOUT, self.stream.read_to_end(&mut rest)).await??;
        Ok(rest)
    }
}
