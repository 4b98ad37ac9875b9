use super::Finding;
use crate::Config;

/// A configuration that was read can be used; what is left is what may be dangerous in it.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let warnings = config.warnings();
    if warnings.is_empty() {
        return vec![Finding::ok("configuration", format!("network {}", config.network.name))];
    }
    let warned = warnings.into_iter().map(|warning| {
        // Each warning reads "what is so: what to do".
        let (seen, remedy) = warning.split_once(": ").unwrap_or((&warning, "see docs/configuration.md"));
        Finding::warn("configuration", seen, remedy)
    });
    warned.collect()
}
