use headstart_auction::Hint;
use headstart_cluster_api::client::{ClusterClient, HintOutcome, Link};
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response as Answer;
use headstart_proto::v1::{DutyHint, HintAck, PushDutyHintsRequest, PushDutyHintsResponse};
use headstart_registry::QuotaRow;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::world::{Setup, World, parent, soon};

/// A stream as it is on the wire, without the client's care.
pub(crate) struct RawStream {
    requests: mpsc::Sender<PushDutyHintsRequest>,
    responses: Streaming<PushDutyHintsResponse>,
}

impl RawStream {
    pub(crate) async fn open(client: &ClusterClient) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(4_096);
        let request = client.request(ReceiverStream::new(outgoing)).unwrap();
        let responses = client.grpc().push_duty_hints(request).await?.into_inner();
        Ok(Self { requests, responses })
    }

    pub(crate) async fn send(&self, seq: u64, hint: &Hint) {
        let hint = DutyHint {
            seq,
            slot: hint.slot.0,
            validator_pubkey: hint.proposer.0.to_vec(),
            parent_hash: hint.parent_hash.map(|hash| hash.0.to_vec()),
            ..DutyHint::default()
        };
        self.send_raw(hint).await;
    }

    pub(crate) async fn send_raw(&self, hint: DutyHint) {
        self.requests.send(PushDutyHintsRequest { hint: Some(hint) }).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Answer>, Status> {
        let response = soon("the service answers", self.responses.message()).await?;
        Ok(response.map(|response| response.response.unwrap()))
    }

    pub(crate) async fn ack(&mut self) -> HintAck {
        match self.next().await.unwrap() {
            Some(Answer::Ack(ack)) => ack,
            other => panic!("{other:?} is no ack"),
        }
    }

    /// What the first response says.
    pub(crate) async fn resume(&mut self) -> u64 {
        let ack = self.ack().await;
        assert_eq!((ack.verdict(), ack.seq), (Verdict::Resume, 0));
        ack.applied_seq
    }

    pub(crate) async fn judge(&mut self, seq: u64, hint: &Hint) -> (Verdict, u64, String) {
        self.send(seq, hint).await;
        let ack = self.ack().await;
        assert_eq!(ack.seq, seq);
        (ack.verdict(), ack.applied_seq, ack.reason)
    }

    pub(crate) async fn error(mut self) -> Status {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without an error"),
                Err(status) => return status,
            }
        }
    }
}

async fn outcome(client: &ClusterClient, hint: Hint) -> HintOutcome {
    soon("the hint is settled", client.push_hints().push(hint).await.outcome()).await.unwrap()
}

#[tokio::test]
async fn a_hint_of_a_coming_duty_is_applied() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let hint = world.hint(1, 3);
    assert_eq!(outcome(&world.client("alpha", "one"), hint).await, HintOutcome::Applied);
}

#[tokio::test]
async fn a_rejected_hint_says_why_in_one_word() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    world.claim("beta", &[2]).await;
    let client = world.client("alpha", "one");
    let on_parent = |number| Hint { parent_hash: Some(parent(number)), ..world.hint(1, 5) };
    let rejected = |word: &str| HintOutcome::Rejected(word.to_owned());
    assert_eq!(outcome(&client, world.hint(2, 3)).await, rejected("not_yours"));
    assert_eq!(outcome(&client, world.hint(99, 3)).await, rejected("not_yours"));
    assert_eq!(outcome(&client, world.hint(1, 70)).await, rejected("slot_too_far"));
    let past = Hint { slot: headstart_types::Slot(world.current_slot().0 - 2), ..world.hint(1, 0) };
    assert_eq!(outcome(&client, past).await, rejected("slot_past"));
    assert_eq!(outcome(&client, on_parent(1)).await, HintOutcome::Applied);
    assert_eq!(outcome(&client, on_parent(2)).await, rejected("too_many_parents"));
}

#[tokio::test]
async fn numbers_go_on_without_a_gap_and_a_rejected_hint_consumes_none() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    let (good, bad) = (world.hint(1, 3), world.hint(99, 3));
    assert_eq!(stream.resume().await, 0);
    assert_eq!(stream.judge(1, &good).await, (Verdict::Applied, 1, String::new()));
    assert_eq!(stream.judge(1, &good).await, (Verdict::Duplicate, 1, String::new()));
    assert_eq!(stream.judge(3, &good).await, (Verdict::OutOfOrder, 1, String::new()));
    assert_eq!(stream.judge(0, &good).await, (Verdict::Duplicate, 1, String::new()));
    assert_eq!(stream.judge(u64::MAX, &good).await, (Verdict::OutOfOrder, 1, String::new()));
    assert_eq!(stream.judge(2, &bad).await, (Verdict::Rejected, 1, "not_yours".to_owned()));
    assert_eq!(stream.judge(2, &world.hint(1, 4)).await, (Verdict::Applied, 2, String::new()));
}

#[tokio::test]
async fn a_stream_goes_on_where_the_former_one_was_cut() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let client = world.client("alpha", "one");
    let mut cut = RawStream::open(&client).await.unwrap();
    cut.resume().await;
    for seq in 1..=5 {
        cut.send(seq, &world.hint(1, seq)).await;
    }
    // The third answer is the last that arrives; what the service had taken by then takes effect all the same.
    for seq in 1..=3 {
        assert_eq!(cut.ack().await.seq, seq);
    }
    drop(cut);
    let mut stream = RawStream::open(&client).await.unwrap();
    let applied = stream.resume().await;
    assert!((3..=5).contains(&applied), "{applied}");
    assert_eq!(stream.judge(applied, &world.hint(1, 6)).await.0, Verdict::Duplicate);
    assert_eq!(stream.judge(applied + 2, &world.hint(1, 6)).await.0, Verdict::OutOfOrder);
    assert_eq!(stream.judge(applied + 1, &world.hint(1, 6)).await.0, Verdict::Applied);
}

#[tokio::test]
async fn operators_of_a_cluster_count_for_themselves() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let mut one = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    let mut two = RawStream::open(&world.client("alpha", "two")).await.unwrap();
    assert_eq!((one.resume().await, two.resume().await), (0, 0));
    assert_eq!(one.judge(1, &world.hint(1, 3)).await.0, Verdict::Applied);
    assert_eq!(two.judge(1, &world.hint(1, 3)).await.0, Verdict::Applied);
    assert_eq!(two.judge(2, &world.hint(1, 4)).await.0, Verdict::Applied);
    assert_eq!(one.judge(2, &world.hint(1, 5)).await.0, Verdict::Applied);
}

#[tokio::test]
async fn a_malformed_hint_ends_the_stream_and_names_its_field() {
    let world = World::new().await;
    let fields = [
        ("hint.validator_pubkey", DutyHint { validator_pubkey: vec![1; 47], ..DutyHint::default() }),
        ("hint.parent_hash", DutyHint { parent_hash: Some(vec![1; 20]), ..whole() }),
        ("hint.dependent_root", DutyHint { dependent_root: Some(vec![]), ..whole() }),
    ];
    for (field, hint) in fields {
        let stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
        stream.send_raw(hint).await;
        let status = stream.error().await;
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, field));
    }
    let stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    stream.requests.send(PushDutyHintsRequest { hint: None }).await.unwrap();
    assert_eq!(stream.error().await.code(), Code::InvalidArgument);
}

fn whole() -> DutyHint {
    DutyHint { validator_pubkey: vec![1; 48], ..DutyHint::default() }
}

#[tokio::test]
async fn what_was_asked_before_an_error_is_answered_before_it() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    stream.send(1, &world.hint(1, 3)).await;
    stream.send_raw(DutyHint::default()).await;
    assert_eq!(stream.resume().await, 0);
    assert_eq!(stream.ack().await.verdict(), Verdict::Applied);
    assert_eq!(stream.error().await.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn over_its_quota_a_cluster_waits_and_nothing_is_lost() {
    let quotas = QuotaRow { hints_per_s: Some(10), ..QuotaRow::default() };
    let world = World::with(Setup { quotas, ..Setup::default() }).await;
    world.claim("alpha", &[1]).await;
    let mut stream = RawStream::open(&world.client("alpha", "two")).await.unwrap();
    stream.resume().await;
    for seq in 1..=20 {
        assert_eq!(stream.judge(seq, &world.hint(1, 3)).await.0, Verdict::Applied);
    }
    stream.send(21, &world.hint(1, 3)).await;
    let refused = stream.ack().await;
    assert_eq!((refused.verdict(), refused.applied_seq), (Verdict::OverQuota, 20));
    assert!((1..=100).contains(&refused.retry_after_ms), "{refused:?}");

    let pusher = world.client("alpha", "one").push_hints();
    let mut pending = Vec::new();
    for slots_ahead in 1..=8 {
        pending.push(pusher.push(world.hint(1, slots_ahead)).await);
    }
    for hint in pending {
        let outcome = soon("the quota has room again", hint.outcome()).await;
        assert_eq!(outcome, Some(HintOutcome::Applied));
    }
}

#[tokio::test]
async fn a_pusher_settles_every_hint_in_order_whatever_is_between() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let pusher = world.client("alpha", "one").push_hints();
    let mut pending = Vec::new();
    for number in 0..60 {
        let validator = if number % 3 == 2 { 99 } else { 1 };
        pending.push((validator, pusher.push(world.hint(validator, 1 + number % 32)).await));
    }
    for (validator, hint) in pending {
        let outcome = soon("the hint is settled", hint.outcome()).await.unwrap();
        assert_eq!(outcome == HintOutcome::Applied, validator == 1, "{outcome:?}");
    }
    drop(pusher);
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    assert_eq!(stream.resume().await, 40);
}

#[tokio::test]
async fn a_pusher_tells_how_its_stream_stands() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let client = world.client("alpha", "one");
    let pusher = client.push_hints();
    let mut link = pusher.link();
    soon("the stream is up", link.wait_for(|link| *link == Link::Up { applied_seq: 0 })).await.unwrap();
    pusher.push(world.hint(1, 3)).await.outcome().await;
    world.shutdown.cancel();
    soon("the stream is down", link.wait_for(|link| matches!(link, Link::Down(Some(_))))).await.unwrap();
}
