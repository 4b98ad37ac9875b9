//! The messages and services that clusters speak, generated from `headstart/v1/cluster.proto`.
//!
//! The code is committed, so that nobody needs a compiler for protocol buffers; a test keeps it equal to the contract.

/// Version 1 of the protocol.
pub mod v1 {
    include!("generated/headstart.v1.rs");
}

/// The contract in its compiled form, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/headstart.v1.bin");
