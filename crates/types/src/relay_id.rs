use std::fmt;

use serde::{Deserialize, Serialize};

/// A relay's fingerprint, derived from its key and address: the same in every process, so that shared state can name
/// relays without their URLs, which may carry credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelayId(pub u64);

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
