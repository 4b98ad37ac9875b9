use headstart_types::{AuctionKey, RelayId, UnixMillis, Wei};

/// What serving at that instant, and not another bid or later, has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regret {
    pub served_at: UnixMillis,
    pub value_served: Wei,
    /// The best that any relay gave when it was asked at that instant; what was held counts too. `None` when no relay was
    /// asked then.
    pub best_at_serve: Option<Wei>,
    /// From the ask that brought the bid until it was served, in milliseconds.
    pub bid_age_at_serve_ms: i64,
    /// By how much the best bid that was seen until the block came was worth more.
    pub left_on_table_after: Wei,
}

/// Follows the bids of one auction after its first header was served.
#[derive(Clone, Debug, Default)]
pub struct RegretMeter {
    served: Option<Served>,
}

#[derive(Clone, Debug)]
struct Served {
    at: UnixMillis,
    value: Wei,
    age_ms: i64,
    /// The relays that whoever was served trusts: another's bids were nothing to it.
    trusted: Vec<RelayId>,
    best_at_serve: Option<Wei>,
    best_after: Wei,
}

/// An ask that began no longer than this after the header was served tells what could have been had at that instant.
const AT_THAT_INSTANT_MS: i64 = 25;

/// Whether relays are asked for comparison in this auction: so many of a hundred are, spread evenly and the same ones in
/// every process.
pub fn is_compared(key: &AuctionKey, percent: u8) -> bool {
    // The proposer's key is as good as random, and the slot makes it another choice each time.
    let [first, second, ..] = key.proposer.0.0;
    let draw = u64::from(u16::from_be_bytes([first, second])).wrapping_add(key.slot.0.wrapping_mul(61));
    draw % 100 < u64::from(percent)
}

impl RegretMeter {
    /// A relay's bid, by an ask that began at `asked_at`.
    pub fn bid(&mut self, relay: RelayId, value: Wei, asked_at: UnixMillis) {
        let Some(served) = self.served.as_mut().filter(|served| served.trusted.contains(&relay)) else {
            return;
        };
        served.best_after = served.best_after.max(value);
        if (0..=AT_THAT_INSTANT_MS).contains(&(asked_at - served.at)) {
            served.best_at_serve = served.best_at_serve.max(Some(value));
        }
    }

    /// The first header was served: a bid of that value, by an ask that began at `asked_at`, to somebody who trusts these
    /// relays.
    pub fn served(&mut self, at: UnixMillis, value: Wei, asked_at: UnixMillis, trusted: &[RelayId]) {
        let (age_ms, trusted) = ((at - asked_at).max(0), trusted.to_vec());
        let served = Served { at, value, age_ms, trusted, best_at_serve: None, best_after: value };
        self.served.get_or_insert(served);
    }

    pub fn is_served(&self) -> bool {
        self.served.is_some()
    }

    /// What it came to; `None` when nothing was served.
    pub fn conclude(&self) -> Option<Regret> {
        let served = self.served.as_ref()?;
        Some(Regret {
            served_at: served.at,
            value_served: served.value,
            best_at_serve: served.best_at_serve.map(|best| best.max(served.value)),
            bid_age_at_serve_ms: served.age_ms,
            left_on_table_after: Wei(served.best_after.0.saturating_sub(served.value.0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVED_AT: UnixMillis = UnixMillis(1_700_000_000_170);

    const RELAY: RelayId = RelayId(1);
    const OTHERS: RelayId = RelayId(2);

    fn wei(value: u64) -> Wei {
        Wei::new(u128::from(value))
    }

    #[test]
    fn nothing_served_is_nothing_to_regret() {
        let mut meter = RegretMeter::default();
        meter.bid(RELAY, wei(70), SERVED_AT);
        assert_eq!(meter.conclude(), None);
    }

    #[test]
    fn what_relays_give_at_that_instant_is_told_from_what_they_give_later() {
        let mut meter = RegretMeter::default();
        meter.bid(RELAY, wei(70), SERVED_AT - 40);
        meter.served(SERVED_AT, wei(70), SERVED_AT - 40, &[RELAY]);
        meter.bid(RELAY, wei(71), SERVED_AT + 1);
        meter.bid(RELAY, wei(69), SERVED_AT + 1);
        meter.bid(RELAY, wei(90), SERVED_AT + 400);
        meter.bid(OTHERS, wei(500), SERVED_AT + 1);
        let regret = meter.conclude().unwrap();
        assert_eq!((regret.value_served, regret.best_at_serve), (wei(70), Some(wei(71))));
        assert_eq!((regret.bid_age_at_serve_ms, regret.left_on_table_after), (40, wei(20)));
    }

    #[test]
    fn the_first_header_counts_and_without_a_comparison_there_is_none() {
        let mut meter = RegretMeter::default();
        meter.served(SERVED_AT, wei(70), SERVED_AT - 15, &[RELAY]);
        meter.served(SERVED_AT + 50, wei(99), SERVED_AT, &[RELAY]);
        let regret = meter.conclude().unwrap();
        assert_eq!((regret.served_at, regret.value_served, regret.best_at_serve), (SERVED_AT, wei(70), None));
        assert_eq!(regret.left_on_table_after, Wei::ZERO);
    }

    #[test]
    fn a_relay_that_gives_less_at_that_instant_has_taken_its_bid_back() {
        let mut meter = RegretMeter::default();
        meter.served(SERVED_AT, wei(70), SERVED_AT - 15, &[RELAY]);
        meter.bid(RELAY, wei(60), SERVED_AT + 2);
        assert_eq!(meter.conclude().unwrap().best_at_serve, Some(wei(70)));
    }
}
