use headstart::clock::SYSTEM;
use headstart_devnet::{Relay, RelayConfig};
use headstart_types::{AuctionKey, B256, BlockHash, ForkName, Network, SecretKey, Slot, Wei};

use crate::Folder;

/// The slot that tests are about.
pub const SLOT: Slot = Slot(100);
/// The execution block that it builds on, unless a chain says otherwise.
pub const PARENT: BlockHash = BlockHash(B256::repeat_byte(0x11));

const SLOT_DURATION_MS: u64 = 12_000;
const VALIDATORS_SEED: u64 = 0x7661_6c73;

/// A network in which `fork` rules and [`SLOT`] begins in eight seconds: time enough to start a service, ask, sign and
/// submit however slow the machine is. The slot before it is past every cut-off.
pub fn network(fork: ForkName) -> Network {
    network_starting_in(fork, SLOT_DURATION_MS, 8_000)
}

/// A network with slots of `slot_duration_ms`, of which [`SLOT`] begins in `starts_in_ms`.
pub fn network_starting_in(fork: ForkName, slot_duration_ms: u64, starts_in_ms: i64) -> Network {
    Folder::prepare();
    let now = SYSTEM.now();
    let since_genesis_ms = (SLOT.0 * slot_duration_ms).cast_signed();
    let genesis_time_ms = now + starts_in_ms - since_genesis_ms;
    Network { genesis_time_ms, ..headstart_devnet::network(fork, slot_duration_ms, now, 0) }
}

/// A relay that has no bid until a test gives it one.
pub async fn relay(network: &Network, number: u64) -> Relay {
    Relay::spawn(RelayConfig::by_hand(network, SYSTEM, number)).await.expect("a port is free")
}

/// A relay that bids `value` for [`SLOT`], on whatever parent it is asked for.
pub async fn relay_bidding(network: &Network, number: u64, value: Wei) -> Relay {
    let relay = relay(network, number).await;
    relay.set_bid_value(SLOT, value);
    relay
}

/// The validator of that number, with its secret key.
pub fn validator(number: u64) -> SecretKey {
    headstart_devnet::key(VALIDATORS_SEED, number)
}

pub fn validators(count: usize) -> Vec<SecretKey> {
    headstart_devnet::keys(VALIDATORS_SEED, count)
}

/// The auction for that validator's block of [`SLOT`] on [`PARENT`].
pub fn auction(validator: &SecretKey) -> AuctionKey {
    AuctionKey { slot: SLOT, parent_hash: PARENT, proposer: validator.public_key() }
}

pub fn eth(amount: &str) -> Wei {
    Wei::parse_eth(amount).expect("an amount in ether")
}
