//! What SSV's public operator API and an SSV node's own API answer: public keys, without registrations.

use super::Imported;
use super::walk::{Fault, Node};

pub(super) fn read(list: &Node<'_>) -> Result<Vec<(String, Imported)>, Fault> {
    list.items()?
        .map(|item| {
            let key = item.field("public_key")?;
            Ok((key.path().to_owned(), Imported { pubkey: key.pubkey()?, registration: None }))
        })
        .collect()
}

/// The operator API gives pages, and tells how many validators there are in all.
pub(super) fn total(root: &Node<'_>) -> Option<u64> {
    root.get("pagination")?.get("total")?.number().ok()
}
