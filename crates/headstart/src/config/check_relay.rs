use headstart_auction::CallPolicy;
use headstart_relay::{RelayUrl, TopBidUrl};

use super::{Error, Relay};

pub(super) fn check(key: &str, relay: &Relay, before: &[Relay]) -> Result<(), Error> {
    if relay.name.is_empty() {
        return Err(Error::check(format!("{key}.name"), "it is empty; give the relay a name"));
    }
    if before.iter().any(|other| other.name == relay.name) {
        return Err(Error::check(format!("{key}.name"), format!("another relay is called {:?}", relay.name)));
    }
    let url: RelayUrl = relay.url.parse().map_err(|error: headstart_relay::Error| {
        Error::check(format!("{key}.url"), format!("failed to {error}"))
    })?;
    let same = |other: &&Relay| other.url.parse().is_ok_and(|other: RelayUrl| other.id() == url.id());
    if let Some(other) = before.iter().find(same) {
        return Err(Error::check(format!("{key}.url"), format!("relay {:?} has the same URL", other.name)));
    }
    if let Some(url) = &relay.top_bid_url {
        url.parse::<TopBidUrl>()
            .map_err(|error| Error::check(format!("{key}.top_bid_url"), format!("failed to {error}")))?;
    }
    let Some(policy) = relay.call_policy() else {
        let presets = CallPolicy::PRESETS.map(|(name, _)| name).join(", ");
        let fault = format!("{:?} is no policy; write one of {presets}", relay.policy);
        return Err(Error::check(format!("{key}.policy"), fault));
    };
    if policy.first_ms >= policy.last_ms {
        return Err(Error::check(format!("{key}.first_ms"), "it must lie before last_ms"));
    }
    if policy.calls_max == 0 || policy.min_gap_ms == 0 || policy.burst == 0 {
        return Err(Error::check(key, "calls_max, min_gap_ms and burst must be positive"));
    }
    Ok(())
}
