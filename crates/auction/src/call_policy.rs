/// When one relay may be asked for headers. Relays differ, so there is no common polling loop.
///
/// Moments are milliseconds relative to the start of the slot; negative ones lie before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPolicy {
    /// The earliest moment at which an ask is worth its call.
    pub first_ms: i64,
    /// The relay's own cut-off: later asks are answered with "no bid".
    pub last_ms: i64,
    /// The least time between the starts of two asks, except for those of a burst.
    pub min_gap_ms: i64,
    /// Asks that may follow one another at once, as a token for each gap without an ask: the relay's rate limit.
    pub burst: u32,
    /// Asks a second, and at once, that the relay takes from one address, whatever they are for.
    pub address_calls_per_s: u32,
    /// Asks that the relay answers in one slot; the next is refused.
    pub calls_max: u32,
    /// Whether it only answers for the slot right after its head.
    pub head_required: bool,
}

impl CallPolicy {
    /// The relay software of Flashbots and its descendants: any slot from the head on, cut-off at 3.0 s.
    pub const MEV_BOOST_RELAY: Self = Self {
        first_ms: -2_500,
        last_ms: 3_000,
        min_gap_ms: 80,
        burst: 5,
        address_calls_per_s: 50,
        calls_max: 60,
        head_required: false,
    };
    /// Helix (Titan and others): only the slot after its head, cut-off at 3.2 s; ten calls at once, and ten a second.
    pub const HELIX: Self = Self {
        last_ms: 3_200,
        min_gap_ms: 100,
        address_calls_per_s: 10,
        head_required: true,
        ..Self::MEV_BOOST_RELAY
    };
    /// Ultrasound: one call a slot, within the slot; earlier ones are refused (403), later ones too (429).
    pub const ULTRASOUND: Self = Self { first_ms: 0, burst: 1, calls_max: 1, ..Self::MEV_BOOST_RELAY };
    /// Aestus runs the Flashbots software and asks for restraint.
    pub const AESTUS: Self = Self { min_gap_ms: 100, burst: 2, calls_max: 40, ..Self::MEV_BOOST_RELAY };
    /// bloXroute bans addresses that ask very often.
    pub const BLOXROUTE: Self = Self { min_gap_ms: 150, burst: 1, calls_max: 30, ..Self::MEV_BOOST_RELAY };

    pub const PRESETS: [(&'static str, Self); 5] = [
        ("mev-boost-relay", Self::MEV_BOOST_RELAY),
        ("helix", Self::HELIX),
        ("ultrasound", Self::ULTRASOUND),
        ("aestus", Self::AESTUS),
        ("bloxroute", Self::BLOXROUTE),
    ];

    pub fn preset(name: &str) -> Option<Self> {
        Self::PRESETS.into_iter().find(|(preset, _)| *preset == name).map(|(_, policy)| policy)
    }

    /// Whether the relay answers so few calls that each must be placed with care.
    pub const fn is_one_shot(&self) -> bool {
        self.calls_max == 1
    }
}
