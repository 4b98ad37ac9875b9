//! `POST /eth/v1/builder/validators`: JSON or SSZ. Answers 200 once every believable registration of our validators is
//! kept; relays are told in the background.

use std::fmt::Display;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_fetcher::{Registrant, RegistrationVerdict};
use headstart_registry::Asker;
use headstart_types::{BlsPublicKey, Encoding, SignedValidatorRegistration, registrations_from_ssz};
use http::{HeaderMap, StatusCode};
use tracing::{info, warn};

use crate::BuilderApi;
use crate::callers::Caller;
use crate::reply::ApiError;
use crate::request::encoding_of;

/// What came of the registrations of one body.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    unknown: usize,
    rejected: usize,
    first_rejection: Option<(BlsPublicKey, String)>,
    /// Believable, but the database is away.
    not_durable: usize,
    /// Their cluster may not have so many checked, or so many at all: how many, and when to send them again.
    over_quota: usize,
    retry_after_ms: u64,
}

pub(crate) async fn register_validator(
    State(api): State<BuilderApi>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asker = match caller {
        Caller::Known(asker) => asker,
        Caller::Stranger(stranger) => return api.refuse(&stranger).into_response(),
    };
    match api.register(&asker, &headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

impl BuilderApi {
    async fn register(&self, asker: &Asker, headers: &HeaderMap, body: Bytes) -> Result<(), ApiError> {
        let encoding = encoding_of(headers)?;
        // A body of many thousands takes milliseconds to read, which no header should wait for.
        let verifier = self.config().fetcher.verifier();
        let registrations = verifier.in_background(move || decode(encoding, &body)).await;
        let registrations =
            registrations.unwrap_or_else(|| Err(ApiError::bad_request("the body cannot be read")))?;
        let keys: Vec<_> = registrations.iter().map(|registration| registration.message.pubkey).collect();
        let by = Registrant::BeaconNode(asker.clone());
        let verdicts = self.config().fetcher.register(&by, registrations).await;
        let mut tally = Tally::default();
        for (pubkey, verdict) in keys.into_iter().zip(verdicts) {
            tally.count(pubkey, verdict);
        }
        tally.verdict()
    }
}

impl Tally {
    fn count(&mut self, pubkey: BlsPublicKey, verdict: RegistrationVerdict) {
        match verdict {
            RegistrationVerdict::Accepted | RegistrationVerdict::Unchanged => self.accepted += 1,
            RegistrationVerdict::UnknownValidator => self.unknown += 1,
            RegistrationVerdict::NotDurable => self.not_durable += 1,
            RegistrationVerdict::Rejected(rejection) => self.reject(pubkey, &rejection),
            RegistrationVerdict::NoRoom(rejection) => self.reject(pubkey, &rejection),
            RegistrationVerdict::OverQuota { retry_after_ms } => {
                self.over_quota += 1;
                self.retry_after_ms = self.retry_after_ms.max(retry_after_ms);
            }
        }
    }

    fn reject(&mut self, pubkey: BlsPublicKey, rejection: &dyn Display) {
        self.rejected += 1;
        self.first_rejection.get_or_insert_with(|| (pubkey, rejection.to_string()));
    }

    /// Neither one bad entry nor one cluster over its quota spoils the body: a beacon node that serves many validators
    /// would lose them all. Only a body without any good one is refused.
    fn verdict(self) -> Result<(), ApiError> {
        let Self { accepted, unknown, rejected, first_rejection, not_durable, over_quota, retry_after_ms } =
            self;
        if not_durable > 0 {
            return Err(ApiError::busy("registrations cannot be kept just now: send this one again"));
        }
        if over_quota > 0 {
            warn!(
                accepted,
                over_quota, retry_after_ms, "registrations over a cluster's quota are to be sent again"
            );
        }
        if over_quota > 0 && accepted == 0 {
            return Err(ApiError::busy_for(
                retry_after_ms,
                "the cluster's registrations are over its quota: send this one again",
            ));
        }
        if rejected > 0 || unknown > 0 {
            let reason = first_rejection.as_ref().map(|(_, rejection)| rejection);
            info!(accepted, unknown, rejected, reason, "registrations received, some without effect");
        }
        if accepted > 0 || (unknown == 0 && rejected == 0) {
            return Ok(());
        }
        match first_rejection {
            Some((pubkey, rejection)) => {
                Err(ApiError::bad_request(format!("failed to {rejection} (pubkey {pubkey})")))
            }
            None => Err(ApiError::bad_request(
                "unknown validator: no pubkey of the body belongs to a cluster here",
            )),
        }
    }
}

fn decode(encoding: Encoding, body: &[u8]) -> Result<Vec<SignedValidatorRegistration>, ApiError> {
    match encoding {
        Encoding::Ssz => {
            registrations_from_ssz(body).map_err(|error| ApiError::bad_request(format!("failed to {error}")))
        }
        Encoding::Json => serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!("failed to decode the registrations from JSON: {error}"))
        }),
    }
}
