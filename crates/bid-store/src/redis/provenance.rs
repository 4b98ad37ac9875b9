//! What must outlast pressure: which relays offered which block, and which block of a proposer was forwarded.

use std::time::Duration;

use headstart_auction::Origin;
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::time;

use super::Redis;
use crate::envelope::Order;
use crate::notice::{key_from_bytes, key_to_bytes};

/// Names looked at in one step of a sweep, the pause after it, and the most steps: two million names.
const SWEPT_AT_ONCE: usize = 200;
const SWEEP_PAUSE: Duration = Duration::from_millis(2);
const SWEEP_STEPS_MAX: usize = 10_000;

impl Redis {
    /// Puts on record that the relay offered the block; whether that is certain.
    pub(crate) async fn offered(&self, key: &AuctionKey, block_hash: BlockHash, relay: RelayId) -> bool {
        let (name, field) = (self.keys.origins(key.slot), field(block_hash, relay));
        let sealed = self.envelope.seal(&place(&name, &field), Order::default(), &key_to_bytes(key));
        let put = async |mut to: MultiplexedConnection| to.hset(&name, &field, &sealed).await;
        self.provenance.call::<i64>("put provenance on record", put).await.is_some()
    }

    /// `None` when nobody offered the block to any process, or when the server is away.
    pub(crate) async fn origin(&self, slot: Slot, block_hash: BlockHash) -> Option<Origin> {
        let name = self.keys.origins(slot);
        let mut offers: Vec<(Vec<u8>, Vec<u8>)> =
            self.provenance.call("read provenance", async |mut from| from.hgetall(&name).await).await?;
        offers.sort();
        let mut origin: Option<Origin> = None;
        for (field, sealed) in &offers {
            let relay = field.strip_prefix(block_hash.0.as_slice()).and_then(|relay| relay.try_into().ok());
            let key = self
                .envelope
                .open(&place(&name, field), sealed)
                .and_then(|opened| key_from_bytes(opened.body));
            if let (Some(relay), Some(key)) = (relay, key) {
                let origin = origin.get_or_insert_with(|| Origin { key, relays: Vec::new() });
                origin.relays.push(RelayId(u64::from_be_bytes(relay)));
            }
        }
        origin
    }

    /// Claims the slot for a block whose signature was verified; the root that was first, which may be this one. `None`
    /// when the server is away.
    pub(crate) async fn claim(&self, slot: Slot, proposer: &BlsPublicKey, root: Root) -> Option<Root> {
        let (name, field) = (self.keys.guard(slot), proposer.0);
        let place = place(&name, field.as_slice());
        let sealed = self.envelope.seal(&place, Order::default(), root.as_slice());
        let claim = async |mut to: MultiplexedConnection| {
            let mut both = redis::pipe();
            both.hset_nx(&name, field.as_slice(), &sealed).ignore().hget(&name, field.as_slice());
            both.query_async::<(Vec<u8>,)>(&mut to).await
        };
        let (first,) = self.provenance.call("claim a slot", claim).await?;
        self.envelope.open(&place, &first)?.body.try_into().ok().map(Root::new)
    }

    /// Forgets one slot; whether it could be done. What is left is swept later.
    pub(crate) async fn forget(&self, slot: Slot) -> bool {
        self.unlink(&[self.keys.origins(slot), self.keys.guard(slot)]).await
    }

    /// Forgets what is left of the slots before this one, in steps that keep nobody waiting; whether all was looked at.
    pub(crate) async fn sweep(&self, before: Slot) -> bool {
        let mut cursor = 0_u64;
        for _ in 0..SWEEP_STEPS_MAX {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.keys.of_slots()).arg("COUNT").arg(SWEPT_AT_ONCE);
            let step = async |mut at: MultiplexedConnection| scan.query_async(&mut at).await;
            let found: Option<(u64, Vec<String>)> = self.provenance.call("look for old slots", step).await;
            let Some((next, mut names)) = found else { return false };
            names.retain(|name| self.keys.slot_of_provenance(name).is_some_and(|slot| slot < before));
            if !names.is_empty() && !self.unlink(&names).await {
                return false;
            }
            if next == 0 {
                break;
            }
            cursor = next;
            time::sleep(SWEEP_PAUSE).await;
        }
        true
    }

    async fn unlink(&self, names: &[String]) -> bool {
        self.provenance.call::<i64>("forget slots", async |mut at| at.unlink(names).await).await.is_some()
    }
}

/// Of a field of a hash.
fn place(name: &str, field: &[u8]) -> Vec<u8> {
    [name.as_bytes(), field].concat()
}

fn field(block_hash: BlockHash, relay: RelayId) -> Vec<u8> {
    [block_hash.0.as_slice(), &relay.0.to_be_bytes()].concat()
}
