//! Files that tell which validators a cluster has: what Obol and SSV publish, and plain lists of signed registrations.
//!
//! Which of them a file is follows from its shape. A fault is named by its place in the JSON.

mod cluster_lock;
mod registrations;
mod ssv;
mod walk;

use std::collections::BTreeSet;

use headstart_types::{BlsPublicKey, PublicKey, SignedValidatorRegistration};
use serde_json::Value;

pub(crate) use walk::Fault;
use walk::Node;

/// What a file was recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    ClusterLock,
    Registrations,
    SsvOperatorApi,
    SsvNodeApi,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterLock => "obol cluster lock",
            Self::Registrations => "signed registrations",
            Self::SsvOperatorApi => "ssv operator api",
            Self::SsvNodeApi => "ssv node api",
        }
    }
}

/// The validators of a file, each once and in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) format: Format,
    pub(crate) validators: Vec<Imported>,
    /// The file says that there are more validators elsewhere: so many in all.
    pub(crate) of_total: Option<u64>,
}

/// One validator. Its key is a point of the group; the registration's signature is still to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) pubkey: BlsPublicKey,
    pub(crate) registration: Option<SignedValidatorRegistration>,
}

impl Import {
    /// Reads the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Fault::new("", format!("no JSON: {error}; {GIVE}")))?;
        let root = Node::root(&value);
        let (format, read) = if root.get("distributed_validators").is_some() {
            (Format::ClusterLock, cluster_lock::read(&root)?)
        } else if value.is_array() {
            (Format::Registrations, registrations::read(&root)?)
        } else if let Some(validators) = root.get("validators") {
            (Format::SsvOperatorApi, ssv::read(&validators)?)
        } else if let Some(data) = root.get("data") {
            (Format::SsvNodeApi, ssv::read(&data)?)
        } else {
            return Err(Fault::new("", format!("not a file that is known here; {GIVE}")));
        };
        Ok(Self { format, validators: unique(read)?, of_total: ssv::total(&root) })
    }
}

const GIVE: &str = "give an Obol cluster-lock.json, a JSON list of signed registrations, or an answer of SSV's operator API ({\"validators\": …}) or node API ({\"data\": …})";

/// Each key once, with the newest of its registrations, and every key checked.
fn unique(read: Vec<(String, Imported)>) -> Result<Vec<Imported>, Fault> {
    let (mut seen, mut validators) = (BTreeSet::new(), Vec::<Imported>::with_capacity(read.len()));
    for (path, imported) in read {
        if seen.insert(imported.pubkey) {
            PublicKey::decompress(&imported.pubkey).map_err(|_| {
                Fault::new(&path, format!("{} is no BLS public key; copy the file anew", imported.pubkey))
            })?;
            validators.push(imported);
        } else if let Some(known) = validators.iter_mut().find(|known| known.pubkey == imported.pubkey) {
            let timestamp = |imported: &Imported| {
                imported.registration.map(|registration| registration.message.timestamp)
            };
            if timestamp(known) < timestamp(&imported) {
                *known = imported;
            }
        }
    }
    Ok(validators)
}

#[cfg(test)]
mod tests;
