//! The store that processes share on Redis (6.2 or newer), or on what speaks its protocol.
//!
//! Two links: one for what may be lost (bids, leases, hints, answers), one for provenance and the guard, which must not
//! share an eviction's fate with bids and therefore never expire: they are unlinked two slots later. Both may be the
//! same server when its policy evicts only what expires.

mod connect;
mod feed;
mod hints;
mod inspect;
mod keys;
mod link;
mod provenance;
mod refusals;

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use headstart_auction::LeaseAnswer;
use headstart_types::{AuctionKey, Network};
use redis::{AsyncCommands, Client, Script};
use tokio::sync::watch;

use crate::envelope::{ANYWHERE, Envelope, Format, Order, SharedKey};
use crate::{Condition, LeaseName, Notice, ProcessId, SharedBid, SubmissionKey};
pub use inspect::Inspection;
use keys::Keys;
use link::Link;

/// Where the store is.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS, or `redis+unix:///path`.
    pub url: String,
    /// Another server for provenance; without it, the same one.
    pub provenance_url: Option<String>,
    /// The longest that a call waits for its answer; [`RedisConfig::DEADLINE`] but for tests on a busy machine.
    pub deadline: Duration,
    /// In which form values are written; both are read.
    pub writes: Format,
    /// Without one, whoever can write to the servers is believed to be one of us.
    pub shared_key: Option<SharedKey>,
}

impl RedisConfig {
    /// Nobody's slot may wait for the store.
    pub const DEADLINE: Duration = Duration::from_millis(20);

    /// One server, as in production.
    pub fn new(url: impl Into<String>) -> Self {
        let (url, provenance_url, shared_key) = (url.into(), None, None);
        Self { url, provenance_url, deadline: Self::DEADLINE, writes: Format::default(), shared_key }
    }
}

#[derive(Debug)]
pub(crate) struct Redis {
    link: Link,
    /// The same link when there is one server.
    provenance: Link,
    has_two_servers: bool,
    keys: Keys,
    envelope: Envelope,
    /// How long what may be lost is kept at most.
    lifetime: Duration,
    scripts: Scripts,
    process: ProcessId,
    /// Told when this process finds the server empty.
    emptied: watch::Sender<()>,
    /// Where among the hints that fetchers hold the next look for silent ones begins; there is none before the first one.
    silent_from: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Scripts {
    offer: Script,
    lease: Script,
    release: Script,
    forget_consumers: Script,
}

const OFFER: &str = include_str!("offer.lua");
const LEASE: &str = include_str!("lease.lua");
const RELEASE: &str = include_str!("release.lua");
const FORGET_CONSUMERS: &str = include_str!("forget_consumers.lua");
const SCRIPTS: [&str; 4] = [OFFER, LEASE, RELEASE, FORGET_CONSUMERS];

/// Bids and answers outlive their slot by so many.
const LIFETIME_SLOTS: u32 = 4;

impl Redis {
    pub(crate) fn new(
        config: &RedisConfig,
        network: &Network,
        process: ProcessId,
    ) -> Result<Self, NotUsable> {
        let link = Link::new("bids", open(&config.url)?, config.deadline);
        let provenance = match &config.provenance_url {
            Some(url) => Link::new("provenance", open(url)?, config.deadline),
            None => link.clone(),
        };
        Ok(Self {
            link,
            provenance,
            has_two_servers: config.provenance_url.is_some(),
            keys: Keys::new(network),
            envelope: Envelope::new(process, config.writes, network, config.shared_key.clone()),
            lifetime: Duration::from_millis(network.slot_duration_ms) * LIFETIME_SLOTS,
            scripts: Scripts {
                offer: Script::new(OFFER),
                lease: Script::new(LEASE),
                release: Script::new(RELEASE),
                forget_consumers: Script::new(FORGET_CONSUMERS),
            },
            process,
            emptied: watch::Sender::default(),
            silent_from: Mutex::default(),
        })
    }

    pub(crate) fn condition(&self) -> Condition {
        let away = self.links().find(|link| !link.is_up()).map(|link| Condition::Away(link.name()));
        let refusing = || self.links().find(|link| link.refuses());
        away.or_else(|| refusing().map(|link| Condition::Refusing(link.name()))).unwrap_or(Condition::Well)
    }

    /// Calls that a server answered with an error.
    pub(crate) fn refused(&self) -> u64 {
        self.links().map(Link::refused).sum()
    }

    /// One for each server.
    fn links(&self) -> impl Iterator<Item = &Link> {
        [&self.link, &self.provenance].into_iter().take(1 + usize::from(self.has_two_servers))
    }

    /// `Some(false)` when a newer bid of the relay is there already.
    pub(crate) async fn share_bid(&self, fence: u64, bid: &SharedBid) -> Option<bool> {
        let moment = u64::try_from(bid.asked_at.0).unwrap_or_default();
        let sealed = self.seal(Order { fence, moment }, &Notice::Bid(bid.clone()));
        let mut invocation = self.scripts.offer.key(self.keys.bids(&bid.key));
        invocation
            .arg(&bid.relay.0.to_be_bytes())
            .arg(&sealed)
            .arg(millis(self.lifetime))
            .arg(self.keys.channel());
        let kept =
            self.link.try_call("share a bid", async |mut to| invocation.invoke_async(&mut to).await).await;
        match kept {
            Ok(kept) => Some(kept),
            // A server that takes no more can still pass things on.
            Err(Some(_)) => self.publish(sealed).await.then_some(true),
            Err(None) => None,
        }
    }

    /// Every relay's newest bid; `None` when the server is away.
    pub(crate) async fn bids(&self, key: &AuctionKey) -> Option<Vec<SharedBid>> {
        let name = self.keys.bids(key);
        let sealed: Vec<Vec<u8>> =
            self.link.call("read bids", async |mut from| from.hvals(&name).await).await?;
        let bids = sealed.iter().filter_map(|sealed| {
            match Notice::from_bytes(self.envelope.open(ANYWHERE, sealed)?.body)? {
                Notice::Bid(bid) if bid.key == *key => Some(bid),
                _ => None,
            }
        });
        Some(bids.collect())
    }

    pub(crate) async fn lease(&self, name: &LeaseName, time: Duration) -> LeaseAnswer {
        let mut invocation = self.scripts.lease.key(self.keys.lease(name));
        invocation.arg(&self.process.0).arg(millis(time));
        let answer =
            self.link.call("take a lease", async |mut from| invocation.invoke_async(&mut from).await);
        match answer.await {
            Some((true, fence)) => LeaseAnswer::Granted { fence: u64::try_from(fence).unwrap_or_default() },
            // A lease that ran out in between has -2 left, and one without an end is nobody's.
            Some((false, left_ms)) => LeaseAnswer::Held { left_ms: i64::max(left_ms, 0) },
            None => LeaseAnswer::Away,
        }
    }

    pub(crate) async fn release(&self, name: &LeaseName) {
        let mut invocation = self.scripts.release.key(self.keys.lease(name));
        invocation.arg(&self.process.0);
        // What is not given back runs out by itself.
        let _: Option<i64> =
            self.link.call("give back a lease", async |mut to| invocation.invoke_async(&mut to).await).await;
    }

    pub(crate) async fn put_answer(&self, submission: &SubmissionKey, answer: &[u8]) {
        let (name, lifetime) = (self.keys.answer(submission), millis(self.lifetime));
        let sealed = self.envelope.seal(name.as_bytes(), Order::default(), answer);
        let put =
            async |mut to: redis::aio::MultiplexedConnection| to.pset_ex(&name, &sealed, lifetime).await;
        // Without it the others ask the relays themselves.
        let _: Option<()> = self.link.call("share an answer", put).await;
    }

    pub(crate) async fn answer(&self, submission: &SubmissionKey) -> Option<Bytes> {
        let name = self.keys.answer(submission);
        let sealed: Option<Vec<u8>> =
            self.link.call("read an answer", async |mut from| from.get(&name).await).await?;
        Some(Bytes::copy_from_slice(self.envelope.open(name.as_bytes(), &sealed?)?.body))
    }

    pub(crate) async fn tell(&self, notice: &Notice) -> bool {
        self.publish(self.seal(Order::default(), notice)).await
    }

    async fn publish(&self, sealed: Vec<u8>) -> bool {
        let channel = self.keys.channel();
        let publish = async |mut to: redis::aio::MultiplexedConnection| to.publish(&channel, &sealed).await;
        self.link.call::<i64>("publish a notice", publish).await.is_some()
    }

    fn seal(&self, order: Order, notice: &Notice) -> Vec<u8> {
        self.envelope.seal(ANYWHERE, order, &notice.to_bytes())
    }
}

/// The URL is not shown: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use the Redis URL: it is not redis://[user:password@]host[:port][/database], rediss://… or redis+unix:///path"
)]
pub struct NotUsable;

fn open(url: &str) -> Result<Client, NotUsable> {
    Client::open(url).map_err(|_| NotUsable)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
