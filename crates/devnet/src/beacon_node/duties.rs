use std::collections::{BTreeMap, BTreeSet};

use headstart_types::Epoch;
use http::StatusCode;
use serde_json::{Value, json};

use super::blocks::Refusal;
use super::{BeaconBehaviour, BeaconNode, State};
use crate::chain::{Chain, ChainBlock, Duty};

impl BeaconNode {
    /// From now on it does not tell the duties of this epoch, as a node that is still working them out.
    pub fn refuse_duties(&self, epoch: Epoch) {
        self.state.controls().duties_refused.insert(epoch);
    }
}

impl State {
    pub(super) fn is_too_far(&self, epoch: &str) -> bool {
        let current = self.chain.network().epoch(self.chain.network().slot_at(self.chain.clock().now()));
        let is_ahead = epoch.parse().is_ok_and(|epoch: u64| epoch > current.0);
        is_ahead && self.behaviour() == BeaconBehaviour::WithoutNextDuties
    }

    pub(super) fn refuses_duties(&self, epoch: &str) -> bool {
        epoch.parse().is_ok_and(|epoch| self.controls().duties_refused.contains(&Epoch(epoch)))
    }
}

/// `GET /eth/v1/validator/duties/proposer/{epoch}` and its second version.
pub(super) fn proposer_duties(chain: &Chain, epoch: &str, v2: bool) -> Result<Value, Refusal> {
    let bad = |message: &str| (StatusCode::BAD_REQUEST, message.to_owned());
    let epoch = Epoch(epoch.parse().map_err(|_| bad("invalid epoch"))?);
    let network = chain.network();
    let now = network.slot_at(chain.clock().now()).max(chain.head().slot);
    if epoch.0 > network.epoch(now).0 + 1 {
        return Err(bad("the epoch is more than one epoch ahead"));
    }
    let duties = if v2 { chain.duties_v2(epoch) } else { chain.duties(epoch) };
    Ok(json!({
        "dependent_root": duties.dependent_root,
        "execution_optimistic": false,
        "data": duties.duties.iter().map(duty).collect::<Vec<_>>(),
    }))
}

/// `GET /eth/v1/beacon/states/{state_id}/proposer_lookahead`, of the head's state only.
pub(super) fn lookahead(chain: &Chain, head: ChainBlock, id: &str) -> Result<Value, Refusal> {
    let duties = ahead(chain, head, id)?;
    let indices: Vec<_> = duties.iter().map(|duty| duty.validator_index).collect();
    Ok(json!({ "version": "fulu", "execution_optimistic": false, "finalized": false, "data": indices }))
}

/// `GET /eth/v1/beacon/states/{state_id}/validators?id=…`, of the proposers to come.
pub(super) fn validators(chain: &Chain, head: ChainBlock, id: &str, query: &str) -> Result<Value, Refusal> {
    let wanted: BTreeSet<_> = query.trim_start_matches("id=").split(',').map(str::to_owned).collect();
    let duties = ahead(chain, head, id)?;
    let known: BTreeMap<_, _> = duties.iter().map(|duty| (duty.validator_index, duty.pubkey)).collect();
    let validators: Vec<_> = known
        .iter()
        .filter(|(index, _)| wanted.contains(&index.0.to_string()))
        .map(|(index, pubkey)| {
            json!({ "index": index, "status": "active_ongoing", "validator": { "pubkey": pubkey } })
        })
        .collect();
    Ok(json!({ "execution_optimistic": false, "finalized": false, "data": validators }))
}

/// Who proposes in the epoch of the head and in the next.
fn ahead(chain: &Chain, head: ChainBlock, id: &str) -> Result<Vec<Duty>, Refusal> {
    if id != "head" && id != head.state_root().to_string() {
        return Err((StatusCode::NOT_FOUND, "only the state of the head is kept".to_owned()));
    }
    let epoch = chain.network().epoch(head.slot);
    Ok([epoch, Epoch(epoch.0 + 1)].into_iter().flat_map(|epoch| chain.duties(epoch).duties).collect())
}

fn duty(duty: &Duty) -> Value {
    json!({ "pubkey": duty.pubkey, "validator_index": duty.validator_index, "slot": duty.slot })
}
