use std::sync::atomic::Ordering;

use headstart_types::{BlockHash, Root, Slot};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{Data, Get, found};
use crate::{BeaconNode, Error};

/// A full block in JSON: the execution payload may have 10 MiB, and hexadecimal doubles it.
const BYTES_MAX: usize = 32 << 20;

/// A node that so often did not have a blinded block, and then had the full one, does not serve them. Once alone may be a
/// block that came in between.
const NOT_SERVED: u32 = 3;
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
    /// A blinded block has its header.
    #[serde(alias = "execution_payload_header")]
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
    /// Which execution block the beacon block `root` carries; `None` when the node does not have it.
    ///
    /// `GET /eth/v1/beacon/blinded_blocks/{root}`, which says as much without the transactions; from a node without it
    /// `GET /eth/v2/beacon/blocks/{root}`.
    pub async fn execution_block(
        &self,
        root: Root,
        deadline: Instant,
    ) -> Result<Option<ExecutionBlock>, Error> {
        self.block(&root.to_string(), deadline).await
    }

    /// The execution block at the head of the chain.
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
        let without_blinded = self.without_blinded_blocks();
        if without_blinded.load(Ordering::Relaxed) < NOT_SERVED {
            match self.block_at(&format!("/eth/v1/beacon/blinded_blocks/{id}"), deadline).await {
                Err(Error::Status { status: 404, .. }) => {}
                Err(Error::Status { status: 405 | 501, .. }) => {
                    without_blinded.store(NOT_SERVED, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
                Ok(block) => {
                    without_blinded.store(0, Ordering::Relaxed);
                    return Ok(Some(block));
                }
            }
        }
        let full = found(self.block_at(&format!("/eth/v2/beacon/blocks/{id}"), deadline).await)?;
        if full.is_some() {
            without_blinded.fetch_add(1, Ordering::Relaxed);
        }
        Ok(full)
    }

    async fn block_at(&self, path: &str, deadline: Instant) -> Result<ExecutionBlock, Error> {
        let get = Get { what: "the block", path, bytes_max: BYTES_MAX };
        Ok(self.get::<Data<Signed>>(&get, deadline).await?.data.message.into())
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
