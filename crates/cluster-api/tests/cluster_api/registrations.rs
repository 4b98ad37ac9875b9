use headstart_cluster_api::client::{ClusterClient, HintOutcome, Registered};
use headstart_proto::v1::registration_verdict::Verdict;
use headstart_proto::v1::validator::ClaimLevel;
use headstart_proto::v1::{
    RegisterValidatorsRequest, RegisterValidatorsResponse, RegistrationVerdict,
    SignedValidatorRegistration as Told,
};
use headstart_registry::{QuotaRow, Registrations, Registry};
use headstart_types::{BlsSignature, SignedValidatorRegistration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::world::{Setup, World, deadline, pubkey, soon};

/// A stream as it is on the wire.
pub(crate) struct RawStream {
    requests: mpsc::Sender<RegisterValidatorsRequest>,
    responses: Streaming<RegisterValidatorsResponse>,
}

impl RawStream {
    pub(crate) async fn open(client: &ClusterClient) -> Self {
        let (requests, outgoing) = mpsc::channel(16);
        let request = client.request(ReceiverStream::new(outgoing)).unwrap();
        let responses = client.grpc().register_validators(request).await.unwrap().into_inner();
        Self { requests, responses }
    }

    pub(crate) async fn send(&self, registrations: &[SignedValidatorRegistration]) {
        self.send_raw(registrations.iter().map(told).collect()).await;
    }

    async fn send_raw(&self, registrations: Vec<Told>) {
        self.requests.send(RegisterValidatorsRequest { registrations }).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<RegistrationVerdict>, Status> {
        let response = soon("the service answers", self.responses.message()).await?;
        Ok(response.expect("the stream goes on").verdicts)
    }
}

fn told(registration: &SignedValidatorRegistration) -> Told {
    Told {
        fee_recipient: registration.message.fee_recipient.0.to_vec(),
        gas_limit: registration.message.gas_limit,
        timestamp: registration.message.timestamp,
        pubkey: registration.message.pubkey.0.to_vec(),
        signature: registration.signature.0.to_vec(),
    }
}

async fn register(client: &ClusterClient, registrations: &[SignedValidatorRegistration]) -> Vec<Registered> {
    client.register(registrations, deadline()).await.unwrap()
}

#[tokio::test]
async fn a_registered_validator_is_the_clusters_from_then_on() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    let registrations = [world.registration(1, 0), world.registration(2, 0)];
    assert_eq!(register(&client, &registrations).await, [Registered::Accepted, Registered::Accepted]);
    assert_eq!(register(&client, &registrations).await, [Registered::Unchanged, Registered::Unchanged]);
    let listed = client.list().await.unwrap();
    assert_eq!(listed.len(), 2);
    let first = listed.iter().find(|validator| validator.pubkey == pubkey(1).0.to_vec()).unwrap();
    assert_eq!(first.claim_level(), ClaimLevel::Registered);
    assert_eq!(first.registration, Some(told(&registrations[0])));
    assert_eq!(client.cluster().await.unwrap().validators, 2);
}

#[tokio::test]
async fn what_was_acknowledged_is_durable() {
    let world = World::new().await;
    let registration = world.registration(1, 0);
    register(&world.client("alpha", "one"), &[registration]).await;
    let another = Registrations::open(&Registry::connect(&world.database()).unwrap());
    soon("another process has loaded it", another.loaded()).await;
    assert_eq!(another.of(&pubkey(1)), Some(registration));
}

#[tokio::test]
async fn a_bad_registration_spoils_no_other() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    register(&client, &[world.registration(1, 500)]).await;
    let forged = SignedValidatorRegistration {
        signature: BlsSignature(world.registration(9, 0).signature.0),
        ..world.registration(2, 0)
    };
    let body = [
        world.registration(1, 400),
        world.registration(1, 600),
        forged,
        world.registration(3, 2_000),
        world.registration(4, 0),
    ];
    let verdicts = register(&client, &body).await;
    let reason = |place: usize| match &verdicts[place] {
        Registered::Rejected(reason) => reason.clone(),
        other => panic!("{place} is {other:?}"),
    };
    assert!(reason(0).contains("older"), "{}", reason(0));
    assert_eq!((&verdicts[1], &verdicts[4]), (&Registered::Accepted, &Registered::Accepted));
    assert!(reason(2).contains("signature"), "{}", reason(2));
    assert!(reason(3).contains("ahead"), "{}", reason(3));
}

#[tokio::test]
async fn a_registration_of_the_wrong_lengths_has_a_verdict_of_its_own() {
    let world = World::new().await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await;
    let good = told(&world.registration(1, 0));
    stream
        .send_raw(vec![
            Told { pubkey: vec![1; 47], ..good.clone() },
            Told { signature: vec![], ..good.clone() },
            Told { fee_recipient: vec![1; 32], ..good.clone() },
            good,
        ])
        .await;
    let verdicts = stream.next().await.unwrap();
    let of = |place: usize| (verdicts[place].verdict(), verdicts[place].reason.as_str());
    assert_eq!(of(0), (Verdict::Rejected, "read the registration: pubkey must be 48 bytes, not 47"));
    assert_eq!(verdicts[0].pubkey, vec![1; 47]);
    assert_eq!(of(1), (Verdict::Rejected, "read the registration: signature must be 96 bytes, not 0"));
    assert_eq!(of(2), (Verdict::Rejected, "read the registration: fee_recipient must be 20 bytes, not 32"));
    assert_eq!(of(3), (Verdict::Accepted, ""));
}

#[tokio::test]
async fn a_message_holds_a_thousand_at_most() {
    let world = World::new().await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await;
    stream.send_raw(vec![]).await;
    assert_eq!(stream.next().await.unwrap(), []);
    stream.send_raw(vec![Told::default(); 1_001]).await;
    let status = stream.next().await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, "registrations"));
}

#[tokio::test]
async fn another_cluster_may_claim_the_same_validator_and_nobody_loses_it() {
    let world = World::new().await;
    let (alpha, beta) = (world.client("alpha", "one"), world.client("beta", "one"));
    let registration = world.registration(1, 0);
    assert_eq!(register(&alpha, &[registration]).await, [Registered::Accepted]);
    assert_eq!(register(&beta, &[registration]).await, [Registered::Accepted]);
    assert_eq!((alpha.list().await.unwrap().len(), beta.list().await.unwrap().len()), (1, 1));
    assert_eq!(beta.remove(&[pubkey(1)]).await.unwrap(), 1);
    assert_eq!(alpha.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_validator_can_be_hinted_as_soon_as_it_is_registered_and_no_longer_once_removed() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    let pusher = client.push_hints();
    for round in 0..5 {
        register(&client, &[world.registration(1, round)]).await;
        let hinted = pusher.push(world.hint(1, 3)).await.outcome();
        assert_eq!(soon("the hint is settled", hinted).await, Some(HintOutcome::Applied));
        assert_eq!(client.remove(&[pubkey(1)]).await.unwrap(), 1);
        let hinted = soon("the hint is settled", pusher.push(world.hint(1, 4)).await.outcome()).await;
        assert_eq!(hinted, Some(HintOutcome::Rejected("not_yours".to_owned())));
    }
}

#[tokio::test]
async fn over_its_signature_checks_a_cluster_is_told_when_to_come_again() {
    let quotas = QuotaRow { signature_checks_per_s: Some(20), ..QuotaRow::default() };
    let world = World::with(Setup { quotas, ..Setup::default() }).await;
    let client = world.client("alpha", "one");
    let body: Vec<_> = (0..220).map(|number| world.registration(number, 0)).collect();
    let mut stream = RawStream::open(&client).await;
    stream.send(&body).await;
    let status = stream.next().await.unwrap_err();
    let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!delay.is_zero(), "{status:?}");
    let verdicts = register(&client, &body).await;
    let accepted = verdicts.iter().filter(|verdict| **verdict == Registered::Accepted).count();
    assert!(accepted > 0 && verdicts.iter().all(|verdict| !matches!(verdict, Registered::Rejected(_))));
    assert_eq!(client.list().await.unwrap().len(), 220);
}

#[tokio::test]
async fn a_cluster_claims_only_as_many_validators_as_it_may() {
    let quotas = QuotaRow { validators: Some(2), ..QuotaRow::default() };
    let world = World::with(Setup { quotas, ..Setup::default() }).await;
    let client = world.client("alpha", "one");
    assert_eq!(register(&client, &[world.registration(1, 0)]).await, [Registered::Accepted]);
    let verdicts = register(&client, &[2, 3, 1].map(|number| world.registration(number, 0))).await;
    let Registered::Rejected(reason) = &verdicts[1] else { panic!("{verdicts:?}") };
    assert!(reason.contains("the 2 that its quota `validators` allows"), "{reason}");
    assert_eq!((&verdicts[0], &verdicts[2]), (&Registered::Accepted, &Registered::Unchanged));
    assert_eq!(register(&client, &[world.registration(2, 1)]).await, [Registered::Accepted]);
}
