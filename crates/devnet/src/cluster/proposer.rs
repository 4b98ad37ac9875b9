use std::time::Duration;

use futures_util::future::join_all;
use headstart_types::{
    AuctionKey, CONSENSUS_VERSION, Encoding, ForkName, SignedBlindedBeaconBlock, SignedBuilderBid, Slot,
    UnixMillis,
};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::check::Wrong;
use super::{BeaconClient, Cluster, HeaderReply, Proposal, RevealReply, Validator};
use crate::block::{Place, blinded_block};
use crate::chain::{Chain, ChainBlock};
use crate::http_client::{Answered, Endpoint, HttpClient, close_connection};
use crate::sign::sign_block;

/// A beacon node with its validator clients: registers, asks for headers, signs and submits as real ones do.
///
/// It takes head, duties and payload attributes from the chain, and everything else over HTTP.
#[derive(Clone, Debug)]
pub struct Proposer {
    pub(super) chain: Chain,
    pub(super) http: HttpClient,
}

/// A getHeader call that has come to its end.
#[derive(Clone, Debug)]
pub struct Asked {
    pub asked_at: UnixMillis,
    pub reply: HeaderReply,
    /// The bid, if the beacon node found nothing wrong with it.
    pub bid: Option<SignedBuilderBid>,
}

impl Proposer {
    pub fn new(chain: Chain) -> Self {
        Self { chain, http: HttpClient::new() }
    }

    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Proposes in `slot` on the head with one operator, now; `None` if the cluster does not propose there.
    pub async fn propose(&self, endpoint: &Endpoint, cluster: &Cluster, slot: Slot) -> Option<Proposal> {
        self.propose_together(std::slice::from_ref(endpoint), cluster, slot).await.pop()
    }

    /// Proposes in `slot` on the head, now, with an operator for each endpoint: all ask, one bid is agreed upon, all
    /// submit the same signed block. Without any bid the cluster publishes a local block.
    pub async fn propose_together(
        &self,
        endpoints: &[Endpoint],
        cluster: &Cluster,
        slot: Slot,
    ) -> Vec<Proposal> {
        let Some(validator) = cluster.validator(&self.chain.duty(slot).pubkey) else { return Vec::new() };
        let parent = self.chain.head();
        let key = AuctionKey { slot, parent_hash: parent.block_hash, proposer: validator.pubkey };
        let asks = endpoints.iter().map(|endpoint| self.ask(endpoint, cluster.client, key));
        let asked: Vec<_> = join_all(asks).await.into_iter().map(|came| self.judge(key, came)).collect();
        let Some((leader, bid)) = agreed(slot, &asked) else {
            self.chain.reveal_local(slot);
            let proposals = asked.into_iter().enumerate();
            return proposals
                .map(|(operator, asked)| self.proposal(cluster, operator, key, asked, None))
                .collect();
        };
        let encoding = asked[leader].reply.encoding.unwrap_or(Encoding::Ssz);
        let block = self.sign(validator, slot, parent, bid);
        let submits =
            endpoints.iter().map(|endpoint| self.submit(endpoint, cluster.client, &block, encoding));
        let reveals = join_all(submits).await;
        let outcomes = asked.into_iter().zip(reveals).enumerate();
        outcomes
            .map(|(operator, (asked, reveal))| self.proposal(cluster, operator, key, asked, Some(reveal)))
            .collect()
    }

    /// The block that `validator` signs around the header of `bid`.
    pub fn sign(
        &self,
        validator: &Validator,
        slot: Slot,
        parent: ChainBlock,
        bid: &SignedBuilderBid,
    ) -> SignedBlindedBeaconBlock {
        let place = Place { slot, proposer_index: validator.index, parent_root: parent.root };
        sign_block(self.chain.network(), blinded_block(place, &bid.message, 0), &validator.key)
    }

    pub(super) fn fork(&self, slot: Slot) -> ForkName {
        self.chain.network().fork_at(slot).unwrap_or(ForkName::Fulu)
    }

    fn proposal(
        &self,
        cluster: &Cluster,
        operator: usize,
        key: AuctionKey,
        asked: Asked,
        reveal: Option<RevealReply>,
    ) -> Proposal {
        Proposal {
            cluster: cluster.name.clone(),
            operator,
            slot: key.slot,
            proposer: key.proposer,
            parent_hash: key.parent_hash,
            asked_at: asked.asked_at,
            asked_offset_ms: asked.asked_at - self.chain.network().slot_start(key.slot),
            header: asked.reply,
            reveal,
        }
    }
}

/// The bid that the operators agree on: the one of the slot's leader, or of the next operator that has one.
fn agreed(slot: Slot, asked: &[Asked]) -> Option<(usize, &SignedBuilderBid)> {
    let leader = usize::try_from(slot.0 % asked.len().max(1) as u64).unwrap_or(0);
    let mut order = (leader..asked.len()).chain(0..leader);
    order.find_map(|operator| Some((operator, asked[operator].bid.as_ref()?)))
}

/// The encoding of a 200, held to the letter as Lighthouse and Grandine do.
pub(super) fn encoding_of(answered: &Answered, fork: ForkName) -> Result<Encoding, Wrong> {
    let content_type = answered.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let encoding =
        [Encoding::Ssz, Encoding::Json].into_iter().find(|encoding| encoding.content_type() == content_type);
    let encoding = encoding.ok_or_else(|| Wrong::ContentType(content_type.chars().take(100).collect()))?;
    match answered.header(CONSENSUS_VERSION) {
        Some(version) if version == fork.as_str() => Ok(encoding),
        version => Err(Wrong::Version(version.unwrap_or_default().chars().take(100).collect())),
    }
}

pub(super) fn headers_of(client: BeaconClient) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(client.user_agent()));
    if client == BeaconClient::Nimbus {
        close_connection(&mut headers);
    }
    headers
}

pub(super) fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

pub(super) fn micros(took: Duration) -> u64 {
    took.as_micros().try_into().unwrap_or(u64::MAX)
}
