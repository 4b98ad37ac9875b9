/// What is wrong on the wire, whatever the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// Waits before the first byte.
    SlowHead { ms: u64 },
    /// Drips the body.
    SlowBody { bytes_per_s: u64 },
    /// Sends half of the body, then nothing more.
    StallMidBody,
    /// Resets the connection instead of answering.
    Reset,
    /// Answers with this status and JSON body.
    Status { code: u16, body: String },
    /// 429 with `Retry-After` in seconds.
    RateLimited { retry_after_s: u64 },
    /// 302 to another address.
    Redirect { to: String },
    /// 200 with an HTML page.
    Html200,
    /// Streams for as long as the peer reads.
    Endless,
    /// The right answer, compressed although nobody asked for it.
    Gzip,
    /// The right answer without `Eth-Consensus-Version`.
    WithoutVersion,
    /// The right answer, called `text/plain`.
    WrongContentType,
    /// Takes the request and never answers.
    Withhold,
}

/// What is wrong with the answers to getHeader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HeaderFault {
    #[default]
    None,
    NoBid204,
    Wire(WireFault),
    Bid(BidFault),
}

/// What is wrong with a bid. All but the first three are signed correctly by the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BidFault {
    /// Announced as another fork.
    WrongForkVersion,
    /// A signature over something else.
    BadSignature,
    /// Names and uses another relay's key.
    WrongKey,
    WrongParent,
    WrongTimestamp,
    WrongRandao,
    WrongBlockNumber,
    WrongWithdrawals,
    ZeroValue,
    EmptyTransactions,
    ZeroBlockHash,
    /// One commitment more than the slot allows; from Deneb on.
    TooManyBlobs,
    ZeroFeeRecipient,
    /// The largest number there is.
    AbsurdValue,
}

/// What is wrong with the answers to a signed block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubmitFault {
    #[default]
    None,
    Wire(WireFault),
    /// A payload that does not match the signed header.
    AnotherPayload,
    /// Blobs that do not match the signed commitments; from Deneb on.
    WrongBlobs,
    /// 404 for the second version of the endpoint.
    WithoutV2,
    /// Accepts, and publishes nothing.
    NeverPublishes,
    /// Knows no payload: 400, as a relay does that has forgotten it.
    Forgets,
}

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamFault {
    #[default]
    None,
    /// The wish for a WebSocket is answered with this status.
    Refuse(u16),
    /// The connection is closed after so many frames.
    ClosesAfter(u64),
    /// Every frame is cut in its middle.
    Malformed,
    /// Frames name another fork than the slot's.
    WrongFork,
    /// The same frame again and again, as fast as it is taken.
    Flood,
    /// Opens, and never says or hears anything.
    Silent,
}

impl BidFault {
    pub const ALL: [Self; 14] = [
        Self::WrongForkVersion,
        Self::BadSignature,
        Self::WrongKey,
        Self::WrongParent,
        Self::WrongTimestamp,
        Self::WrongRandao,
        Self::WrongBlockNumber,
        Self::WrongWithdrawals,
        Self::ZeroValue,
        Self::EmptyTransactions,
        Self::ZeroBlockHash,
        Self::TooManyBlobs,
        Self::ZeroFeeRecipient,
        Self::AbsurdValue,
    ];
}
