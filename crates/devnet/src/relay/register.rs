use std::time::Duration;

use headstart_types::{Encoding, SignedValidatorRegistration, registrations_from_ssz};
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;

use super::behaviour::{Behaviour, Encodings, Registrations};
use super::reply::{Answer, request_encoding};
use super::seen::RegistrationCall;
use super::state::{State, lock};
use crate::server::{HangUp, read_body};

const BODY_BYTES_MAX: usize = 32 << 20;
const REGISTRATIONS_KEPT: usize = 100;

/// `POST /eth/v1/builder/validators`
pub(super) async fn register_validators(
    state: &State,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Answer, HangUp> {
    let asked_at = state.chain.clock().now();
    let behaviour = state.behaviour();
    let Some(body) = read_body(body, BODY_BYTES_MAX).await else { return Err(HangUp) };
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let encoding = request_encoding(headers);
    let decoded = match encoding {
        Some(Encoding::Ssz) => registrations_from_ssz(&body).ok(),
        Some(Encoding::Json) => serde_json::from_slice::<Vec<SignedValidatorRegistration>>(&body).ok(),
        None => None,
    };
    let answer = answer(&behaviour, encoding, decoded.as_deref());
    let registrations = decoded.unwrap_or_default();
    if answer.status == StatusCode::OK {
        lock(&state.registered).take(&registrations);
    }
    state.seen(|seen| {
        seen.registrations_received += registrations.len() as u64;
        seen.registrations.push(RegistrationCall {
            asked_at,
            ssz: encoding == Some(Encoding::Ssz),
            status: answer.status.as_u16(),
            count: registrations.len(),
            first: registrations.into_iter().take(REGISTRATIONS_KEPT).collect(),
        })
    });
    Ok(answer)
}

fn answer(
    behaviour: &Behaviour,
    encoding: Option<Encoding>,
    registrations: Option<&[SignedValidatorRegistration]>,
) -> Answer {
    let refuse = |status, message: &str| Answer::error(behaviour, status, message);
    let only_json = behaviour.encodings == Encodings::AcceptOnlyJson
        || behaviour.registrations == Registrations::OnlyJson;
    if encoding.is_none() || (only_json && encoding == Some(Encoding::Ssz)) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported content type");
    }
    let Some(registrations) = registrations else {
        return refuse(StatusCode::BAD_REQUEST, "failed to decode the registrations");
    };
    match &behaviour.registrations {
        Registrations::Unknown(unknown)
            if registrations.iter().any(|registration| unknown.contains(&registration.message.pubkey)) =>
        {
            refuse(StatusCode::BAD_REQUEST, "unknown validator")
        }
        Registrations::Status(code) if *code != 200 => refuse(
            StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            "registrations are refused",
        ),
        _ => Answer::empty(StatusCode::OK),
    }
}
