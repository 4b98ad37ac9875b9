use headstart_relay::Relay;
use headstart_types::RelayId;
use http::StatusCode;

use crate::addressees::Addressees;
use crate::reply::ApiError;

/// What relays said when none took the block.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    reasons: Vec<Reason>,
    /// A relay might have taken the block: it was out of reach, failing, or answered with another payload.
    pub(crate) any_withheld: bool,
}

#[derive(Debug)]
struct Reason {
    relay: RelayId,
    name: String,
    said: String,
}

impl Failures {
    pub(crate) fn refused(&mut self, relay: &Relay, said: String) {
        self.reasons.push(Reason { relay: relay.id(), name: relay.name().to_owned(), said });
    }

    pub(crate) fn withheld(&mut self, relay: &Relay, said: String) {
        self.any_withheld = true;
        self.refused(relay, said);
    }

    /// Each relay's reason, by its name; only those are named of whom that may be told.
    pub(crate) fn by_name(&self, may_be_named: impl Fn(RelayId) -> bool) -> String {
        let reason = |Reason { relay, name, said }: &Reason| {
            if may_be_named(*relay) { format!("{name}: {said}") } else { said.clone() }
        };
        let reasons: Vec<_> = self.reasons.iter().map(reason).collect();
        reasons.join("; ")
    }

    /// 400 when every relay refused the block, 502 when one might have taken it. Nobody is told the names of other
    /// clusters' relays.
    pub(crate) fn error_for(&self, to: &Addressees) -> ApiError {
        let status = if self.any_withheld { StatusCode::BAD_GATEWAY } else { StatusCode::BAD_REQUEST };
        let known = if to.offering() == 0 { "no relay offered this block here, and " } else { "" };
        let reasons = if self.reasons.is_empty() {
            "there is no relay to ask".to_owned()
        } else {
            self.by_name(|relay| to.may_name(relay))
        };
        ApiError::new(status, format!("{known}no relay took it: {reasons}"))
    }
}
