//! Clusters, their validators, relay sets and policies.
