//! Who the clusters are: their validators, relay sets, policies and registrations.
//!
//! The hot path reads the [`Directory`], one immutable snapshot in memory. Registrations are kept as the newest of each
//! validator, together with what each of the cluster's relays has been told.
//!
//! The hot path never waits for anything in this room.

mod directory;
mod registrations;

pub use directory::{Cluster, Directory, DirectoryError};
pub use registrations::{Recorded, Registrations};
