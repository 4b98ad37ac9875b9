use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response as Answer;
use headstart_registry::QuotaRow;
use headstart_types::SignedValidatorRegistration;

use crate::hints::RawStream;
use crate::registrations;
use crate::world::{Setup, World, soon, unsigned};

/// Registrations that take a good while to refuse: in a batch that does not hold, each signature is looked at by itself.
fn heavy(world: &World, round: u32) -> Vec<SignedValidatorRegistration> {
    let signature = world.registration(0, 0).signature;
    let forged =
        |number| SignedValidatorRegistration { signature, ..unsigned(REGISTRATIONS * round + number) };
    (0..REGISTRATIONS).map(forged).collect()
}

/// A lane that is busy with one thing for a good while, when this returns.
async fn busy(world: &World, round: u32) -> registrations::RawStream {
    let (first, second) = (heavy(world, 2 * round), heavy(world, 2 * round + 1));
    let mut stream = registrations::RawStream::open(&world.client("alpha", "two")).await;
    stream.send(&first).await;
    stream.send(&second).await;
    // With the answer to the first, the second is under way.
    stream.next().await.unwrap();
    stream
}

fn generous() -> QuotaRow {
    QuotaRow { hints_per_s: Some(1_000_000), signature_checks_per_s: Some(1_000_000), ..QuotaRow::default() }
}

const CAPACITY: usize = 64;
const REGISTRATIONS: u32 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_lane_says_so_once_an_episode_and_loses_nothing() {
    let setup = Setup { quotas: generous(), lane_capacity: CAPACITY, ..Setup::default() };
    let world = World::with(setup).await;
    world.claim("alpha", &[1]).await;
    let mut stream = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    stream.resume().await;
    let mut seq = 0;
    for round in 1..=2 {
        let mut busy = busy(&world, round).await;
        // More than the lane holds, and less than it takes to fill it a second time.
        let hints = u64::try_from(CAPACITY + CAPACITY / 4).unwrap();
        for next in seq + 1..=seq + hints {
            stream.send(next, &world.hint(1, 3)).await;
        }
        let mut warnings = 0;
        while seq < hints * u64::from(round) {
            match stream.next().await.unwrap().unwrap() {
                Answer::Ack(ack) => {
                    seq += 1;
                    assert_eq!((ack.seq, ack.verdict()), (seq, Verdict::Applied));
                }
                Answer::Backpressure(full) => {
                    warnings += 1;
                    assert_eq!((full.queued, full.capacity), (64, 64));
                }
            }
        }
        assert_eq!(warnings, 1, "in round {round}");
        busy.next().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_cluster_delays_nobody_else() {
    let world = World::with(Setup { quotas: generous(), workers: 2, ..Setup::default() }).await;
    world.claim("beta", &[1]).await;
    let mut beta = RawStream::open(&world.client("beta", "one")).await.unwrap();
    beta.resume().await;
    let mut busy = busy(&world, 1).await;
    let mut busy = tokio::spawn(async move { busy.next().await.unwrap().len() });
    let judging = async {
        for seq in 1..=50 {
            assert_eq!(beta.judge(seq, &world.hint(1, 3)).await.0, Verdict::Applied);
        }
    };
    tokio::select! {
        biased;
        _ = &mut busy => panic!("beta waited for alpha"),
        () = judging => {}
    }
    assert_eq!(busy.await.unwrap(), REGISTRATIONS as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_in_nobodys_way() {
    let setup = Setup { quotas: generous(), lane_capacity: CAPACITY, workers: 1, ..Setup::default() };
    let world = World::with(setup).await;
    world.claim("alpha", &[1]).await;
    world.claim("beta", &[2]).await;
    let mut deaf = RawStream::open(&world.client("alpha", "one")).await.unwrap();
    deaf.resume().await;
    let mut others = [
        (RawStream::open(&world.client("alpha", "two")).await.unwrap(), 1),
        (RawStream::open(&world.client("beta", "one")).await.unwrap(), 2),
    ];
    let hint = world.hint(1, 3);
    // Far more than all buffers on the way hold: it ends only with the stream.
    let flood = async {
        for seq in 1.. {
            deaf.send(seq, &hint).await;
        }
    };
    let judging = async {
        for (other, validator) in &mut others {
            other.resume().await;
            for seq in 1..=200 {
                assert_eq!(other.judge(seq, &world.hint(*validator, 3)).await.0, Verdict::Applied);
            }
        }
    };
    tokio::select! {
        () = flood => unreachable!("a flood has no end"),
        () = soon("the others are answered", judging) => {}
    }
}
