//! The exact best of a moment, from the market and nothing else.

use headstart_devnet::{Access, Market};
use headstart_types::{Network, Slot, UnixMillis, Wei};

use super::cast::Cast;

/// The relays of a set, seen from above.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) market: Market,
    pub(super) network: Network,
    pub(super) relays: Vec<Cast>,
}

/// From a bid's arrival to the store, its signature verified: what headstart allows itself.
const STORED_WITHIN_MS: i64 = 2;

/// What the figures of a report are, for whoever reads it.
pub(super) const DEFINITIONS: [(&str, &str); 6] = [
    (
        "reachable",
        "the best bid that any answer could have carried here by the instant of asking: each relay's book half a round \
         trip earlier, if the relay answered calls at that moment",
    ),
    (
        "delivered",
        "the best bid that an answer or a stream could have brought here at least 2 ms before the asking, which is what \
         headstart allows itself to verify and store it; where a lower one of the same relay could have come since, that \
         one",
    ),
    (
        "fetched",
        "the best bid that the strategy's own calls had brought back by the instant of asking: what is served below that \
         had come and was not verified yet",
    ),
    ("in the books", "the best bid in any relay's book at the very instant of asking"),
    (
        "share",
        "value of the served bid by that; no header is 0. A bid above it counts as 1 and is counted apart (above): who \
         makes the beacon node wait sees later bids, and a held bid may since have been lowered by its builder",
    ),
    ("missed", "no header, or one later than 950 ms after the asking"),
];

impl Field {
    /// The best bid that any answer could have carried here by `now`: light does not travel faster for anybody.
    pub(super) fn reachable(&self, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let numbered = (0..).zip(&self.relays);
        let values = numbered.filter_map(|(number, relay)| {
            let left_at = now - half_ms(relay);
            self.answered(number, relay, slot, left_at)
        });
        values.max()
    }

    /// The best bid that could have been here by `now` for as long as it may take to be verified and stored. Newest is
    /// what counts, so of a relay's bids that came within that time the lowest is enough: whoever is faster must serve it.
    pub(super) fn delivered(&self, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let numbered = (0..).zip(&self.relays);
        let values = numbered.filter_map(|(number, relay)| {
            let left_at = now - half_ms(relay);
            self.answered(number, relay, slot, left_at - STORED_WITHIN_MS)?;
            let within = (0..=STORED_WITHIN_MS).map(|earlier_ms| left_at - earlier_ms);
            within.filter_map(|left_at| self.answered(number, relay, slot, left_at)).min()
        });
        values.max()
    }

    /// The best bid in any relay's book at `now`, whether anybody could know of it or not.
    pub(super) fn in_books(&self, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let numbers: Vec<_> = (0..).take(self.relays.len()).collect();
        self.market.best(&numbers, slot, now)
    }

    /// What relay number `number` gives to a call for `slot` that it looks at in that moment.
    fn answered(&self, number: u64, relay: &Cast, slot: Slot, moment: UnixMillis) -> Option<Wei> {
        let offer = self.answers(relay, slot, moment).then(|| self.market.top_bid(number, slot, moment));
        offer.flatten().map(|offer| offer.value)
    }

    /// Whether the relay answers a call for `slot` with a bid at `moment`. The head is known to all from long before.
    fn answers(&self, relay: &Cast, slot: Slot, moment: UnixMillis) -> bool {
        match relay.behaviour.access {
            Access::OncePerSlotInSlot => moment >= self.network.slot_start(slot),
            Access::Free | Access::NotBeforeHead | Access::HeadGated => true,
        }
    }
}

/// Half of the relay's round trip.
fn half_ms(relay: &Cast) -> i64 {
    (relay.behaviour.latency_ms / 2).cast_signed()
}

#[cfg(test)]
mod tests {
    use headstart_types::ForkName;

    use super::*;
    use crate::bench::value::cast::RelaySet;
    use crate::bench::value::held::Held;
    use crate::bench::value::options::SLOT_MS;

    fn field(set: RelaySet) -> Field {
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, UnixMillis(0), 0);
        let market = Market::new(network.clone(), 3, 12).restless().in_real_time();
        Field { market, network, relays: set.cast() }
    }

    /// A strategy that no strategy can beat: asks every relay in every millisecond, without cost, and serves the newest
    /// of each at the instant of asking.
    fn oracle(field: &Field, slot: Slot, now: UnixMillis) -> Option<Wei> {
        let mut held = Held::default();
        for (number, relay) in field.relays.iter().enumerate() {
            let half_ms = half_ms(relay);
            for asked_at in (now.0 - 200..=now.0).map(UnixMillis) {
                let (looked_at, here_at) = (asked_at + half_ms, asked_at + 2 * half_ms);
                if here_at > now || !field.answers(relay, slot, looked_at) {
                    continue;
                }
                let bid = field.market.top_bid(number as u64, slot, looked_at);
                held.take(number, asked_at.0, bid.map(|offer| offer.value));
            }
        }
        held.best()
    }

    #[test]
    fn an_oracle_captures_all_that_is_reachable_and_never_more() {
        for set in [RelaySet::Polling, RelaySet::Mixed] {
            let field = field(set);
            for slot in (1..7).map(Slot) {
                for offset_ms in [-3, 0, 20, 170, 1100] {
                    let now = field.network.slot_start(slot) + offset_ms;
                    let (best, reachable) = (oracle(&field, slot, now), field.reachable(slot, now));
                    assert_eq!(best, reachable, "{set}, slot {slot} at {offset_ms} ms");
                }
            }
        }
    }

    #[test]
    fn nothing_is_reachable_that_is_not_in_a_book_half_a_round_trip_earlier() {
        let field = field(RelaySet::Polling);
        for slot in (1..60).map(Slot) {
            let now = field.network.slot_start(slot) + 170;
            let books = (0..).zip(&field.relays).filter_map(|(number, relay)| {
                let earlier = now - half_ms(relay);
                field.market.top_bid(number, slot, earlier).map(|offer| offer.value)
            });
            assert_eq!(field.reachable(slot, now), books.max());
        }
    }

    #[test]
    fn whoever_stores_bids_within_two_milliseconds_serves_all_that_was_delivered() {
        let field = field(RelaySet::Mixed);
        let moments = [-200, -3, 0, 20, 170, 500, 1_100];
        let mut below = 0;
        for (slot, offset_ms) in (1..200).flat_map(|slot| moments.map(|offset_ms| (Slot(slot), offset_ms))) {
            let now = field.network.slot_start(slot) + offset_ms;
            let delivered = field.delivered(slot, now);
            for stored_within_ms in 0..=2 {
                let held = (0..).zip(&field.relays).filter_map(|(number, relay)| {
                    let left_at = now - half_ms(relay) - stored_within_ms;
                    field.answered(number, relay, slot, left_at)
                });
                assert!(held.max() >= delivered, "slot {slot} at {offset_ms} ms, {stored_within_ms} ms");
            }
            below += u32::from(delivered < field.reachable(slot, now));
        }
        assert!(below > 0, "some bids are so new that nobody can have stored them");
    }

    #[test]
    fn a_relay_that_answers_only_in_the_slot_is_out_of_reach_before() {
        let mut field = field(RelaySet::Mixed);
        field.relays.retain(|relay| relay.behaviour.access == Access::OncePerSlotInSlot);
        let (slot, start) = (Slot(9), field.network.slot_start(Slot(9)));
        assert_eq!(field.reachable(slot, start + 24), None, "its answer left before the slot");
        assert!(field.reachable(slot, start + 25).is_some());
        assert!(field.in_books(slot, start).is_some());
    }
}
