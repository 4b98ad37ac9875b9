use std::sync::Arc;

use headstart_types::{RelayId, Wei};

use crate::{Bid, ClusterPolicy, Offers};

/// What a cluster gets of an auction at one instant.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The highest bid of the cluster's relays, or the one that its operators got before.
    Bid(Arc<Bid>),
    /// The cluster's relays bid, but less than its minimum.
    BelowMinBid,
    /// None of the cluster's relays has bid.
    NoBid,
}

/// The best bid for a cluster: the highest of its relays' newest ones, at least its minimum.
///
/// Equal values go to the lower block hash, so that every instance and every operator gets the same one.
pub fn best(offers: &Offers, policy: &ClusterPolicy) -> Choice {
    let trusted = offers.bids().iter().filter(|bid| policy.trusts(bid.relay()));
    let highest = trusted.max_by(|a, b| {
        let by_value = a.value().cmp(&b.value());
        by_value.then_with(|| b.block_hash().cmp(&a.block_hash())).then_with(|| b.relay().cmp(&a.relay()))
    });
    match highest {
        Some(bid) if bid.value() >= policy.min_bid => Choice::Bid(Arc::clone(bid)),
        Some(_) => Choice::BelowMinBid,
        None => Choice::NoBid,
    }
}

/// Whether a bid of that relay which claims to be worth so much changes what any of these clusters is served: it beats what
/// is held, or takes the place of it. All others are kept for when the best is gone.
pub fn may_win<'a>(
    offers: &Offers,
    mut policies: impl Iterator<Item = &'a ClusterPolicy>,
    relay: RelayId,
    value: Wei,
) -> bool {
    policies.any(|policy| {
        policy.trusts(relay)
            && match best(offers, policy) {
                Choice::Bid(held) => held.relay() == relay || value > held.value(),
                Choice::BelowMinBid | Choice::NoBid => value >= policy.min_bid,
            }
    })
}
