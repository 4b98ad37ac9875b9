//! Signed registrations as validator clients send them and as relays publish them.

use headstart_types::{
    Address, BlsSignature, ExecutionAddress, FixedBytes, SignedValidatorRegistration, ValidatorRegistration,
};

use super::Imported;
use super::walk::{Fault, Node};

/// A list of them.
pub(super) fn read(root: &Node<'_>) -> Result<Vec<(String, Imported)>, Fault> {
    root.items()?
        .map(|item| {
            let registration = read_one(&item)?;
            let pubkey = registration.message.pubkey;
            Ok((item.path().to_owned(), Imported { pubkey, registration: Some(registration) }))
        })
        .collect()
}

/// `{"message": {…}, "signature": "0x…"}`; Obol writes the numbers as numbers, validator clients as texts.
pub(super) fn read_one(node: &Node<'_>) -> Result<SignedValidatorRegistration, Fault> {
    let message = node.field("message")?;
    Ok(SignedValidatorRegistration {
        message: ValidatorRegistration {
            fee_recipient: address(message.field("fee_recipient")?.hex("address")?),
            gas_limit: message.field("gas_limit")?.number()?,
            timestamp: message.field("timestamp")?.number()?,
            pubkey: message.field("pubkey")?.pubkey()?,
        },
        signature: BlsSignature(node.field("signature")?.hex("signature")?),
    })
}

fn address(bytes: FixedBytes<20>) -> ExecutionAddress {
    ExecutionAddress(Address(bytes))
}
