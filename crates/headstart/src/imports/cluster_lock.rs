//! Obol's `cluster-lock.json`: one registration for each distributed validator, signed when the cluster was made.

use super::Imported;
use super::registrations::read_one;
use super::walk::{Fault, Node};

pub(super) fn read(root: &Node<'_>) -> Result<Vec<(String, Imported)>, Fault> {
    root.field("distributed_validators")?.items()?.map(|validator| read_validator(&validator)).collect()
}

fn read_validator(node: &Node<'_>) -> Result<(String, Imported), Fault> {
    let own_key = node.field("distributed_public_key")?;
    let pubkey = own_key.pubkey()?;
    let Some(signed) = node.get("builder_registration").filter(is_filled_in) else {
        return Ok((own_key.path().to_owned(), Imported { pubkey, registration: None }));
    };
    let registration = read_one(&signed)?;
    if registration.message.pubkey != pubkey {
        let fault =
            format!("it registers {}, and distributed_public_key is {pubkey}", registration.message.pubkey);
        return Err(signed.fault(fault));
    }
    Ok((signed.path().to_owned(), Imported { pubkey, registration: Some(registration) }))
}

/// Locks of clusters that were made without registrations have the member, with nothing in it.
fn is_filled_in(node: &Node<'_>) -> bool {
    node.get("signature").is_some_and(|signature| !matches!(signature.text(), Ok("" | "0x")))
}
