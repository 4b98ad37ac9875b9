//! Who is served: clusters, their operators and beacon nodes, validators and claims, relays and policies, and the
//! registrations of every validator.
//!
//! 1. The hot path reads the [`Directory`], one immutable snapshot in memory, and waits for nothing in this room.
//! 2. Claims are not exclusive: a signed registration is public and proves nothing about who sends it. The credential
//!    chooses the cluster, the cluster its relays and policy; a public key only selects data.
//! 3. An [`Asker`] and a [`Caller`] come from authentication and from nowhere else. Secrets are kept as digests.

mod admin;
mod asker;
mod audit;
mod build;
mod cluster;
mod columns;
mod deliveries;
mod directory;
mod follow;
mod identity;
mod lease;
mod live;
mod load;
mod loops;
mod network;
mod outcomes;
mod registrations;
mod registry;
mod rows;
mod secret;
pub mod snapshot;
mod spool;
mod sql;
mod table;
mod timelines;
mod token;

pub use admin::{AddedClaims, ClusterSummary, IssuedToken, ProposalReport, is_name};
pub use asker::Asker;
pub use audit::{AuditBreak, AuditHead, AuditRecord, AuditReport};
pub use cluster::{Claim, Cluster, Declared, DeclaredCluster, RelayEntry};
pub use deliveries::{Delivered, Deliveries, Telling, mark};
pub use directory::Directory;
pub use follow::{Follow, follow};
pub use live::LiveDirectory;
pub use outcomes::{OutcomeKind, OutcomeRecord, Outcomes};
pub use registrations::{NotRecorded, Recorded, Registrations};
pub use registry::{Actor, Registry};
pub use rows::{
    BeaconNodeRow, ClaimLevel, ClaimRow, ClusterRow, DirectoryRows, KeyRow, OperatorRow, PolicyRow, QuotaRow,
    RelayRow, SecretRow,
};
pub use secret::{NewSecret, PresentedSecret};
pub use snapshot::SnapshotError;
pub use sql::{Error, Migrated, Result, Schema};
pub use timelines::TimelineRecord;
pub use token::{
    Algorithm, Caller, Claims, KeyRejected, OPERATOR_TOKEN_LIFETIME_MS, SERVICE_ISSUER,
    SERVICE_TOKEN_LIFETIME_MS, Scope, Scopes, SigningKey, TOKEN_LEEWAY_MS, TokenRejected, VerifyingKey,
    token_audience,
};
