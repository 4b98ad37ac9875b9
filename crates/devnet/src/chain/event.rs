use headstart_types::{Epoch, ForkName, Root};
use serde_json::{Value, json};

use super::{Chain, ChainBlock, PayloadAttributes};

/// What happened to the chain, as the beacon API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Head {
        block: ChainBlock,
        epoch_transition: bool,
        /// What the duties of the previous and of the current epoch depend on.
        previous_duty_dependent_root: Root,
        current_duty_dependent_root: Root,
    },
    PayloadAttributes(PayloadAttributes),
    ChainReorg {
        /// Slots of the old chain that are left behind.
        depth: u64,
        old_head: ChainBlock,
        new_head: ChainBlock,
    },
}

impl Event {
    /// The topic under which `/eth/v1/events` sends it.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Head { .. } => "head",
            Self::PayloadAttributes(_) => "payload_attributes",
            Self::ChainReorg { .. } => "chain_reorg",
        }
    }
}

impl Chain {
    pub(crate) fn head_event(&self, block: ChainBlock, old_head: ChainBlock) -> Event {
        let epoch = self.network().epoch(block.slot);
        Event::Head {
            block,
            epoch_transition: self.network().epoch(old_head.slot) != epoch,
            previous_duty_dependent_root: self.root_before(Epoch(epoch.0.saturating_sub(1))),
            current_duty_dependent_root: self.root_before(epoch),
        }
    }

    /// The `data` of `event` as `/eth/v1/events` sends it, from a node whose execution client has checked it or has not.
    pub(crate) fn event_json(&self, event: &Event, is_optimistic: bool) -> Value {
        match event {
            Event::Head {
                block,
                epoch_transition,
                previous_duty_dependent_root,
                current_duty_dependent_root,
            } => json!({
                "slot": block.slot,
                "block": block.root,
                "state": block.state_root(),
                "epoch_transition": epoch_transition,
                "previous_duty_dependent_root": previous_duty_dependent_root,
                "current_duty_dependent_root": current_duty_dependent_root,
                "execution_optimistic": is_optimistic,
            }),
            Event::PayloadAttributes(attributes) => self.attributes_json(attributes),
            Event::ChainReorg { depth, old_head, new_head } => json!({
                "slot": new_head.slot,
                "depth": depth.to_string(),
                "old_head_block": old_head.root,
                "new_head_block": new_head.root,
                "old_head_state": old_head.state_root(),
                "new_head_state": new_head.state_root(),
                "epoch": self.network().epoch(new_head.slot),
                "execution_optimistic": is_optimistic,
            }),
        }
    }

    fn attributes_json(&self, attributes: &PayloadAttributes) -> Value {
        let version = self.network().fork_at(attributes.proposal_slot).map(ForkName::as_str);
        json!({
            "version": version,
            "data": {
                "proposer_index": attributes.proposer_index,
                "proposal_slot": attributes.proposal_slot,
                "parent_block_number": attributes.parent_block_number.to_string(),
                "parent_block_root": attributes.parent_block_root,
                "parent_block_hash": attributes.parent_block_hash,
                "payload_attributes": {
                    "timestamp": attributes.timestamp.to_string(),
                    "prev_randao": attributes.prev_randao,
                    "suggested_fee_recipient": attributes.suggested_fee_recipient,
                    "withdrawals": attributes.withdrawals,
                    "parent_beacon_block_root": attributes.parent_block_root,
                },
            },
        })
    }
}
