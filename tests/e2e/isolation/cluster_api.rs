//! Every method of the contract, with every kind of token.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use futures_util::StreamExt;
use headstart_proto::FILE_DESCRIPTOR_SET;
use headstart_proto::v1::report_proposal_request::Fate;
use headstart_proto::v1::{
    DutyHint, GetClusterRequest, LegacyHeader, ListValidatorsRequest, PushDutyHintsRequest,
    RegisterValidatorsRequest, RemoveValidatorsRequest, ReportProposalRequest, WatchAuctionsRequest,
};
use headstart_registry::{Scope, Scopes};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use super::world::{Owner, World, all_but, with_token};

/// The methods of the contract.
fn methods() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.into_iter().flat_map(|file| file.service);
    services.flat_map(|service| service.method).map(|method| method.name.unwrap()).collect()
}

fn scope_of(method: &str) -> Scope {
    match method {
        "RegisterValidators" | "RemoveValidators" => Scope::Register,
        "PushDutyHints" | "ReportProposal" => Scope::Hint,
        "WatchAuctions" | "ListValidators" | "GetCluster" => Scope::View,
        new => panic!("{new} has no row here: say which scope it needs and how it is called"),
    }
}

/// What comes of the same call with another cluster's token. Its objects are then like objects that are not there, which
/// `objects` holds against each other word by word; a method without objects tells of the caller's own cluster.
fn with_anothers_token(method: &str) -> Code {
    match method {
        "ReportProposal" => Code::NotFound,
        // Each item of the first three has a verdict of its own.
        "RegisterValidators" | "PushDutyHints" | "RemoveValidators" | "WatchAuctions" | "ListValidators"
        | "GetCluster" => Code::Ok,
        new => {
            panic!("{new} has no row here: say what another cluster is answered, and show it in `objects`")
        }
    }
}

/// A call that is right in everything but, perhaps, its token.
async fn call(world: &World, method: &str, token: Option<&str>) -> Result<(), Status> {
    let mut client = world.grpc().await;
    match method {
        "RegisterValidators" => {
            let messages = futures_util::stream::iter([RegisterValidatorsRequest::default()]);
            first(client.register_validators(with_token(messages, token)).await?.into_inner()).await
        }
        "PushDutyHints" => {
            let hint = DutyHint {
                seq: 1,
                slot: World::slot(),
                validator_pubkey: Owner::Alpha.pubkey().0.to_vec(),
                ..DutyHint::default()
            };
            let hints = futures_util::stream::iter([PushDutyHintsRequest { hint: Some(hint) }]);
            first(client.push_duty_hints(with_token(hints, token)).await?.into_inner()).await
        }
        "ReportProposal" => client.report_proposal(with_token(report(Owner::Alpha), token)).await.map(drop),
        "WatchAuctions" => client.watch_auctions(with_token(WatchAuctionsRequest {}, token)).await.map(drop),
        "ListValidators" => {
            client.list_validators(with_token(ListValidatorsRequest::default(), token)).await.map(drop)
        }
        "RemoveValidators" => {
            let pubkeys = vec![Owner::Nobody.pubkey().0.to_vec()];
            client.remove_validators(with_token(RemoveValidatorsRequest { pubkeys }, token)).await.map(drop)
        }
        "GetCluster" => client.get_cluster(with_token(GetClusterRequest {}, token)).await.map(drop),
        new => panic!("{new} has no row here: say how it is called"),
    }
}

/// A stream may tell in its first message what a unary call tells at once.
async fn first<T>(mut stream: tonic::Streaming<T>) -> Result<(), Status> {
    stream.next().await.transpose().map(drop)
}

pub(super) fn report(owner: Owner) -> ReportProposalRequest {
    ReportProposalRequest {
        slot: World::slot() - 1,
        validator_pubkey: owner.pubkey().0.to_vec(),
        legacy: Some(LegacyHeader {
            value_wei: "1".to_owned(),
            parent_hash: vec![0x11; 32],
            ..LegacyHeader::default()
        }),
        fate: Fate::Missed.into(),
        block_hash: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_believes_a_good_token_with_its_scope_and_no_other() {
    let world = World::new().await;
    let minute = 60_000;
    for method in methods() {
        let scope = scope_of(&method);
        let only: Scopes = [scope].into_iter().collect();
        let good = world.token(Owner::Alpha, only, minute);
        let mut forged = good.clone();
        forged.replace_range(good.len() - 8.., "AAAAAAAA");
        let tokens = [
            ("none", None, Code::Unauthenticated),
            ("no token at all", Some("x".to_owned()), Code::Unauthenticated),
            ("forged", Some(forged), Code::Unauthenticated),
            ("revoked", Some(world.revoked_token()), Code::Unauthenticated),
            ("expired", Some(world.token(Owner::Alpha, Scopes::all(), -minute)), Code::Unauthenticated),
            ("too long", Some(world.token(Owner::Alpha, Scopes::all(), 60 * minute)), Code::Unauthenticated),
            (
                "without scopes",
                Some(world.token(Owner::Alpha, Scopes::default(), minute)),
                Code::PermissionDenied,
            ),
            ("wrong scope", Some(world.token(Owner::Alpha, all_but(scope), minute)), Code::PermissionDenied),
            ("another cluster's", Some(world.token(Owner::Beta, only, minute)), with_anothers_token(&method)),
            ("good", Some(good), Code::Ok),
        ];
        for (kind, token, expected) in tokens {
            let code = call(&world, &method, token.as_deref())
                .await
                .map_or_else(|status| status.code(), |()| Code::Ok);
            assert_eq!(code, expected, "{method} with a token that is: {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_dies_with_its_key_within_five_seconds_also_on_an_open_stream() {
    let world = World::new().await;
    let token = world.token(Owner::Beta, Scopes::all(), 60_000);
    let mut client = world.grpc().await;
    let watched = client.watch_auctions(with_token(WatchAuctionsRequest {}, Some(&token))).await;
    let mut watched = watched.unwrap().into_inner();
    let revoked_at = std::time::Instant::now();
    let (root, now) = (super::world::root(), headstart::clock::SYSTEM.now());
    world.service.registry().revoke_operator_key(&root, now, "beta", "beta").await.unwrap();

    let ended = watched.next().await.expect("the stream says why it ends").unwrap_err();

    assert_eq!(ended.code(), Code::Unauthenticated);
    assert!(
        revoked_at.elapsed().as_secs() < 10,
        "a slow machine gets twice as long: {:?}",
        revoked_at.elapsed()
    );
    let status = call(&world, "GetCluster", Some(&token)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}
