use futures_util::future::join_all;
use headstart_cluster_api::client::ClusterClient;
use headstart_proto::v1::{ListValidatorsRequest, RemoveValidatorsRequest, ReportProposalRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::{World, soon};

/// Calls of alpha at one moment: more than it may have in the seconds that they take on however slow a machine.
const CALLS: usize = 600;

async fn call(client: &ClusterClient, method: &str) -> Result<(), Status> {
    let mut grpc = client.grpc();
    // What is wrong with them is found after they were charged, and asks nothing of the database.
    match method {
        "ReportProposal" => {
            grpc.report_proposal(client.request(ReportProposalRequest::default()).unwrap()).await.map(drop)
        }
        "ListValidators" => {
            let request = ListValidatorsRequest { page_size: 1, page_token: "none".to_owned() };
            grpc.list_validators(client.request(request).unwrap()).await.map(drop)
        }
        _ => {
            let request = RemoveValidatorsRequest { pubkeys: vec![vec![1]] };
            grpc.remove_validators(client.request(request).unwrap()).await.map(drop)
        }
    }
}

#[tokio::test]
async fn a_cluster_that_calls_without_end_is_told_when_to_come_again_and_others_notice_nothing() {
    let world = World::new().await;
    let (alpha, beta) = (world.client("alpha", "one"), world.client("beta", "one"));
    for method in ["ReportProposal", "ListValidators", "RemoveValidators"] {
        let calls = join_all((0..CALLS).map(|_| call(&alpha, method)));
        let statuses = soon("all are answered", calls).await;
        let refused = |status: &Status| status.code() == Code::ResourceExhausted;
        let refused: Vec<_> = statuses.into_iter().filter_map(Result::err).filter(refused).collect();
        assert!(!refused.is_empty(), "{method}");
        for status in refused {
            let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
            assert!(delay.is_some_and(|delay| !delay.is_zero()), "{method}: {status:?}");
        }
        let status = call(&beta, method).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{method}");
    }
}
