use headstart_types::Epoch;
use http::StatusCode;
use serde_json::{Value, json};

use super::blocks::Refusal;
use super::{BeaconNode, State};
use crate::chain::{Chain, Duty};

impl BeaconNode {
    /// From now on it does not tell the duties of this epoch, as a node that is still working them out.
    pub fn refuse_duties(&self, epoch: Epoch) {
        self.state.controls().duties_refused.insert(epoch);
    }
}

impl State {
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

fn duty(duty: &Duty) -> Value {
    json!({ "pubkey": duty.pubkey, "validator_index": duty.validator_index, "slot": duty.slot })
}
