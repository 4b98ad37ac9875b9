//! Objects of another cluster are like objects that are not there, byte for byte.

use e2e::registration;
use futures_util::StreamExt;
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response;
use headstart_proto::v1::{
    DutyHint, GetClusterRequest, ListValidatorsRequest, PushDutyHintsRequest, RegisterValidatorsRequest,
    RegistrationVerdict, RemoveValidatorsRequest, SignedValidatorRegistration as Told, registration_verdict,
};
use headstart_registry::Scopes;
use headstart_types::SignedValidatorRegistration;

use super::cluster_api::report;
use super::world::{Owner, World, attempts, said, with_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_anothers_validator_is_like_one_on_nobodys() {
    let world = World::new().await;
    let token = world.token(Owner::Beta, Scopes::all(), 60_000);
    let mut statuses = Vec::new();
    for owner in [Owner::Alpha, Owner::Nobody] {
        let mut client = world.grpc().await;
        let refused = client.report_proposal(with_token(report(owner), Some(&token))).await.unwrap_err();
        statuses.push(said(&refused));
    }
    assert_eq!(statuses[0], statuses[1]);
    assert_eq!(statuses[0].0, tonic::Code::NotFound as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_for_anothers_validator_is_like_one_for_nobodys_and_causes_nothing() {
    let world = World::new().await;
    let token = world.token(Owner::Beta, Scopes::all(), 60_000);
    let mut reasons = Vec::new();
    for owner in [Owner::Alpha, Owner::Nobody] {
        let hint = DutyHint {
            seq: 1,
            slot: World::slot(),
            validator_pubkey: owner.pubkey().0.to_vec(),
            parent_hash: Some(vec![0x11; 32]),
            ..DutyHint::default()
        };
        let hints = futures_util::stream::iter([PushDutyHintsRequest { hint: Some(hint) }]);
        let mut client = world.grpc().await;
        let acks = client.push_duty_hints(with_token(hints, Some(&token))).await.unwrap().into_inner();
        let acks: Vec<_> = acks.collect().await;
        let judged = acks.into_iter().filter_map(|ack| match ack.unwrap().response {
            Some(Response::Ack(ack)) if ack.verdict() != Verdict::Resume => Some(ack),
            _ => None,
        });
        reasons.extend(judged);
    }
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[0], reasons[1]);
    assert_eq!(reasons[0].verdict(), Verdict::Rejected);
    assert_eq!(world.service.store().size().0, 0, "no auction was armed");
}

/// What the service answers the cluster's operator, registration by registration.
async fn register(
    world: &World,
    by: Owner,
    registrations: &[SignedValidatorRegistration],
) -> Vec<RegistrationVerdict> {
    let told = |registration: &SignedValidatorRegistration| Told {
        fee_recipient: registration.message.fee_recipient.0.to_vec(),
        gas_limit: registration.message.gas_limit,
        timestamp: registration.message.timestamp,
        pubkey: registration.message.pubkey.0.to_vec(),
        signature: registration.signature.0.to_vec(),
    };
    let token = world.token(by, Scopes::all(), 60_000);
    let messages: Vec<_> = registrations
        .iter()
        .map(|registration| RegisterValidatorsRequest { registrations: vec![told(registration)] })
        .collect();
    let mut client = world.grpc().await;
    let call = client.register_validators(with_token(futures_util::stream::iter(messages), Some(&token)));
    let responses: Vec<_> = call.await.expect("it is heard").into_inner().collect().await;
    responses.into_iter().flat_map(|response| response.expect("verdicts").verdicts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_of_anothers_validator_is_judged_like_one_of_nobodys() {
    use registration_verdict::Verdict::{Accepted, Rejected};
    let world = World::new().await;
    let recorded = registration(&world.network, &Owner::Alpha.validator(), 60);
    assert_eq!(register(&world, Owner::Alpha, &[recorded]).await[0].verdict(), Accepted);
    let mut judged = Vec::new();
    for owner in [Owner::Alpha, Owner::Nobody] {
        let mut verdicts = register(&world, Owner::Beta, &attempts(&world.network, &owner.validator())).await;
        for verdict in &mut verdicts {
            verdict.pubkey.clear();
        }
        judged.push(verdicts);
    }
    assert_eq!(judged[0], judged[1]);
    let verdicts: Vec<_> = judged[0].iter().map(RegistrationVerdict::verdict).collect();
    assert_eq!(verdicts, [Rejected, Rejected, Rejected, Accepted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_removes_or_lists_what_is_anothers() {
    let world = World::new().await;
    let token = world.token(Owner::Beta, Scopes::all(), 60_000);
    let mut client = world.grpc().await;
    for owner in [Owner::Alpha, Owner::Nobody] {
        let pubkeys = vec![owner.pubkey().0.to_vec()];
        let removed =
            client.remove_validators(with_token(RemoveValidatorsRequest { pubkeys }, Some(&token))).await;
        assert_eq!(removed.unwrap().into_inner().removed, 0);
    }
    assert!(world.service.directory().load().claim_of(&Owner::Alpha.pubkey(), "alpha").is_some());
    let listed = client.list_validators(with_token(ListValidatorsRequest::default(), Some(&token))).await;
    let listed = listed.unwrap().into_inner().validators;
    assert_eq!(
        listed.iter().map(|validator| &validator.pubkey[..]).collect::<Vec<_>>(),
        [&Owner::Beta.pubkey().0[..]]
    );
    let cluster =
        client.get_cluster(with_token(GetClusterRequest {}, Some(&token))).await.unwrap().into_inner();
    assert_eq!((cluster.name.as_str(), cluster.validators), ("beta", 1));
}
