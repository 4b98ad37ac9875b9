use std::fmt;

/// What became of a request. One word each, the same in reply logs, metrics, records, pages and `docs/outcomes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// getHeader: a held bid was served from memory.
    Hit,
    /// getHeader: no bid was held, relays were asked and one answered in time.
    Miss,
    /// getHeader: no relay offered an acceptable bid in time.
    NoBid,
    /// getHeader: the best bid is below the cluster's minimum.
    BelowMinBid,
    /// getHeader: the slot is past, or the cluster's cut-off has passed.
    TooLate,
    /// getHeader: the slot is too far ahead to ask for.
    TooEarly,
    /// The validator belongs to no cluster.
    UnknownValidator,
    /// The slot belongs to a fork whose messages we do not speak.
    UnknownFork,
    /// getHeader: another validator proposes this slot.
    NotTheProposer,
    /// getHeader: more parents were asked for in this slot than can be true.
    TooManyParents,
    /// getHeader: the cluster is in shadow mode, where auctions run and nothing is served.
    Shadow,
    /// submitBlindedBlock v1: the payload was revealed and checked.
    Revealed,
    /// submitBlindedBlock v2: a relay took the block and publishes it.
    Published,
    /// submitBlindedBlock: another distinct block of this proposer and slot was already forwarded.
    SecondBlock,
    /// submitBlindedBlock: no relay answered in time or with the right payload.
    Withheld,
    /// submitBlindedBlock: every relay refused the block.
    Refused,
}

impl Outcome {
    pub const ALL: [Self; 16] = [
        Self::Hit,
        Self::Miss,
        Self::NoBid,
        Self::BelowMinBid,
        Self::TooLate,
        Self::TooEarly,
        Self::UnknownValidator,
        Self::UnknownFork,
        Self::NotTheProposer,
        Self::TooManyParents,
        Self::Shadow,
        Self::Revealed,
        Self::Published,
        Self::SecondBlock,
        Self::Withheld,
        Self::Refused,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::NoBid => "no_bid",
            Self::BelowMinBid => "below_min_bid",
            Self::TooLate => "too_late",
            Self::TooEarly => "too_early",
            Self::UnknownValidator => "unknown_validator",
            Self::UnknownFork => "unknown_fork",
            Self::NotTheProposer => "not_the_proposer",
            Self::TooManyParents => "too_many_parents",
            Self::Shadow => "shadow",
            Self::Revealed => "revealed",
            Self::Published => "published",
            Self::SecondBlock => "second_block",
            Self::Withheld => "withheld",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
