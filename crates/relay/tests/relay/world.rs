//! What the tests share: golden messages, a relay client for a server, and deadlines.

use std::path::PathBuf;
use std::time::Duration;

use headstart_relay::{Config, Relay, RelayUrl};
use headstart_types::{AuctionKey, Clock, ForkName, Slot, UnixMillis};
use tokio::time::Instant;

use crate::server::{Script, Server, reply};

pub(crate) const RELAY_KEY: &str =
    "0xb64720ee6f0d1c24d7f3c20032db23da635bfa97769c65a22e01e0074fee22dc6cad4ac35ea508338c1794fc7b76f572";

pub(crate) const SSZ: (&str, &str) = ("Content-Type", "application/octet-stream");
pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");
pub(crate) const FULU: (&str, &str) = ("Eth-Consensus-Version", "fulu");

/// The wall clock that relays are shown.
pub(crate) const NOW: UnixMillis = UnixMillis(1_764_810_778_500);

pub(crate) fn golden(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The auction of the golden Fulu bid.
pub(crate) fn auction() -> AuctionKey {
    AuctionKey {
        slot: Slot(13_165_563),
        parent_hash: "0x2cdb2034fb8c6f5c06ade3da5138003f406b0a51c2caeb8c090a5db61c276f34".parse().unwrap(),
        proposer: "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414"
            .parse()
            .unwrap(),
    }
}

pub(crate) fn url_of(server: &Server) -> RelayUrl {
    format!("http://{RELAY_KEY}@{}", server.address).parse().unwrap()
}

pub(crate) fn relay_at(server: &Server) -> Relay {
    Relay::new(Config::new(url_of(server)), Clock::new(|| NOW)).unwrap()
}

pub(crate) fn relay_with(url: &str) -> Relay {
    Relay::new(Config::new(url.parse().unwrap()), Clock::new(|| NOW)).unwrap()
}

/// Far enough away that a slow machine does not reach it.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// So close that a stalling relay is given up quickly.
pub(crate) fn at_once() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

/// 400 with the error object of the specification.
pub(crate) fn bad_request(message: &str) -> Script {
    let body = format!(r#"{{"code":400,"message":"{message}"}}"#);
    reply("400 Bad Request", &[JSON], body.as_bytes())
}

pub(crate) fn empty(status: &str) -> Script {
    reply(status, &[], b"")
}

/// The golden bid of `fork`, in SSZ.
pub(crate) fn ssz_bid(fork: ForkName) -> Script {
    let body = golden(&format!("{fork}/signed_builder_bid.ssz"));
    reply("200 OK", &[SSZ, ("Eth-Consensus-Version", fork.as_str())], &body)
}

/// The golden bid of `fork`, in JSON.
pub(crate) fn json_bid(fork: ForkName) -> Script {
    reply("200 OK", &[JSON], &golden(&format!("{fork}/signed_builder_bid.json")))
}
