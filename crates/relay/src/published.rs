use headstart_types::{BlsPublicKey, SignedValidatorRegistration};
use http::StatusCode;
use http::header::ACCEPT;
use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::{Failure, Operation, Refusal, Relay};

/// One registration has some 600 bytes in JSON.
const BODY_BYTES_MAX: usize = 16 * 1024;

impl Relay {
    /// `GET /relay/v1/data/validator_registration?pubkey={validator}` (relay data API): the registration that the relay
    /// publishes of a validator, not verified; `None` when it publishes none, or has no data API.
    pub async fn published_registration(
        &self,
        validator: &BlsPublicKey,
        deadline: Instant,
    ) -> Result<Option<SignedValidatorRegistration>, Failure> {
        self.call(Operation::Published, deadline, self.read_published(validator)).await
    }

    async fn read_published(
        &self,
        validator: &BlsPublicKey,
    ) -> Result<Option<SignedValidatorRegistration>, Failure> {
        let url = self
            .url()
            .endpoint_asking("/relay/v1/data/validator_registration", &format!("pubkey={validator}"));
        let request = self.client(Purpose::Headers).get(url).header(ACCEPT, "application/json");
        let mut response = match call::send(request).await {
            Err(Failure::Refused(refusal)) if says_none(&refusal) => return Ok(None),
            answer => answer?,
        };
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let body = call::body(&mut response, BODY_BYTES_MAX).await?;
        let published: SignedValidatorRegistration = serde_json::from_slice(&body)
            .map_err(|error| Failure::malformed(format_args!("no registration: {error}")))?;
        if published.message.pubkey != *validator {
            return Err(Failure::malformed("the registration is another validator's"));
        }
        Ok(Some(published))
    }
}

/// Relays say 400 or 404 for a validator that they do not know.
fn says_none(refusal: &Refusal) -> bool {
    matches!(refusal.status, 400 | 404)
}
