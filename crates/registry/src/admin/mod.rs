//! What administrators and operators change, one file for each kind of object.

mod add_claims;
mod beacon_nodes;
mod challenges;
mod claims;
mod clusters;
mod operators;
mod proposal_reports;
mod relays;
mod tokens;

use crate::Error;
use crate::sql::Result;

pub use add_claims::AddedClaims;
pub use clusters::ClusterSummary;
pub use proposal_reports::ProposalReport;
pub use tokens::IssuedToken;

pub(crate) use proposal_reports::{Reported, write as write_report};

/// Letters of a name, at most.
const NAME_MAX: usize = 63;

/// Clusters, operators, beacon nodes and relays have names of lowercase letters, digits and hyphens.
pub fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = text.bytes().all(|byte| letter(byte) || byte == b'-');
    fits && text.len() <= NAME_MAX && text.bytes().next().is_some_and(letter)
}

fn check_name(text: &str) -> Result<()> {
    if is_name(text) {
        return Ok(());
    }
    Err(Error::Other(format!(
        "use the name {text:?}: write 1 to 63 of a-z, 0-9 and -, and no hyphen at the start"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "0", "alpha-2", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "Alpha", "a b", "ä", "a/b", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
