use headstart_types::{BlsPublicKey, Epoch, Root, Slot, ValidatorIndex};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{Get, found};
use crate::{BeaconNode, Error};

const BYTES_MAX: usize = 1 << 20;
const WHAT: &str = "the proposer duties";

/// Which endpoint told the duties, and so what [`ProposerDuties::dependent_root`] depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DutiesVersion {
    /// The last block before the epoch itself: `current_duty_dependent_root` of that epoch's head events.
    V1,
    /// The last block before the epoch before (EIP-7917): `previous_duty_dependent_root` of that epoch's head events.
    V2,
    /// The state of the head, which is `dependent_root` then.
    Lookahead,
}

/// Who proposes in one epoch, valid as long as the chain contains the block `dependent_root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposerDuties {
    pub dependent_root: Root,
    pub version: DutiesVersion,
    pub duties: Vec<ProposerDuty>,
}

/// One slot's proposer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ProposerDuty {
    pub pubkey: BlsPublicKey,
    pub validator_index: ValidatorIndex,
    pub slot: Slot,
}

#[derive(Deserialize)]
struct Answer {
    dependent_root: Root,
    data: Vec<ProposerDuty>,
}

impl BeaconNode {
    /// `GET /eth/v2/validator/duties/proposer/{epoch}`, or v1 from a node that does not know v2 (404). From a node that
    /// refuses both, as some refuse the next epoch, they are read out of the state.
    pub async fn proposer_duties(&self, epoch: Epoch, deadline: Instant) -> Result<ProposerDuties, Error> {
        match self.duties_of(epoch, deadline).await {
            // What the node says of the state matters less than why it refused in the first place.
            Err(refusal @ Error::Status { status: 400 | 404 | 405 | 501, .. }) => {
                self.lookahead(epoch, deadline).await.ok().flatten().ok_or(refusal)
            }
            told => told,
        }
    }

    async fn duties_of(&self, epoch: Epoch, deadline: Instant) -> Result<ProposerDuties, Error> {
        let path = |version| format!("/eth/{version}/validator/duties/proposer/{epoch}");
        if let Some(answer) = found(self.duties_from(&path("v2"), deadline).await)? {
            return Ok(answer.told_by(DutiesVersion::V2));
        }
        Ok(self.duties_from(&path("v1"), deadline).await?.told_by(DutiesVersion::V1))
    }

    async fn duties_from(&self, path: &str, deadline: Instant) -> Result<Answer, Error> {
        self.get(&Get { what: WHAT, path, bytes_max: BYTES_MAX }, deadline).await
    }
}

impl Answer {
    fn told_by(self, version: DutiesVersion) -> ProposerDuties {
        ProposerDuties { dependent_root: self.dependent_root, version, duties: self.data }
    }
}
