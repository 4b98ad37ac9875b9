use std::sync::Arc;

use headstart_proto::v1::push_duty_hints_response::Response as Answer;
use headstart_proto::v1::{Backpressure, PushDutyHintsRequest, PushDutyHintsResponse};
use tokio::sync::mpsc::OwnedPermit;
use tokio::time;
use tonic::{Request, Response, Status, Streaming};

use crate::auth::Method;
use crate::lanes::Lane;
use crate::status::{invalid, unavailable, unreadable};
use crate::stream::{ResponseStream, Responses, Session};
use crate::work::{Item, Patience, Reply, Work};
use crate::{ClusterApi, convert};

/// Answers under way on one stream beyond those that its lane holds.
const ROOM: usize = 64;

impl ClusterApi {
    /// Takes an operator's hints into its cluster's lane, in the order in which they come.
    pub(crate) fn push_hints(
        &self,
        request: Request<Streaming<PushDutyHintsRequest>>,
    ) -> Result<Response<ResponseStream<PushDutyHintsResponse>>, Status> {
        let session = self.session(request.metadata(), Method::PushDutyHints)?;
        let room = self.config().lane_capacity.saturating_add(ROOM);
        Ok(session.run(room, |session, responses| read(session, request.into_inner(), responses)))
    }
}

async fn read(
    mut session: Session,
    mut hints: Streaming<PushDutyHintsRequest>,
    responses: Responses<PushDutyHintsResponse>,
) -> Result<(), Status> {
    let lane = session.lane();
    let warning = responses.clone().try_reserve_owned().ok();
    let mut stream = HintStream { lane, responses, patience: Arc::default(), warning };
    let reply = stream.reply().await?;
    stream.send(&mut session, Work::Resume { reply }).await?;
    while let Some(request) = hints.message().await.map_err(unreadable)? {
        let told = request.hint.ok_or_else(|| invalid("hint", "is missing"))?;
        let hint = convert::hint(&told)?;
        // No answer may have to wait for a client that does not read: without room for it, the hint waits here.
        let reply = stream.reply().await?;
        let patience = Arc::clone(&stream.patience);
        stream.send(&mut session, Work::Hint { seq: told.seq, hint, patience, reply }).await?;
        let now = session.api().now();
        time::sleep(now.until(stream.patience.waits_until())).await;
    }
    Ok(())
}

struct HintStream {
    lane: Lane,
    responses: Responses<PushDutyHintsResponse>,
    patience: Arc<Patience>,
    /// Room for saying that the lane is full, which is said once an episode.
    warning: Option<OwnedPermit<Result<PushDutyHintsResponse, Status>>>,
}

impl HintStream {
    async fn reply(&self) -> Result<Reply<PushDutyHintsResponse>, Status> {
        let reply = self.responses.clone().reserve_owned().await;
        reply.map_err(|_| unavailable("answer: the client has gone", 0))
    }

    async fn send(&mut self, session: &mut Session, work: Work) -> Result<(), Status> {
        let (cluster, operator) = (Arc::clone(session.cluster()?), Arc::clone(session.operator()));
        // The episode is over once half of the lane is free.
        if self.warning.is_none() && self.lane.queued() <= self.lane.capacity() / 2 {
            self.warning = self.responses.clone().try_reserve_owned().ok();
        }
        if let Some(item) = self.lane.offer(Item { cluster, operator, work }) {
            if let Some(warning) = self.warning.take() {
                warning.send(Ok(self.backpressure()));
            }
            self.lane.push(item).await;
        }
        Ok(())
    }

    fn backpressure(&self) -> PushDutyHintsResponse {
        let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
        let (queued, capacity) = (count(self.lane.queued()), count(self.lane.capacity()));
        PushDutyHintsResponse { response: Some(Answer::Backpressure(Backpressure { queued, capacity })) }
    }
}
