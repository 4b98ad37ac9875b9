//! `POST /eth/v1/builder/validators`: JSON or SSZ. Answers 200 once every believable registration of our validators is
//! kept; relays are told in the background.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_registry::{Cluster, Recorded};
use headstart_types::{Encoding, RegistrationRejected, SignedValidatorRegistration, registrations_from_ssz};
use http::{HeaderMap, StatusCode};
use tracing::info;

use crate::BuilderApi;
use crate::reply::ApiError;
use crate::request::encoding_of;

/// What came of the registrations of one body.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    unknown: usize,
    rejected: usize,
    first_rejection: Option<(SignedValidatorRegistration, RegistrationRejected)>,
}

pub(crate) async fn register_validator(
    State(api): State<BuilderApi>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(_permit) = api.shared.bulkheads.registrations.try_acquire() else {
        return ApiError::busy("too many registration bodies at once: send this one again").into_response();
    };
    match api.register(&headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

impl BuilderApi {
    async fn register(&self, headers: &HeaderMap, body: Bytes) -> Result<(), ApiError> {
        let encoding = encoding_of(headers)?;
        // A body of many thousands takes milliseconds to read, which no header should wait for.
        let registrations = tokio::task::spawn_blocking(move || decode(encoding, &body)).await;
        let registrations =
            registrations.unwrap_or_else(|_| Err(ApiError::bad_request("the body cannot be read")))?;
        let mut tally = Tally::default();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for registration in registrations {
            if self.config().directory.cluster_of(&registration.message.pubkey).is_none() {
                tally.unknown += 1;
                continue;
            }
            match self.config().registrations.compare(&registration) {
                Ok(Recorded::Unchanged) => known.push(registration),
                Ok(Recorded::New) => new.push(registration),
                Err(rejection) => tally.reject(registration, rejection),
            }
        }
        self.verify_and_record(new, &mut known, &mut tally).await;
        tally.accepted = known.len();
        self.send_on(&known);
        tally.verdict()
    }

    /// Verifies new registrations in batches; the believable ones are recorded and join the `known`.
    async fn verify_and_record(
        &self,
        new: Vec<SignedValidatorRegistration>,
        known: &mut Vec<SignedValidatorRegistration>,
        tally: &mut Tally,
    ) {
        let config = self.config();
        let verdicts =
            config.fetcher.verifier().registrations(&config.network, config.clock.now(), new.clone()).await;
        for (registration, verdict) in new.into_iter().zip(verdicts) {
            match verdict.and_then(|()| config.registrations.record(registration)) {
                Ok(()) => known.push(registration),
                Err(rejection) => tally.reject(registration, rejection),
            }
        }
    }

    /// Hands each cluster's registrations to the fetcher; clusters are never mixed.
    fn send_on(&self, registrations: &[SignedValidatorRegistration]) {
        let config = self.config();
        for cluster in config.directory.clusters() {
            let of_cluster = |registration: &&SignedValidatorRegistration| {
                let its = config.directory.cluster_of(&registration.message.pubkey);
                its.is_some_and(|its: &Arc<Cluster>| Arc::ptr_eq(its, cluster))
            };
            let its_own: Vec<_> = registrations.iter().filter(of_cluster).copied().collect();
            config.fetcher.forward(cluster, &its_own);
        }
    }
}

impl Tally {
    fn reject(&mut self, registration: SignedValidatorRegistration, rejection: RegistrationRejected) {
        self.rejected += 1;
        self.first_rejection.get_or_insert((registration, rejection));
    }

    /// One bad entry does not spoil the body: a beacon node that serves many validators would lose them all. Only a body
    /// without any good one is refused.
    fn verdict(self) -> Result<(), ApiError> {
        let Self { accepted, unknown, rejected, first_rejection } = self;
        if rejected > 0 || unknown > 0 {
            let reason = first_rejection.map(|(_, rejection)| rejection.to_string());
            info!(accepted, unknown, rejected, reason, "registrations received, some without effect");
        }
        if accepted > 0 || (unknown == 0 && rejected == 0) {
            return Ok(());
        }
        match first_rejection {
            Some((registration, rejection)) => {
                let pubkey = registration.message.pubkey;
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
