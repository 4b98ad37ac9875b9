use std::fmt;
use std::sync::Arc;

use headstart_types::{BlsPublicKey, Clock, PublicKey, RelayId};
use reqwest::Client;

use crate::client::{self, Purpose};
use crate::encoding::Learnt;
use crate::stream_tally::StreamTally;
use crate::tally::Tally;
use crate::{CallResult, Error, Operation, RelayUrl};

/// What a relay client is made from.
#[derive(Clone)]
pub struct Config {
    pub url: RelayUrl,
    /// What people call the relay; not part of its identity.
    pub name: String,
    /// Sent as `User-Agent` with every call.
    pub user_agent: String,
    /// Names and values of further headers for every call, such as an API key. Values are never shown.
    pub headers: Vec<(String, String)>,
}

impl Config {
    /// Named after the host, with the User-Agent `headstart/<version>` and no further headers.
    pub fn new(url: RelayUrl) -> Self {
        let user_agent = concat!("headstart/", env!("CARGO_PKG_VERSION")).to_owned();
        Self { name: url.host().to_owned(), url, user_agent, headers: Vec::new() }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Config")
            .field("url", &self.url)
            .field("name", &self.name)
            .field("user_agent", &self.user_agent)
            .field("headers", &header_names)
            .finish()
    }
}

/// A handle to one relay; clones share connections and what was learnt about the relay.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    url: RelayUrl,
    id: RelayId,
    name: String,
    clock: Clock,
    headers: Client,
    submits: Client,
    streaming: Client,
    learnt: LearntEncodings,
    tally: Tally,
    streams: StreamTally,
}

/// What a relay takes, per operation.
#[derive(Default)]
pub(crate) struct LearntEncodings {
    pub(crate) header: Learnt,
    pub(crate) register: Learnt,
    pub(crate) submit: Learnt,
}

impl Relay {
    /// Builds the connection pools; connects to nothing yet. Fails when a header is not allowed or TLS cannot be set up.
    pub fn new(config: Config, clock: Clock) -> Result<Self, Error> {
        let default_headers = client::default_headers(&config)?;
        let Config { url, name, .. } = config;
        Ok(Self(Arc::new(Inner {
            id: url.id(),
            url,
            name,
            clock,
            headers: client::build(Purpose::Headers, default_headers.clone())?,
            submits: client::build(Purpose::Submits, default_headers.clone())?,
            streaming: client::build(Purpose::Streams, default_headers)?,
            learnt: LearntEncodings::default(),
            tally: Tally::default(),
            streams: StreamTally::default(),
        })))
    }

    pub fn id(&self) -> RelayId {
        self.0.id
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn url(&self) -> &RelayUrl {
        &self.0.url
    }

    /// The compressed key that must sign this relay's bids.
    pub fn public_key(&self) -> BlsPublicKey {
        self.0.url.public_key()
    }

    /// The same key, decompressed and checked.
    pub fn verifying_key(&self) -> &PublicKey {
        self.0.url.verifying_key()
    }

    /// Calls that ended so, since this client was made.
    pub fn calls(&self, operation: Operation, result: CallResult) -> u64 {
        self.0.tally.calls(operation, result)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    pub(crate) fn streams(&self) -> &StreamTally {
        &self.0.streams
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clock
    }

    pub(crate) fn client(&self, purpose: Purpose) -> &Client {
        match purpose {
            Purpose::Headers => &self.0.headers,
            Purpose::Submits => &self.0.submits,
            Purpose::Streams => &self.0.streaming,
        }
    }

    pub(crate) fn learnt(&self) -> &LearntEncodings {
        &self.0.learnt
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("id", &self.0.id)
            .field("name", &self.0.name)
            .field("url", &self.0.url)
            .finish()
    }
}
