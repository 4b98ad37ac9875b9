use std::time::{Duration, Instant};

use bytes::Bytes;
use headstart_types::{AuctionKey, DATE_MILLISECONDS, Encoding, SignedBuilderBid, UnixMillis};
use http::header::ACCEPT;
use http::{HeaderValue, Method};

use super::check::{Wrong, check_bid};
use super::proposer::{encoding_of, headers_of, insert, micros};
use super::{Asked, BeaconClient, HeaderReply, Proposer};
use crate::http_client::{Answered, Endpoint};

/// What came back of one ask, before anything of it is checked.
pub(super) struct Came {
    asked_at: UnixMillis,
    answered: Option<Answered>,
    took: Duration,
}

impl Proposer {
    /// Asks for a header and checks the answer.
    pub async fn get_header(&self, endpoint: &Endpoint, client: BeaconClient, key: AuctionKey) -> Asked {
        let came = self.ask(endpoint, client, key).await;
        self.judge(key, came)
    }

    /// Asks without checking: checking takes a core for longer than an answer takes, which others may wait for.
    pub(super) async fn ask(&self, endpoint: &Endpoint, client: BeaconClient, key: AuctionKey) -> Came {
        let (asked_at, started) = (self.chain.clock().now(), Instant::now());
        let mut headers = headers_of(client);
        headers.insert(ACCEPT, HeaderValue::from_static(client.accept()));
        if client == BeaconClient::Grandine {
            insert(&mut headers, DATE_MILLISECONDS, &asked_at.0.to_string());
        }
        let path = format!("/eth/v1/builder/header/{key}");
        let patience = client.header_patience();
        let call = self.http.call(endpoint, Method::GET, &path, headers, Bytes::new(), patience);
        let answered = call.await.ok();
        Came { asked_at, answered, took: started.elapsed() }
    }

    pub(super) fn judge(&self, key: AuctionKey, came: Came) -> Asked {
        let Came { asked_at, answered, took } = came;
        if let Some(answered) = answered {
            return self.read_header(asked_at, key, &answered);
        }
        let answered_in_us = micros(took);
        let reply = HeaderReply { status: 0, answered_in_us, encoding: None, bid: None, wrong: None };
        Asked { asked_at, reply, bid: None }
    }

    fn read_header(&self, asked_at: UnixMillis, key: AuctionKey, answered: &Answered) -> Asked {
        let status = answered.status.as_u16();
        let answered_in_us = micros(answered.took);
        let mut reply = HeaderReply { status, answered_in_us, encoding: None, bid: None, wrong: None };
        let read = match status {
            204 => return Asked { asked_at, reply, bid: None },
            200 => self.decode_bid(key, answered),
            other => Err(Wrong::Status(other)),
        };
        let checked = read.and_then(|(encoding, bid)| {
            reply.encoding = Some(encoding);
            reply.bid = Some((bid.message.value(), bid.message.header().block_hash()));
            let attributes = self.chain.attributes(key.slot, key.parent_hash);
            check_bid(self.chain.network(), &key, &attributes, &bid).map(|()| bid)
        });
        reply.wrong = checked.as_ref().err().cloned();
        Asked { asked_at, reply, bid: checked.ok() }
    }

    fn decode_bid(
        &self,
        key: AuctionKey,
        answered: &Answered,
    ) -> Result<(Encoding, SignedBuilderBid), Wrong> {
        let fork = self.fork(key.slot);
        let encoding = encoding_of(answered, fork)?;
        let bid = match encoding {
            Encoding::Ssz => SignedBuilderBid::from_ssz(fork, &answered.body),
            Encoding::Json => SignedBuilderBid::from_json(fork, &answered.body),
        };
        bid.map(|bid| (encoding, bid)).map_err(|error| Wrong::Undecodable(error.to_string()))
    }
}
