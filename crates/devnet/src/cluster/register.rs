use bytes::Bytes;
use headstart_types::{Encoding, SignedValidatorRegistration, registrations_to_ssz};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};

use super::proposer::headers_of;
use super::{BeaconClient, Cluster, Proposer};
use crate::http_client::{Answered, CallError, Endpoint};

impl Proposer {
    /// Registers all validators of a cluster; `timestamp` in Unix seconds. Signing takes half a millisecond each.
    pub async fn register(
        &self,
        endpoint: &Endpoint,
        cluster: &Cluster,
        timestamp: u64,
    ) -> Result<Vec<Answered>, CallError> {
        let registrations = cluster.registrations(self.chain.network(), timestamp);
        self.send_registrations(endpoint, cluster.client, &registrations).await
    }

    /// Sends registrations in the client's batches; the answers, in order. Ends at the first call without an answer.
    pub async fn send_registrations(
        &self,
        endpoint: &Endpoint,
        client: BeaconClient,
        registrations: &[SignedValidatorRegistration],
    ) -> Result<Vec<Answered>, CallError> {
        let encoding = client.registration_encoding();
        let mut answers = Vec::new();
        for batch in registrations.chunks(client.registration_batch()) {
            let body = match encoding {
                Encoding::Ssz => registrations_to_ssz(batch),
                Encoding::Json => serde_json::to_vec(batch).unwrap_or_default(),
            };
            let mut headers = headers_of(client);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
            let path = "/eth/v1/builder/validators";
            let patience = client.submit_patience();
            answers.push(self.http.call(endpoint, Method::POST, path, headers, body.into(), patience).await?);
        }
        Ok(answers)
    }

    /// `GET /eth/v1/builder/status`
    pub async fn status(&self, endpoint: &Endpoint, client: BeaconClient) -> Result<Answered, CallError> {
        let patience = client.header_patience();
        let path = "/eth/v1/builder/status";
        self.http.call(endpoint, Method::GET, path, headers_of(client), Bytes::new(), patience).await
    }
}
