use headstart_relay::Relay;
use http::StatusCode;

use crate::addressees::Addressees;
use crate::reply::ApiError;

/// What relays said when none took the block.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    reasons: Vec<(String, String)>,
    /// A relay might have taken the block: it was out of reach, failing, or answered with another payload.
    pub(crate) any_withheld: bool,
}

impl Failures {
    pub(crate) fn refused(&mut self, relay: &Relay, reason: &str) {
        self.reasons.push((relay.name().to_owned(), reason.to_owned()));
    }

    pub(crate) fn withheld(&mut self, relay: &Relay, reason: &str) {
        self.any_withheld = true;
        self.refused(relay, reason);
    }

    /// Each relay's reason, by its name.
    pub(crate) fn by_name(&self) -> String {
        let reasons: Vec<_> =
            self.reasons.iter().map(|(relay, reason)| format!("{relay}: {reason}")).collect();
        reasons.join("; ")
    }

    /// 400 when every relay refused the block, 502 when one might have taken it. Whoever serves none of the proposer's
    /// clusters is not told the names of other clusters' relays.
    pub(crate) fn into_error(self, to: &Addressees) -> ApiError {
        let status = if self.any_withheld { StatusCode::BAD_GATEWAY } else { StatusCode::BAD_REQUEST };
        let known = if to.offering() == 0 { "no relay offered this block here, and " } else { "" };
        let reasons = if self.reasons.is_empty() {
            "there is no relay to ask".to_owned()
        } else if to.cluster.is_some() {
            self.by_name()
        } else {
            let nameless: Vec<_> = self.reasons.into_iter().map(|(_, reason)| reason).collect();
            nameless.join("; ")
        };
        ApiError::new(status, format!("{known}no relay took it: {reasons}"))
    }
}
