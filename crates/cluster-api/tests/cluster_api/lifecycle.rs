use headstart_cluster_api::client::{HintOutcome, Link};
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response as Answer;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::hints::RawStream;
use crate::proxy::Proxy;
use crate::registrations;
use crate::world::{Setup, World, pubkey, soon};

#[tokio::test]
async fn on_shutdown_streams_end_so_that_clients_go_elsewhere() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let client = world.client("alpha", "one");
    let mut hints = RawStream::open(&client).await.unwrap();
    hints.resume().await;
    assert_eq!(hints.judge(1, &world.hint(1, 3)).await.0, Verdict::Applied);
    let mut watched = client.watch().await.unwrap();
    world.shutdown.cancel();
    assert_eq!(soon("the stream ends", watched.message()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(hints.error().await.code(), Code::Unavailable);
    drop(client);
    soon("the service ends", world.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_sent_before_the_shutdown_is_answered() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    stream.resume().await;
    for seq in 1..=100 {
        stream.send(seq, &world.hint(1, 1 + seq % 30)).await;
    }
    assert_eq!(stream.ack().await.verdict(), Verdict::Applied);
    world.shutdown.cancel();
    let mut answered = 1;
    let status = loop {
        match stream.next().await {
            Ok(Some(Answer::Ack(ack))) => {
                answered += 1;
                assert_eq!((ack.seq, ack.verdict()), (answered, Verdict::Applied));
            }
            Ok(other) => panic!("{other:?} is no ack"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unavailable);
    soon("the service ends", world.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pusher_outlives_its_connections() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let proxy = Proxy::to(&world.url).await;
    let pusher = world.client_at(&proxy.url, "alpha", "one").push_hints();
    let mut pending = Vec::new();
    for number in 0..10 {
        for ahead in 1..=20 {
            pending.push(pusher.push(world.hint(1, ahead)).await);
        }
        // Some of these are answered, some are under way, and some are not sent yet.
        pending.swap_remove(number * 7).outcome().await.unwrap();
        proxy.cut_and_lead_to(&world.url);
    }
    for hint in pending {
        assert_eq!(soon("the hint is settled", hint.outcome()).await, Some(HintOutcome::Applied));
    }
    drop(pusher);
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    assert_eq!(stream.resume().await, 200, "each took effect once");
}

#[tokio::test]
async fn a_pusher_goes_on_with_another_process() {
    let (world, next) = (World::new().await, World::new().await);
    for world in [&world, &next] {
        world.claim("alpha", &[1]).await;
    }
    let mut other = RawStream::open(&next.client("alpha", "one")).await.unwrap();
    other.resume().await;
    for seq in 1..=50 {
        assert_eq!(other.judge(seq, &next.hint(1, 3)).await.0, Verdict::Applied);
    }
    let proxy = Proxy::to(&world.url).await;
    let pusher = world.client_at(&proxy.url, "alpha", "one").push_hints();
    let first = pusher.push(world.hint(1, 3)).await;
    assert_eq!(soon("the first process settles it", first.outcome()).await, Some(HintOutcome::Applied));
    let mut link = pusher.link();
    proxy.cut_and_lead_to("http://127.0.0.1:1");
    soon("the stream is down", link.wait_for(|link| matches!(link, Link::Down(_)))).await.unwrap();
    let second = pusher.push(world.hint(1, 4)).await;
    proxy.cut_and_lead_to(&next.url);
    assert_eq!(soon("the second process settles it", second.outcome()).await, Some(HintOutcome::Applied));
    drop(pusher);
    assert_eq!(other.judge(51, &next.hint(1, 5)).await.0, Verdict::Duplicate);
}

#[tokio::test]
async fn while_the_database_is_away_hints_go_on_and_nothing_is_acknowledged() {
    let setup = Setup { database_away: true, workers: 1, ..Setup::default() };
    let mut world = World::with(setup).await;
    world.claim("beta", &[2]).await;
    let alpha = world.client("alpha", "one");
    let mut stream = registrations::RawStream::open(&alpha).await;
    stream.send(&[world.registration(1, 0)]).await;
    // The registration is under way, and waits for the database, when beta's hints come.
    let mut beta = RawStream::open(&world.client("beta", "one")).await.unwrap();
    beta.resume().await;
    for seq in 1..=20 {
        assert_eq!(beta.judge(seq, &world.hint(2, 3)).await.0, Verdict::Applied);
    }
    let refused = stream.next().await.unwrap_err();
    let delay = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!((refused.code(), delay.is_zero()), (Code::Unavailable, false));
    let refused = world.client("beta", "two").remove(&[pubkey(2)]).await.unwrap_err();
    assert_eq!(refused.status().unwrap().code(), Code::Unavailable);
    assert_eq!(world.client("beta", "one").list().await.unwrap().len(), 1);
    world.shutdown.cancel();
    soon("the service ends", &mut world.served).await.unwrap().unwrap();
}
