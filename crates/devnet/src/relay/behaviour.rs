use headstart_types::BlsPublicKey;

use super::fault::{BidFault, HeaderFault, StreamFault, SubmitFault};

/// How a relay behaves. The default is an honest relay at 10 ms that answers whoever asks, whenever, from the market.
///
/// Cut-offs are nominal milliseconds of a 12-second slot and shrink with the network's slots; latencies are real ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Round trip added to every answer: half before the relay looks at its bids, half after.
    pub latency_ms: u64,
    /// Holds a getHeader call until this moment of the slot, but not beyond 100 ms before its `X-Timeout-Ms` ends: the
    /// timing games that some relays play.
    pub holds_until_ms: Option<i64>,
    pub access: Access,
    pub bids: BidSource,
    pub encodings: Encodings,
    pub registrations: Registrations,
    pub data: DataApi,
    /// From this moment of the slot on, getHeader is answered 204.
    pub header_cutoff_ms: Option<u64>,
    /// From this moment of the slot on, a signed block is refused.
    pub submit_cutoff_ms: Option<u64>,
    /// A block that is submitted before its slot starts waits for the start.
    pub submit_waits_for_slot: bool,
    /// Errors are text instead of `{"code", "message"}`.
    pub plain_text_errors: bool,
    /// Makes this share of bids invalid in that way, by seed, slot and moment.
    pub occasional: Option<Occasional>,
    pub header: HeaderFault,
    pub submit: SubmitFault,
    /// `None`: the relay has no streams, 404.
    pub streams: Option<Streams>,
}

/// Streams of bids and of top bids, both from what the relay bids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Whoever sends another `X-Api-Key` is refused: 401 `StreamNotAdmitted`.
    pub api_key: Option<String>,
    pub fault: StreamFault,
}

/// Who gets an answer to getHeader, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody, for any slot.
    #[default]
    Free,
    /// Any slot after the head's; 400 for older ones (mev-boost-relay).
    NotBeforeHead,
    /// Only the slot after the head's; 400 otherwise (Helix). A slot without a block counts as the head's from the
    /// attestation deadline on.
    HeadGated,
    /// One call in the slot itself: 403 before it starts, 429 after the first call (Ultrasound).
    OncePerSlotInSlot,
}

/// Where a relay's bids come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BidSource {
    #[default]
    Market,
    /// Only what [`Relay::set_bid_value`](super::Relay::set_bid_value) put there; 204 for other slots.
    ByHand,
}

/// Which encodings a relay speaks for bids and signed blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encodings {
    /// SSZ and JSON, negotiated as the specification says.
    #[default]
    Negotiated,
    /// SSZ only for the two exact `Accept` values that Helix knows, JSON otherwise.
    ExactAccept,
    /// Bids are JSON whatever was asked for, also when JSON is not acceptable to the caller.
    AnswerOnlyJson,
    /// 415 for SSZ blocks and registrations; bids are negotiated.
    AcceptOnlyJson,
}

/// What happens to registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Registrations {
    #[default]
    Accept,
    /// 400 for a whole batch that names one of these validators (mev-boost-relay's "unknown validator").
    Unknown(Vec<BlsPublicKey>),
    /// 415 for SSZ (Helix).
    OnlyJson,
    Status(u16),
}

/// What the relay publishes of the registrations that it has accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataApi {
    /// The newest of each validator.
    #[default]
    Newest,
    /// The newest, but signed a second earlier: another registration than the one that was accepted.
    Older,
    /// The same, a second later: somebody told the relay more than we did.
    Newer,
    /// 404 whatever is asked.
    Absent,
    Status(u16),
}

/// An invalid bid now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasional {
    pub per_mille: u64,
    pub fault: BidFault,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: 10,
            holds_until_ms: None,
            access: Access::default(),
            bids: BidSource::default(),
            encodings: Encodings::default(),
            registrations: Registrations::default(),
            data: DataApi::default(),
            header_cutoff_ms: None,
            submit_cutoff_ms: None,
            submit_waits_for_slot: false,
            plain_text_errors: false,
            occasional: None,
            header: HeaderFault::default(),
            submit: SubmitFault::default(),
            streams: None,
        }
    }
}

impl Behaviour {
    /// Bids only by hand and answers at once: what a test begins with.
    pub fn by_hand() -> Self {
        Self { latency_ms: 0, bids: BidSource::ByHand, ..Self::default() }
    }

    /// Flashbots' software, which several relays run.
    pub fn mev_boost_relay(latency_ms: u64) -> Self {
        Self {
            latency_ms,
            access: Access::NotBeforeHead,
            header_cutoff_ms: Some(3000),
            submit_cutoff_ms: Some(4000),
            submit_waits_for_slot: true,
            ..Self::default()
        }
    }

    /// Titan's relay and others that run Helix.
    pub fn helix(latency_ms: u64) -> Self {
        Self {
            latency_ms,
            access: Access::HeadGated,
            encodings: Encodings::ExactAccept,
            registrations: Registrations::OnlyJson,
            header_cutoff_ms: Some(3200),
            submit_cutoff_ms: Some(4000),
            submit_waits_for_slot: true,
            plain_text_errors: true,
            ..Self::default()
        }
    }

    /// Ultrasound's relay.
    pub fn ultrasound(latency_ms: u64) -> Self {
        Self { latency_ms, access: Access::OncePerSlotInSlot, ..Self::default() }
    }

    /// The same relay with streams for everybody.
    #[must_use]
    pub fn with_streams(self) -> Self {
        Self { streams: Some(Streams::default()), ..self }
    }

    #[must_use]
    pub fn with_stream_fault(self, fault: StreamFault) -> Self {
        Self { streams: Some(Streams { fault, ..Streams::default() }), ..self }
    }

    #[must_use]
    pub fn with_header(self, header: HeaderFault) -> Self {
        Self { header, ..self }
    }

    #[must_use]
    pub fn with_bid_fault(self, fault: BidFault) -> Self {
        self.with_header(HeaderFault::Bid(fault))
    }

    #[must_use]
    pub fn with_submit(self, submit: SubmitFault) -> Self {
        Self { submit, ..self }
    }
}
