use headstart_types::{BlockHash, Root, Slot};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{Data, Get, found};
use crate::{BeaconNode, Error};

/// A full block in JSON: the execution payload may have 10 MiB, and hexadecimal doubles it.
const BYTES_MAX: usize = 32 << 20;

const HEADER_BYTES_MAX: usize = 16 * 1024;

/// The execution block inside a beacon block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionBlock {
    /// The beacon block's slot.
    pub slot: Slot,
    pub block_hash: BlockHash,
    /// The execution block before it.
    pub parent_hash: BlockHash,
    pub block_number: u64,
    pub gas_limit: u64,
}

#[derive(Deserialize)]
struct Header {
    root: Root,
}

#[derive(Deserialize)]
struct Signed {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    slot: Slot,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    execution_payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    block_hash: BlockHash,
    parent_hash: BlockHash,
    #[serde(with = "serde_utils::quoted_u64")]
    block_number: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    gas_limit: u64,
}

impl BeaconNode {
    /// `GET /eth/v2/beacon/blocks/{root}`: which execution block the beacon block `root` carries; `None` when the node does
    /// not have it.
    pub async fn execution_block(
        &self,
        root: Root,
        deadline: Instant,
    ) -> Result<Option<ExecutionBlock>, Error> {
        self.block(&root.to_string(), deadline).await
    }

    /// `GET /eth/v2/beacon/blocks/head`: the execution block at the head of the chain.
    pub async fn head_block(&self, deadline: Instant) -> Result<Option<ExecutionBlock>, Error> {
        self.block("head", deadline).await
    }

    /// `GET /eth/v1/beacon/headers/head`: the root of the beacon block at the head of the chain; `None` when the node has
    /// none yet.
    pub async fn head_root(&self, deadline: Instant) -> Result<Option<Root>, Error> {
        let path = "/eth/v1/beacon/headers/head";
        let get = Get { what: "the head", path, bytes_max: HEADER_BYTES_MAX };
        let answer: Option<Data<Header>> = found(self.get(&get, deadline).await)?;
        Ok(answer.map(|answer| answer.data.root))
    }

    async fn block(&self, id: &str, deadline: Instant) -> Result<Option<ExecutionBlock>, Error> {
        let path = format!("/eth/v2/beacon/blocks/{id}");
        let get = Get { what: "the block", path: &path, bytes_max: BYTES_MAX };
        let answer: Option<Data<Signed>> = found(self.get(&get, deadline).await)?;
        Ok(answer.map(|answer| answer.data.message.into()))
    }
}

impl From<Message> for ExecutionBlock {
    fn from(message: Message) -> Self {
        let payload = message.body.execution_payload;
        Self {
            slot: message.slot,
            block_hash: payload.block_hash,
            parent_hash: payload.parent_hash,
            block_number: payload.block_number,
            gas_limit: payload.gas_limit,
        }
    }
}
