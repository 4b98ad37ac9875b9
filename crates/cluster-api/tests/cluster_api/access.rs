use headstart_cluster_api::client::{ClusterClient, TokenSource};
use headstart_proto::v1::{self, LegacyHeader};
use headstart_registry::{Actor, Scope, Scopes};
use tokio_stream::once;
use tonic::{Code, Request, Status};

use crate::world::{CLOCK, World, parent, pubkey, soon};

const METHODS: [(&str, Scope); 7] = [
    ("RegisterValidators", Scope::Register),
    ("PushDutyHints", Scope::Hint),
    ("ReportProposal", Scope::Hint),
    ("WatchAuctions", Scope::View),
    ("ListValidators", Scope::View),
    ("RemoveValidators", Scope::Register),
    ("GetCluster", Scope::View),
];

/// Calls a method with a message that nothing is wrong with.
async fn call(client: &ClusterClient, method: &str, world: &World) -> Result<(), Status> {
    let mut grpc = client.grpc();
    match method {
        "RegisterValidators" => {
            let request = client.request(once(v1::RegisterValidatorsRequest::default())).unwrap();
            let mut stream = grpc.register_validators(request).await?.into_inner();
            stream.message().await.map(|_| ())
        }
        "PushDutyHints" => {
            let request = client.request(tokio_stream::pending()).unwrap();
            let mut stream = grpc.push_duty_hints(request).await?.into_inner();
            stream.message().await.map(|_| ())
        }
        "WatchAuctions" => client.watch().await.map(|_| ()).map_err(|error| error.status().unwrap().clone()),
        "ReportProposal" => {
            client.report(report(world)).await.map_err(|error| error.status().unwrap().clone())
        }
        "ListValidators" => client.list().await.map(|_| ()).map_err(|error| error.status().unwrap().clone()),
        "RemoveValidators" => {
            client.remove(&[pubkey(1)]).await.map(|_| ()).map_err(|error| error.status().unwrap().clone())
        }
        "GetCluster" => client.cluster().await.map(|_| ()).map_err(|error| error.status().unwrap().clone()),
        other => panic!("there is no {other}"),
    }
}

fn report(world: &World) -> v1::ReportProposalRequest {
    v1::ReportProposalRequest {
        slot: world.current_slot().0,
        validator_pubkey: pubkey(1).0.to_vec(),
        legacy: Some(LegacyHeader { parent_hash: parent(1).0.to_vec(), ..LegacyHeader::default() }),
        fate: v1::report_proposal_request::Fate::Proposed.into(),
        block_hash: None,
    }
}

async fn code(client: &ClusterClient, method: &str, world: &World) -> Code {
    let called = soon("the call is answered", call(client, method, world)).await;
    called.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn every_method_wants_a_token_of_its_scope() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    for (method, scope) in METHODS {
        let with = |token: String| world.client_with(TokenSource::Fixed(token));
        let others: Scopes = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let only: Scopes = [scope].into_iter().collect();
        for garbage in ["", "x", "a.b.c"] {
            assert_eq!(
                code(&with(garbage.to_owned()), method, &world).await,
                Code::Unauthenticated,
                "{method}"
            );
        }
        let expired = with(world.token(Scopes::all(), 0));
        assert_eq!(code(&expired, method, &world).await, Code::Unauthenticated, "{method}");
        let wrong_scope = with(world.token(others, 60_000));
        assert_eq!(code(&wrong_scope, method, &world).await, Code::PermissionDenied, "{method}");
        let none = with(world.token(Scopes::default(), 60_000));
        assert_eq!(code(&none, method, &world).await, Code::PermissionDenied, "{method}");
        let right = with(world.token(only, 60_000));
        assert_eq!(code(&right, method, &world).await, Code::Ok, "{method}");
    }
}

#[tokio::test]
async fn without_any_token_nothing_is_told() {
    let world = World::new().await;
    let mut grpc = world.client("alpha", "one").grpc();
    let refused = grpc.get_cluster(Request::new(v1::GetClusterRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = grpc.watch_auctions(Request::new(v1::WatchAuctionsRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_ends_its_streams() {
    let world = World::new().await;
    let (one, two) = (world.client("alpha", "one"), world.client("alpha", "two"));
    let (mut revoked, mut kept) = (one.watch().await.unwrap(), two.watch().await.unwrap());
    world.registry.revoke_operator_key(&Actor::cli("root"), CLOCK.now(), "alpha", "one").await.unwrap();
    world.refresh().await;
    let ended = soon("the stream ends", revoked.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert_eq!(code(&one, "GetCluster", &world).await, Code::Unauthenticated);
    assert_eq!(code(&two, "GetCluster", &world).await, Code::Ok);
    world.shutdown.cancel();
    assert_eq!(soon("it lasted until now", kept.message()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_suspended_cluster_is_refused_and_ends_its_streams() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    let mut stream = client.watch().await.unwrap();
    world.registry.suspend_cluster(&Actor::cli("root"), CLOCK.now(), "alpha").await.unwrap();
    world.refresh().await;
    let ended = soon("the stream ends", stream.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert_eq!(code(&client, "GetCluster", &world).await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::new().await;
    // Tokens count in seconds: this one is believed for one to two.
    let client = world.client_with(TokenSource::Fixed(world.token(Scopes::all(), 2_000)));
    let mut idle = client.watch().await.unwrap();
    let ended = soon("the token expires", idle.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert!(ended.message().contains("expired"), "{ended}");
}
