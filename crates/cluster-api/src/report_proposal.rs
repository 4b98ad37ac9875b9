use headstart_proto::v1::report_proposal_request::Fate;
use headstart_proto::v1::{LegacyHeader, ReportProposalRequest, ReportProposalResponse};
use headstart_registry::ProposalReport;
use headstart_types::Slot;
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use crate::auth::Method;
use crate::status::{RETRY_AFTER_MS, exhausted, invalid, not_found, of_registry};
use crate::{ClusterApi, convert};

/// Reports reach back a week.
const AGE_SECONDS_MAX: u64 = 7 * 24 * 3600;
const RELAY_BYTES_MAX: usize = 100;

impl ClusterApi {
    /// Keeps what an operator tells of a slot, beside what the others of its cluster tell.
    pub(crate) async fn report(
        &self,
        request: Request<ReportProposalRequest>,
    ) -> Result<Response<ReportProposalResponse>, Status> {
        let caller = self.authenticate(request.metadata(), Method::ReportProposal)?;
        self.rates().report(&caller.cluster().name, self.now())?;
        let told = request.into_inner();
        let validator = convert::pubkey("validator_pubkey", &told.validator_pubkey)?;
        let slot = self.slot(told.slot)?;
        let report = report(&told)?.to_string();
        let cluster = &caller.cluster().name;
        if self.config().directory.load().claim_of(&validator, cluster).is_none() {
            return Err(not_found("the validator"));
        }
        let (operator, reported_at) = (caller.operator().to_string(), self.now());
        let report = ProposalReport { slot, validator, operator, report, reported_at };
        match self.config().registry.report_proposal(cluster, &report).await {
            Ok(true) => Ok(Response::new(ReportProposalResponse {})),
            Ok(false) => Err(exhausted("reports of this slot", RETRY_AFTER_MS)),
            Err(fault) => Err(of_registry(&fault)),
        }
    }

    /// A slot that has begun, and is worth comparing.
    fn slot(&self, slot: u64) -> Result<Slot, Status> {
        let network = &self.config().network;
        let current = network.slot_at(self.now());
        let age_max = AGE_SECONDS_MAX * 1_000 / network.slot_duration_ms.max(1);
        match current.0.checked_sub(slot) {
            None => Err(invalid("slot", "has not begun")),
            Some(age) if age > age_max => Err(invalid("slot", "is more than a week ago")),
            Some(_) => Ok(Slot(slot)),
        }
    }
}

fn report(told: &ReportProposalRequest) -> Result<Value, Status> {
    let fate = match told.fate() {
        Fate::Unspecified => return Err(invalid("fate", "is missing")),
        Fate::Proposed => "proposed",
        Fate::Missed => "missed",
        Fate::Orphaned => "orphaned",
    };
    let block_hash = told.block_hash.as_deref().map(|hash| convert::block_hash("block_hash", hash));
    let legacy = told.legacy.as_ref().map(legacy).transpose()?;
    Ok(json!({ "fate": fate, "block_hash": block_hash.transpose()?, "legacy": legacy }))
}

fn legacy(told: &LegacyHeader) -> Result<Value, Status> {
    let hash = |field, hash: &[u8]| convert::block_hash(field, hash);
    let block_hash = told.block_hash.as_deref().map(|told| hash("legacy.block_hash", told));
    if told.relay.len() > RELAY_BYTES_MAX {
        return Err(invalid("legacy.relay", format!("must be {RELAY_BYTES_MAX} bytes at most")));
    }
    Ok(json!({
        "block_hash": block_hash.transpose()?,
        "value_wei": convert::wei("legacy.value_wei", &told.value_wei)?.to_string(),
        "parent_hash": hash("legacy.parent_hash", &told.parent_hash)?,
        "asked_offset_ms": told.asked_offset_ms,
        "answered_offset_ms": told.answered_offset_ms,
        "relay": told.relay,
    }))
}
