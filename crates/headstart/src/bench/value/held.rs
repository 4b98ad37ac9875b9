use headstart_types::Wei;

/// Each relay's newest bid: what a strategy could serve at this moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Vec<Option<(i64, Wei)>>);

impl Held {
    /// Takes what relay number `relay` answered to the ask of `asked_at`. No bid erases nothing, and neither does the
    /// answer to an earlier ask that comes late.
    pub(super) fn take(&mut self, relay: usize, asked_at: i64, bid: Option<Wei>) {
        let Some(value) = bid else { return };
        if self.0.len() <= relay {
            self.0.resize(relay + 1, None);
        }
        let newest = &mut self.0[relay];
        if newest.is_none_or(|(known, _)| known <= asked_at) {
            *newest = Some((asked_at, value));
        }
    }

    pub(super) fn best(&self) -> Option<Wei> {
        self.0.iter().flatten().map(|(_, value)| *value).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relays_newest_bid_counts_even_when_it_is_lower() {
        let mut held = Held::default();
        assert_eq!(held.best(), None);
        held.take(1, 10, Some(Wei::new(9)));
        held.take(0, 10, Some(Wei::new(5)));
        held.take(1, 20, Some(Wei::new(4)));
        held.take(1, 15, Some(Wei::new(8)));
        assert_eq!(held.best(), Some(Wei::new(5)));
        held.take(0, 30, None);
        assert_eq!(held.best(), Some(Wei::new(5)), "no bid erases nothing");
    }
}
