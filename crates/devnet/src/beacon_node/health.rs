use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{BeaconBehaviour, State};
use crate::server::{Body, full};

impl State {
    /// `GET /eth/v1/node/syncing`
    pub(super) fn syncing(&self) -> Value {
        let behaviour = self.behaviour();
        let syncing = behaviour == BeaconBehaviour::Syncing;
        let head_slot = self.head().slot;
        let distance = self.chain.network().slot_at(self.chain.clock().now()).0.saturating_sub(head_slot.0);
        json!({ "data": {
            "head_slot": head_slot,
            "sync_distance": if syncing { distance.max(64).to_string() } else { distance.to_string() },
            "is_syncing": syncing,
            "is_optimistic": behaviour == BeaconBehaviour::Optimistic,
            "el_offline": behaviour == BeaconBehaviour::ExecutionOffline,
        }})
    }

    /// `GET /eth/v1/node/health`
    pub(super) fn health(&self) -> Response<Body> {
        let status = if self.behaviour() == BeaconBehaviour::Syncing {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let mut response = Response::new(full(""));
        *response.status_mut() = status;
        response
    }
}
