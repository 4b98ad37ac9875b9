use std::collections::BTreeSet;

use headstart_types::{PublicKey, Wei};

use super::{Cluster, Config, Defaults, Error};
use crate::slug;

pub(super) fn check(key: &str, cluster: &Cluster, config: &Config, before: &[Cluster]) -> Result<(), Error> {
    let name = &cluster.name;
    slug::check(name).map_err(|fault| Error::check(format!("{key}.name"), fault))?;
    if before.iter().any(|other| other.name == *name) {
        return Err(Error::check(format!("{key}.name"), format!("another cluster is called {name:?}")));
    }
    check_relays(key, cluster, config)?;
    check_validators(key, cluster)?;
    check_policy(key, &cluster.said())
}

/// The values of a policy that can be wrong, wherever they stand.
pub(super) fn check_policy(key: &str, said: &Defaults) -> Result<(), Error> {
    if let Some(eth) = said.min_bid_eth.as_ref().filter(|eth| Wei::parse_eth(eth).is_err()) {
        let fault = format!("{eth:?} is no amount of ether; write it like \"0.05\"");
        return Err(Error::check(format!("{key}.min_bid_eth"), fault));
    }
    if said.cutoff_ms.is_some_and(|ms| !(1..=CUTOFF_MS_MAX).contains(&ms)) {
        let fault = format!("write 1 to {CUTOFF_MS_MAX}: relays reveal no payload after 4 s");
        return Err(Error::check(format!("{key}.cutoff_ms"), fault));
    }
    if said.sticky_ms.is_some_and(|ms| !(1..=STICKY_MS_MAX).contains(&ms)) {
        let fault = format!("write 1 to {STICKY_MS_MAX}; sticky = false is for none");
        return Err(Error::check(format!("{key}.sticky_ms"), fault));
    }
    Ok(())
}

/// A tenth of a second before relays stop revealing payloads.
pub(crate) const CUTOFF_MS_MAX: u32 = 3_900;
/// A whole slot of the public networks.
pub(crate) const STICKY_MS_MAX: u32 = 12_000;

fn check_relays(key: &str, cluster: &Cluster, config: &Config) -> Result<(), Error> {
    if cluster.relays.is_empty() {
        return Err(Error::check(format!("{key}.relays"), "it is empty; name at least one of [[relays]]"));
    }
    for name in &cluster.relays {
        if !config.relays.iter().any(|relay| relay.name == *name) {
            let known = config.relays.iter().map(|relay| relay.name.as_str()).collect::<Vec<_>>().join(", ");
            let fault = format!("there is no relay {name:?} in [[relays]]; known are: {known}");
            return Err(Error::check(format!("{key}.relays"), fault));
        }
    }
    Ok(())
}

fn check_validators(key: &str, cluster: &Cluster) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for validator in &cluster.validators {
        let fault = if PublicKey::decompress(validator).is_err() {
            format!("{validator} is no valid BLS public key; copy it anew")
        } else if !seen.insert(*validator) {
            format!("validator {validator} is listed twice; remove one of them")
        } else {
            continue;
        };
        return Err(Error::check(format!("{key}.validators"), fault));
    }
    Ok(())
}
