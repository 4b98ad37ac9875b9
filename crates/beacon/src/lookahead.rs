use std::collections::BTreeMap;

use headstart_types::{BlsPublicKey, Epoch, Root, Slot, ValidatorIndex};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{Data, Get};
use crate::{BeaconNode, DutiesVersion, Error, ProposerDuties, ProposerDuty};

const SMALL_BYTES_MAX: usize = 64 * 1024;
const WHAT: &str = "the proposer lookahead";

/// Epochs that the lookahead covers: that of its state and the next.
const EPOCHS: u64 = 2;

#[derive(Deserialize)]
struct Head {
    root: Root,
    header: Header,
}

#[derive(Deserialize)]
struct Header {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    slot: Slot,
    state_root: Root,
}

#[derive(Deserialize)]
struct Validator {
    index: ValidatorIndex,
    validator: Keys,
}

#[derive(Deserialize)]
struct Keys {
    pubkey: BlsPublicKey,
}

impl BeaconNode {
    /// The duties of an epoch out of the state of the head, where they stand since Fulu; `None` if it does not hold them.
    ///
    /// `GET /eth/v1/beacon/states/{state_root}/proposer_lookahead`, with the public keys out of the same state.
    pub(crate) async fn lookahead(
        &self,
        epoch: Epoch,
        deadline: Instant,
    ) -> Result<Option<ProposerDuties>, Error> {
        let Data { data: head } = self.small::<Data<Head>>("/eth/v1/beacon/headers/head", deadline).await?;
        let Message { slot, state_root } = head.header.message;
        let state = format!("/eth/v1/beacon/states/{state_root}");
        let path = format!("{state}/proposer_lookahead");
        let Data { data: indices } = self.small::<Data<Vec<ValidatorIndex>>>(&path, deadline).await?;
        let Some(proposers) = of_epoch(&indices, slot, epoch) else { return Ok(None) };
        let keys = self.keys(&state, proposers.values(), deadline).await?;
        let duty = |(slot, index): (&Slot, &ValidatorIndex)| {
            let pubkey = *keys.get(index)?;
            Some(ProposerDuty { pubkey, validator_index: *index, slot: *slot })
        };
        let duties: Option<Vec<_>> = proposers.iter().map(duty).collect();
        Ok(duties.map(|duties| ProposerDuties {
            dependent_root: head.root,
            version: DutiesVersion::Lookahead,
            duties,
        }))
    }

    async fn keys(
        &self,
        state: &str,
        indices: impl Iterator<Item = &ValidatorIndex>,
        deadline: Instant,
    ) -> Result<BTreeMap<ValidatorIndex, BlsPublicKey>, Error> {
        let ids: Vec<_> = indices.map(|index| index.0.to_string()).collect();
        let path = format!("{state}/validators?id={}", ids.join(","));
        let Data { data: validators } = self.small::<Data<Vec<Validator>>>(&path, deadline).await?;
        Ok(validators.into_iter().map(|known| (known.index, known.validator.pubkey)).collect())
    }

    async fn small<T: serde::de::DeserializeOwned>(&self, path: &str, deadline: Instant) -> Result<T, Error> {
        self.get(&Get { what: WHAT, path, bytes_max: SMALL_BYTES_MAX }, deadline).await
    }
}

/// The proposers of `epoch` by the lookahead of a state of `slot`; `None` if that does not reach so far.
fn of_epoch(indices: &[ValidatorIndex], slot: Slot, epoch: Epoch) -> Option<BTreeMap<Slot, ValidatorIndex>> {
    let slots_per_epoch = (u64::try_from(indices.len()).ok()? / EPOCHS).max(1);
    let first_known = slot.0 - slot.0 % slots_per_epoch;
    let first = epoch.0.checked_mul(slots_per_epoch)?;
    let skipped = usize::try_from(first.checked_sub(first_known)?).ok()?;
    let count = usize::try_from(slots_per_epoch).ok()?;
    let proposers = indices.get(skipped..skipped.checked_add(count)?)?;
    Some((first..).map(Slot).zip(proposers.iter().copied()).collect())
}
