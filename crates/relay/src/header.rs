use bytes::Bytes;
use headstart_types::{
    ACCEPT_SSZ_THEN_JSON, AuctionKey, DATE_MILLISECONDS, Encoding, ForkName, SignedBuilderBid, TIMEOUT_MS,
};
use http::StatusCode;
use http::header::ACCEPT;
use reqwest::Response;
use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::refusal::{self, Reason};
use crate::{Failure, Operation, Refusal, Relay};

/// The largest bid that fits in SSZ has 1,771,740 bytes; real ones have a few thousand.
const BODY_BYTES_MAX: usize = 2 << 20;

/// A bid as a relay sent it: decoded for the expected fork, and *not verified*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedBid {
    pub bid: SignedBuilderBid,
    /// How the relay wrote it.
    pub encoding: Encoding,
    /// The bid in SSZ: the relay's own bytes, or encoded anew when it came in JSON.
    pub ssz: Bytes,
}

/// How a header call ended. Only `NoBid` says that the relay has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderAnswer {
    Bid(Box<ReceivedBid>),
    /// 204.
    NoBid,
    /// Not for this slot yet, or its head is unknown to the relay: ask again later.
    TooEarly(Refusal),
    /// Not for this slot any more.
    TooLate(Refusal),
    /// 429, with the relay's `Retry-After` in milliseconds.
    RateLimited {
        retry_after_ms: Option<u64>,
    },
    /// The relay knows no registration or duty of this proposer.
    UnknownProposer(Refusal),
    /// Any other status but 200 and 204.
    Refused(Refusal),
    /// The deadline passed before the last byte.
    Timeout,
    /// No connection, or one that broke.
    Transport(String),
    /// An answer that is no bid of the expected fork, or breaks a limit.
    Malformed(String),
}

/// One header call, whatever encoding it asks for.
struct Ask<'a> {
    url: &'a str,
    timeout_hint_ms: u64,
    deadline: Instant,
}

impl Relay {
    /// `GET /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}` for a slot in which `fork` rules.
    ///
    /// `timeout_hint_ms` is how long the relay may hold the answer back (`X-Timeout-Ms`); no more than the time left until
    /// `deadline` is ever promised.
    pub async fn header(
        &self,
        key: &AuctionKey,
        fork: ForkName,
        timeout_hint_ms: u64,
        deadline: Instant,
    ) -> HeaderAnswer {
        let path = format!("/eth/v1/builder/header/{}/{}/{}", key.slot, key.parent_hash, key.proposer);
        let ask = Ask { url: &self.url().endpoint(&path), timeout_hint_ms, deadline };
        let call = async { self.read_answer(self.ask_in_either(&ask).await?, fork).await };
        self.call(Operation::Header, deadline, call).await.unwrap_or_else(HeaderAnswer::from)
    }

    /// Asks for SSZ or JSON at once; a relay that refuses this wish is asked for JSON alone, now and from then on.
    async fn ask_in_either(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let [first, second] = self.learnt().header.order();
        match self.ask(ask, first).await {
            Err(Failure::Refused(refusal)) if matches!(refusal.status, 406 | 415) => {
                self.ask(ask, second).await
            }
            answer => answer,
        }
    }

    async fn ask(&self, ask: &Ask<'_>, wish: Encoding) -> Result<Response, Failure> {
        let accept = match wish {
            Encoding::Ssz => ACCEPT_SSZ_THEN_JSON,
            Encoding::Json => Encoding::Json.content_type(),
        };
        let left = ask.deadline.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let request = self.client(Purpose::Headers).get(ask.url).header(ACCEPT, accept);
        let request = request.header(DATE_MILLISECONDS, self.clock().now().0);
        let response = call::send(request.header(TIMEOUT_MS, ask.timeout_hint_ms.min(left_ms))).await?;
        self.learnt().header.accepted(wish);
        Ok(response)
    }

    async fn read_answer(&self, mut response: Response, fork: ForkName) -> Result<HeaderAnswer, Failure> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT => return Ok(HeaderAnswer::NoBid),
            status => return Err(Failure::malformed(format_args!("{status} is no answer to a header call"))),
        }
        let body = call::body(&mut response, BODY_BYTES_MAX).await?;
        let bid = decode(&response, fork, body)?;
        if bid.encoding == Encoding::Ssz {
            // A relay that writes SSZ reads it too (builder-specs on blinded blocks).
            self.learnt().submit.proven_ssz();
        }
        Ok(HeaderAnswer::Bid(Box::new(bid)))
    }
}

fn decode(response: &Response, fork: ForkName, body: Bytes) -> Result<ReceivedBid, Failure> {
    let encoding = call::encoding_of(response.headers(), fork)?;
    let bid = match encoding {
        Encoding::Ssz => SignedBuilderBid::from_ssz(fork, &body),
        Encoding::Json => SignedBuilderBid::from_json(fork, &body),
    };
    let bid = bid.map_err(Failure::malformed)?;
    let ssz = match encoding {
        Encoding::Ssz => body,
        Encoding::Json => bid.to_ssz().into(),
    };
    Ok(ReceivedBid { bid, encoding, ssz })
}

impl From<Failure> for HeaderAnswer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => match refusal::classify(refusal.status, &refusal.message) {
                Reason::TooEarly => Self::TooEarly(refusal),
                Reason::TooLate => Self::TooLate(refusal),
                Reason::UnknownProposer => Self::UnknownProposer(refusal),
                Reason::Other => Self::Refused(refusal),
            },
            Failure::RateLimited { retry_after_ms } => Self::RateLimited { retry_after_ms },
            Failure::Timeout => Self::Timeout,
            Failure::Transport(reason) => Self::Transport(reason),
            Failure::Malformed(reason) => Self::Malformed(reason),
        }
    }
}
