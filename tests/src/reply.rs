use std::io;
use std::time::Duration;

use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName, SignedBuilderBid, UnblindedPayload};
use tokio::io::{AsyncRead, AsyncReadExt};

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

impl Reply {
    /// Reads one answer; what follows it stays in `unread`. An invitation to send the body is no answer yet.
    pub(crate) async fn read(
        stream: &mut (impl AsyncRead + Unpin),
        unread: &mut Vec<u8>,
    ) -> io::Result<Self> {
        loop {
            let reply = Self::read_one(stream, unread).await?;
            if reply.status != 100 {
                return Ok(reply);
            }
        }
    }

    async fn read_one(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> io::Result<Self> {
        let end = loop {
            if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            read_more(stream, unread).await?;
        };
        let head: Vec<u8> = unread.drain(..end + 4).collect();
        let mut reply =
            Self::parse_head(&String::from_utf8_lossy(&head)).ok_or(io::ErrorKind::InvalidData)?;
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while unread.len() < length {
            read_more(stream, unread).await?;
        }
        reply.body = unread.drain(..length).collect();
        Ok(reply)
    }

    fn parse_head(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        assert!(headers.iter().all(|(name, _)| name != "transfer-encoding"), "every answer tells its length");
        Some(Self { status, headers, body: Vec::new(), took: Duration::ZERO })
    }

    /// A header's value by its name in lower case; panics when it came twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }

    /// The encoding that the answer names; panics unless it is exactly one of the two media types.
    pub fn encoding(&self) -> Encoding {
        match self.header("content-type") {
            Some("application/octet-stream") => Encoding::Ssz,
            Some("application/json") => Encoding::Json,
            other => panic!("Content-Type is {other:?}"),
        }
    }

    /// The bid in a 200 of getHeader; panics when the answer is anything else.
    pub fn bid(&self, fork: ForkName) -> SignedBuilderBid {
        assert_eq!(self.status, 200, "a bid is served: {}", self.text());
        assert_eq!(self.header(CONSENSUS_VERSION), Some(fork.as_str()));
        let bid = match self.encoding() {
            Encoding::Ssz => SignedBuilderBid::from_ssz(fork, &self.body),
            Encoding::Json => SignedBuilderBid::from_json(fork, &self.body),
        };
        bid.expect("the bid decodes")
    }

    /// The payload in a 200 of the first submitBlindedBlock; panics when the answer is anything else.
    pub fn payload(&self, fork: ForkName) -> UnblindedPayload {
        assert_eq!(self.status, 200, "a payload is revealed: {}", self.text());
        assert_eq!(self.header(CONSENSUS_VERSION), Some(fork.as_str()));
        let payload = match self.encoding() {
            Encoding::Ssz => UnblindedPayload::from_ssz(fork, &self.body),
            Encoding::Json => UnblindedPayload::from_json(fork, &self.body),
        };
        payload.expect("the payload decodes")
    }

    /// All that a caller can tell one answer from another by: everything but the moment.
    pub fn without_date(&self) -> (u16, Vec<(String, String)>, String) {
        let headers = self.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        (self.status, headers, self.text())
    }

    /// What an error says; `None` when the answer is not an error as the Builder API writes them.
    pub fn message(&self) -> Option<String> {
        let error: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let well_formed = self.status >= 400
            && self.header("content-type") == Some("application/json")
            && error["code"].as_u64() == Some(u64::from(self.status));
        error["message"].as_str().filter(|_| well_formed).map(str::to_owned)
    }

    /// The body, for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(unread).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
