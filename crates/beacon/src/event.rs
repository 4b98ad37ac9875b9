use headstart_types::{BlockHash, ForkName, Root, Slot, ValidatorIndex, Withdrawals};
use serde::Deserialize;

/// The topics that are asked for, as in the query of the event stream.
pub(crate) const TOPICS: &str = "head,payload_attributes,chain_reorg";

/// What a beacon node tells, and whether it can be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The stream is open. What happened before is not told: ask for the state that matters.
    Connected,
    /// The stream broke or fell silent; it is being opened again.
    Disconnected,
    Head(Head),
    PayloadAttributes(Box<PayloadAttributes>),
    ChainReorg(ChainReorg),
}

/// The node has a new head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    pub slot: Slot,
    pub block: Root,
    /// The last block before the previous epoch.
    pub previous_duty_dependent_root: Root,
    /// The last block before the current epoch.
    pub current_duty_dependent_root: Root,
    /// The head was not yet checked by the execution client.
    #[serde(default)]
    pub execution_optimistic: bool,
}

/// What a payload of `proposal_slot` on this parent must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadAttributes {
    pub proposal_slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_block_root: Root,
    pub parent_block_hash: BlockHash,
    pub parent_block_number: u64,
    pub prev_randao: Root,
    /// Unix seconds.
    pub timestamp: u64,
    pub withdrawals: Withdrawals,
}

/// The head moved to another branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ChainReorg {
    pub slot: Slot,
    /// Slots back to the common ancestor.
    #[serde(with = "serde_utils::quoted_u64")]
    pub depth: u64,
    pub old_head_block: Root,
    pub new_head_block: Root,
}

impl Event {
    /// Reads the data of a server-sent event; `None` for a topic or a fork that is not known here.
    pub(crate) fn parse(topic: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(match topic {
            "head" => Some(Self::Head(serde_json::from_str(data)?)),
            "chain_reorg" => Some(Self::ChainReorg(serde_json::from_str(data)?)),
            "payload_attributes" => {
                parse_attributes(data)?.map(|attributes| Self::PayloadAttributes(Box::new(attributes)))
            }
            _ => None,
        })
    }
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Attributes {
    data: AttributesData,
}

#[derive(Deserialize)]
struct AttributesData {
    proposal_slot: Slot,
    proposer_index: ValidatorIndex,
    parent_block_root: Root,
    parent_block_hash: BlockHash,
    #[serde(with = "serde_utils::quoted_u64")]
    parent_block_number: u64,
    payload_attributes: Inner,
}

#[derive(Deserialize)]
struct Inner {
    prev_randao: Root,
    #[serde(with = "serde_utils::quoted_u64")]
    timestamp: u64,
    withdrawals: Withdrawals,
}

fn parse_attributes(data: &str) -> Result<Option<PayloadAttributes>, serde_json::Error> {
    let Version { version } = serde_json::from_str(data)?;
    if version.parse::<ForkName>().is_err() {
        return Ok(None);
    }
    let Attributes { data } = serde_json::from_str(data)?;
    Ok(Some(PayloadAttributes {
        proposal_slot: data.proposal_slot,
        proposer_index: data.proposer_index,
        parent_block_root: data.parent_block_root,
        parent_block_hash: data.parent_block_hash,
        parent_block_number: data.parent_block_number,
        prev_randao: data.payload_attributes.prev_randao,
        timestamp: data.payload_attributes.timestamp,
        withdrawals: data.payload_attributes.withdrawals,
    }))
}
