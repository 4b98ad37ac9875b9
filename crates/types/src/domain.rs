use tree_hash::merkle_root;

use crate::Root;

/// `compute_domain` of the consensus specs: domain type, fork version and validators root in 32 bytes.
pub fn compute_domain(domain_type: [u8; 4], fork_version: [u8; 4], genesis_validators_root: Root) -> Root {
    let mut fork_data = [0; 64];
    fork_data[..4].copy_from_slice(&fork_version);
    fork_data[32..].copy_from_slice(genesis_validators_root.as_slice());
    let mut domain = [0; 32];
    domain[..4].copy_from_slice(&domain_type);
    domain[4..].copy_from_slice(&merkle_root(&fork_data, 2)[..28]);
    domain.into()
}

/// `compute_signing_root`: what a signature over an object is made over.
pub fn signing_root(object_root: Root, domain: Root) -> Root {
    merkle_root(&[object_root.0, domain.0].concat(), 2)
}
