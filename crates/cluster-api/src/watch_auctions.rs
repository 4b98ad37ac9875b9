use headstart_auction::ClusterPolicy;
use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_proto::v1::watch_auctions_response::Event;
use headstart_proto::v1::{
    AuctionArmed, BidHeld, BlockSubmitted, EventsMissed, HeaderAnswered, WatchAuctionsRequest,
    WatchAuctionsResponse,
};
use headstart_registry::{Cluster, Directory};
use headstart_types::RelayId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Request, Response, Status};

use crate::ClusterApi;
use crate::auth::Method;
use crate::convert::offset_ms;
use crate::status::unavailable;
use crate::stream::{ResponseStream, Responses, Session};

/// Events that a watcher may leave unread; over it they are left out and counted.
const ROOM: usize = 256;

impl ClusterApi {
    /// Tells a cluster what happens in its auctions from now on.
    pub(crate) fn watch(
        &self,
        request: &Request<WatchAuctionsRequest>,
    ) -> Result<Response<ResponseStream<WatchAuctionsResponse>>, Status> {
        let session = self.session(request.metadata(), Method::WatchAuctions)?;
        // From this moment on, and not from when the task first runs.
        let events = self.config().store.watch();
        Ok(session.run(ROOM, |session, responses| tell(session, events, responses)))
    }
}

async fn tell(
    mut session: Session,
    mut events: Receiver<AuctionEvent>,
    responses: Responses<WatchAuctionsResponse>,
) -> Result<(), Status> {
    let mut missed = 0;
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            // How many of them were this cluster's is not known, and how many others have is not told.
            Err(RecvError::Lagged(_)) => {
                missed += 1;
                continue;
            }
            Err(RecvError::Closed) => return Err(unavailable("watch: the auctions have ended", 0)),
        };
        let cluster = session.cluster()?.clone();
        let told = visible(&session.api().config().directory.load(), &cluster, &event);
        let Some(told) = told else { continue };
        let before = (missed > 0).then(|| WatchAuctionsResponse {
            event: Some(Event::EventsMissed(EventsMissed { count: missed })),
            ..WatchAuctionsResponse::default()
        });
        // A slow watcher misses events rather than hold anything up.
        match responses.try_reserve_many(1 + usize::from(before.is_some())) {
            Ok(room) => {
                let all = before.into_iter().chain([told]);
                room.zip(all).for_each(|(place, response)| place.send(Ok(response)));
                missed = 0;
            }
            Err(_) => missed += 1,
        }
    }
}

/// The event as this cluster may see it: its own, and of auctions of validators that it claims what its policy lets it
/// see of the bids.
fn visible(directory: &Directory, cluster: &Cluster, event: &AuctionEvent) -> Option<WatchAuctionsResponse> {
    let claim = directory.claim_of(&event.key.proposer, &cluster.name);
    let is_own = event.cluster.as_ref().is_some_and(|owner| *owner == cluster.name);
    let is_shared = event.cluster.is_none() && claim.is_some();
    if !is_own && !is_shared {
        return None;
    }
    let policy = claim.map_or(&cluster.policy, |claim| &claim.policy);
    Some(WatchAuctionsResponse {
        slot: event.key.slot.0,
        parent_hash: event.key.parent_hash.0.to_vec(),
        validator_pubkey: event.key.proposer.0.to_vec(),
        at_unix_ms: event.at.0,
        event: Some(told(directory, policy, &event.what)?),
    })
}

fn told(directory: &Directory, policy: &ClusterPolicy, what: &AuctionEventKind) -> Option<Event> {
    let micros = |took: std::time::Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    Some(match what {
        AuctionEventKind::Armed => Event::Armed(AuctionArmed {}),
        AuctionEventKind::BidHeld { relay, .. } if !policy.trusts(*relay) => return None,
        AuctionEventKind::BidHeld { relay, value, block_hash } => Event::BidHeld(BidHeld {
            relay: name(directory, *relay),
            value_wei: value.to_string(),
            block_hash: block_hash.0.to_vec(),
        }),
        AuctionEventKind::HeaderAnswered { outcome, value, block_hash, asked_ms, took } => {
            Event::HeaderAnswered(HeaderAnswered {
                outcome: outcome.to_string(),
                value_wei: value.map(|value| value.to_string()).unwrap_or_default(),
                block_hash: block_hash.map(|hash| hash.0.to_vec()).unwrap_or_default(),
                asked_offset_ms: offset_ms(*asked_ms),
                took_us: micros(*took),
            })
        }
        // What only explains an auction afterwards is in its timeline.
        AuctionEventKind::Hinted
        | AuctionEventKind::HeadChanged { .. }
        | AuctionEventKind::Expected(_)
        | AuctionEventKind::Asked { .. }
        | AuctionEventKind::Answered { .. }
        | AuctionEventKind::Compared(_) => return None,
        AuctionEventKind::BlockSubmitted { outcome, block_hash, took } => {
            Event::BlockSubmitted(BlockSubmitted {
                outcome: outcome.to_string(),
                block_hash: block_hash.0.to_vec(),
                took_us: micros(*took),
            })
        }
    })
}

fn name(directory: &Directory, relay: RelayId) -> String {
    directory.relay(relay).map_or_else(|| relay.to_string(), |relay| relay.name.clone())
}
