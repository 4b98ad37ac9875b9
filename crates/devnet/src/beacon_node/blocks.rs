use headstart_types::{BlockHash, BlsSignature, ForkName, Slot};
use http::StatusCode;
use serde_json::{Value, json};

use super::{BeaconNode, State};
use crate::chain::{Chain, ChainBlock};

const GAS_LIMIT: u64 = 60_000_000;

pub(super) type Refusal = (StatusCode, String);

impl BeaconNode {
    /// The next so many times that it is asked for a block it has none, as a node that tells of it a moment too soon.
    pub fn withhold_blocks(&self, times: usize) {
        self.state.controls().blocks_withheld = times;
    }

    /// Blocks that it goes on to withhold.
    pub fn blocks_withheld(&self) -> usize {
        self.state.blocks_withheld()
    }
}

impl State {
    pub(super) fn blocks_withheld(&self) -> usize {
        self.controls().blocks_withheld
    }

    pub(super) fn withholds_block(&self) -> bool {
        let withheld = &mut self.controls().blocks_withheld;
        let withholds = *withheld > 0;
        *withheld = withheld.saturating_sub(1);
        withholds
    }
}

/// `GET /eth/v2/beacon/blocks/{block_id}`
pub(super) fn block(chain: &Chain, head: ChainBlock, id: &str) -> Result<Value, Refusal> {
    Ok(signed(chain, find(chain, head, id)?, "execution_payload"))
}

/// `GET /eth/v1/beacon/blinded_blocks/{block_id}`
pub(super) fn blinded_block(chain: &Chain, head: ChainBlock, id: &str) -> Result<Value, Refusal> {
    Ok(signed(chain, find(chain, head, id)?, "execution_payload_header"))
}

/// The fields that identify beacon and execution block.
fn signed(chain: &Chain, block: ChainBlock, payload: &str) -> Value {
    let parent_hash =
        chain.block(block.parent_root).map_or_else(BlockHash::default, |parent| parent.block_hash);
    json!({
        "version": chain.network().fork_at(block.slot).map(ForkName::as_str),
        "execution_optimistic": false,
        "finalized": false,
        "data": {
            "message": {
                "slot": block.slot,
                "proposer_index": block.proposer_index,
                "parent_root": block.parent_root,
                "state_root": block.state_root(),
                "body": { payload: {
                    "parent_hash": parent_hash,
                    "block_hash": block.block_hash,
                    "block_number": block.block_number.to_string(),
                    "gas_limit": GAS_LIMIT.to_string(),
                    "timestamp": chain.network().payload_timestamp(block.slot).to_string(),
                }},
            },
            "signature": BlsSignature::default(),
        },
    })
}

/// `GET /eth/v1/beacon/headers/{block_id}`
pub(super) fn header(chain: &Chain, head: ChainBlock, id: &str) -> Result<Value, Refusal> {
    let block = find(chain, head, id)?;
    Ok(json!({
        "execution_optimistic": false,
        "finalized": false,
        "data": {
            "root": block.root,
            "canonical": true,
            "header": {
                "message": {
                    "slot": block.slot,
                    "proposer_index": block.proposer_index,
                    "parent_root": block.parent_root,
                    "state_root": block.state_root(),
                    "body_root": block.root,
                },
                "signature": BlsSignature::default(),
            },
        },
    }))
}

/// By root, by slot, or the head that the node knows.
fn find(chain: &Chain, head: ChainBlock, id: &str) -> Result<ChainBlock, Refusal> {
    let by_slot = |slot: Slot| chain.canonical_at(slot).filter(|block| block.slot == slot);
    let found = match id {
        "head" => Some(head),
        _ if id.starts_with("0x") => chain.block(id.parse().map_err(|_| invalid())?),
        _ => by_slot(id.parse().map_err(|_| invalid())?),
    };
    found.ok_or_else(not_found)
}

pub(super) fn not_found() -> Refusal {
    (StatusCode::NOT_FOUND, "block not found".to_owned())
}

fn invalid() -> Refusal {
    (StatusCode::BAD_REQUEST, "invalid block id".to_owned())
}
