//! The contract's service, one call to each operation's own file.

use std::time::Duration;

use headstart_proto::v1;
use headstart_proto::v1::cluster_service_server::ClusterService;
use tokio::time;
use tonic::{Request, Response, Status, Streaming};

use crate::ClusterApi;
use crate::status::{RETRY_AFTER_MS, unavailable};
use crate::stream::ResponseStream;

/// A call that is no stream is answered within this, if only with the advice to come again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

#[tonic::async_trait]
impl ClusterService for ClusterApi {
    type RegisterValidatorsStream = ResponseStream<v1::RegisterValidatorsResponse>;
    type PushDutyHintsStream = ResponseStream<v1::PushDutyHintsResponse>;
    type WatchAuctionsStream = ResponseStream<v1::WatchAuctionsResponse>;

    async fn register_validators(
        &self,
        request: Request<Streaming<v1::RegisterValidatorsRequest>>,
    ) -> Result<Response<Self::RegisterValidatorsStream>, Status> {
        self.register(request)
    }

    async fn push_duty_hints(
        &self,
        request: Request<Streaming<v1::PushDutyHintsRequest>>,
    ) -> Result<Response<Self::PushDutyHintsStream>, Status> {
        self.push_hints(request)
    }

    async fn report_proposal(
        &self,
        request: Request<v1::ReportProposalRequest>,
    ) -> Result<Response<v1::ReportProposalResponse>, Status> {
        in_time(self.report(request)).await
    }

    async fn watch_auctions(
        &self,
        request: Request<v1::WatchAuctionsRequest>,
    ) -> Result<Response<Self::WatchAuctionsStream>, Status> {
        self.watch(&request)
    }

    async fn list_validators(
        &self,
        request: Request<v1::ListValidatorsRequest>,
    ) -> Result<Response<v1::ListValidatorsResponse>, Status> {
        in_time(self.list(request)).await
    }

    async fn remove_validators(
        &self,
        request: Request<v1::RemoveValidatorsRequest>,
    ) -> Result<Response<v1::RemoveValidatorsResponse>, Status> {
        in_time(self.remove(request)).await
    }

    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::GetClusterResponse>, Status> {
        self.cluster(&request)
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let answered = time::timeout(ANSWER_WITHIN, call).await;
    answered.unwrap_or_else(|_| Err(unavailable("answer in time", RETRY_AFTER_MS)))
}
