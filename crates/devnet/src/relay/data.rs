use std::collections::HashMap;
use std::time::Duration;

use headstart_types::{BlsPublicKey, Encoding, SignedValidatorRegistration};
use http::StatusCode;

use super::behaviour::DataApi;
use super::reply::Answer;
use super::state::{State, lock};

pub(super) const VALIDATOR_REGISTRATION: &str = "/relay/v1/data/validator_registration";
/// Validators whose registration is kept; a further one is accepted and not published.
const VALIDATORS_KEPT: usize = 200_000;

/// The newest registration of each validator, as accepted.
#[derive(Debug, Default)]
pub(super) struct Registered(HashMap<BlsPublicKey, SignedValidatorRegistration>);

impl Registered {
    pub(super) fn take(&mut self, registrations: &[SignedValidatorRegistration]) {
        for registration in registrations {
            let pubkey = registration.message.pubkey;
            let known = self.0.get(&pubkey);
            let newer = known.is_none_or(|known| known.message.timestamp <= registration.message.timestamp);
            if newer && (known.is_some() || self.0.len() < VALIDATORS_KEPT) {
                self.0.insert(pubkey, *registration);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// `GET /relay/v1/data/validator_registration?pubkey=…`
pub(super) async fn validator_registration(state: &State, query: &str) -> Answer {
    state.seen(|seen| seen.data_reads += 1);
    let behaviour = state.behaviour();
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let refuse = |status, message| Answer::error(&behaviour, status, message);
    let pubkey = query.split('&').find_map(|pair| pair.strip_prefix("pubkey=")).map(str::parse);
    let Some(Ok(pubkey)) = pubkey else {
        return refuse(StatusCode::BAD_REQUEST, "invalid pubkey");
    };
    let mut registration = lock(&state.registered).0.get(&pubkey).copied();
    match behaviour.data {
        DataApi::Newest => {}
        DataApi::Older => shift(&mut registration, -1),
        DataApi::Newer => shift(&mut registration, 1),
        DataApi::Absent => return refuse(StatusCode::NOT_FOUND, "not found"),
        DataApi::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refuse(status, "the data API is out of order");
        }
    }
    let body = registration.as_ref().and_then(|registration| serde_json::to_vec(registration).ok());
    match body {
        Some(body) => Answer {
            content_type: Some(Encoding::Json.content_type()),
            body: body.into(),
            ..Answer::empty(StatusCode::OK)
        },
        None => refuse(StatusCode::BAD_REQUEST, "no registration found for validator"),
    }
}

fn shift(registration: &mut Option<SignedValidatorRegistration>, seconds: i64) {
    if let Some(registration) = registration {
        let timestamp = &mut registration.message.timestamp;
        *timestamp = timestamp.saturating_add_signed(seconds);
    }
}
