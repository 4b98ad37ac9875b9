//! `GET /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}`

mod bids;
mod callers;
mod negotiation;
mod refusals;

/// One call in the whole slot: what is served after it comes from memory.
const ASKED_ONCE: &str = "first_ms = -12000\nlast_ms = 3900\ncalls_max = 1";
