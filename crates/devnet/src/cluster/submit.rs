use std::time::Instant;

use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName, SignedBlindedBeaconBlock, UnblindedPayload};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::check::{Wrong, check_payload};
use super::proposer::{encoding_of, headers_of, insert, micros};
use super::{BeaconClient, Proposer, RevealReply};
use crate::http_client::{Answered, Endpoint};

impl Proposer {
    /// Submits a signed block in the version that the client uses in its fork, and checks the answer.
    pub async fn submit(
        &self,
        endpoint: &Endpoint,
        client: BeaconClient,
        block: &SignedBlindedBeaconBlock,
        encoding: Encoding,
    ) -> RevealReply {
        let fork = self.fork(block.slot());
        let v2 = client.submits_v2(fork);
        let mut headers = headers_of(client);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
        headers.insert(ACCEPT, HeaderValue::from_static(client.accept()));
        insert(&mut headers, CONSENSUS_VERSION, fork.as_str());
        let body = match encoding {
            Encoding::Ssz => block.to_ssz(),
            Encoding::Json => block.to_json(),
        };
        let path = if v2 { "/eth/v2/builder/blinded_blocks" } else { "/eth/v1/builder/blinded_blocks" };
        let (started, patience) = (Instant::now(), client.submit_patience());
        match self.http.call(endpoint, Method::POST, path, headers, body.into(), patience).await {
            Ok(answered) => replied(fork, v2, block, &answered),
            Err(error) => RevealReply {
                status: 0,
                answered_in_us: micros(started.elapsed()),
                block_hash: block.block_hash(),
                message: Some(error.to_string()),
                wrong: None,
            },
        }
    }
}

fn replied(fork: ForkName, v2: bool, block: &SignedBlindedBeaconBlock, answered: &Answered) -> RevealReply {
    let status = answered.status.as_u16();
    let refusal = || String::from_utf8_lossy(&answered.body).chars().take(300).collect();
    RevealReply {
        status,
        answered_in_us: micros(answered.took),
        block_hash: block.block_hash(),
        message: (status >= 400).then(refusal),
        wrong: read_reveal(fork, v2, block, answered).err(),
    }
}

fn read_reveal(
    fork: ForkName,
    v2: bool,
    block: &SignedBlindedBeaconBlock,
    answered: &Answered,
) -> Result<(), Wrong> {
    match answered.status.as_u16() {
        202 if v2 => Ok(()),
        200 if !v2 => {
            let payload = match encoding_of(answered, fork)? {
                Encoding::Ssz => UnblindedPayload::from_ssz(fork, &answered.body),
                Encoding::Json => UnblindedPayload::from_json(fork, &answered.body),
            };
            check_payload(fork, block, &payload.map_err(|error| Wrong::Undecodable(error.to_string()))?)
        }
        other => Err(Wrong::Status(other)),
    }
}
