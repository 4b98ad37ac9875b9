use headstart_auction::Quotas;
use headstart_fetcher::{NoRoom as Full, Registrant, RegistrationVerdict};
use headstart_registry::Registry;
use headstart_types::RegistrationRejected;

use crate::relay::Relay;
use crate::world::{Setting, World, pubkey, validator};

use RegistrationVerdict::{Accepted, NoRoom, NotDurable, OverQuota, Rejected, Unchanged, UnknownValidator};

fn by(world: &World, name: &str) -> Registrant {
    Registrant::Cluster(world.cluster(name))
}

/// A beacon node on an open listener.
fn anyone(world: &World) -> Registrant {
    Registrant::BeaconNode(world.directory.load().asker_open())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_accepted_and_told_and_the_same_again_is_unchanged() {
    let relay = Relay::start("one").await;
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2]).start().await;
    let body = vec![world.registration(&validator(1), 60), world.registration(&validator(2), 60)];
    assert_eq!(world.fetcher.register(&anyone(&world), body.clone()).await, [Accepted, Accepted]);
    assert_eq!(relay.is_told(2).await, [[pubkey(1), pubkey(2)].into()], "in one call");

    assert_eq!(world.fetcher.register(&anyone(&world), body.clone()).await, [Unchanged, Unchanged]);
    assert_eq!(world.fetcher.register(&by(&world, "alpha"), body).await, [Unchanged, Unchanged]);
    let newer = world.registration(&validator(1), 30);
    assert_eq!(world.fetcher.register(&anyone(&world), vec![newer]).await, [Accepted]);
    let calls = relay.is_told(3).await;
    assert_eq!(calls[1..], [[pubkey(1)].into()], "only what is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_registration_has_a_verdict_of_its_own() {
    let relay = Relay::start("one").await;
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2, 3, 4]).start().await;
    let recorded = world.registration(&validator(1), 60);
    world.fetcher.register(&anyone(&world), vec![recorded]).await;
    let mut conflicting = recorded;
    conflicting.message.gas_limit += 1;
    let mut forged = world.registration(&validator(2), 60);
    forged.message.gas_limit += 1;
    let far = world.registration(&validator(3), 0);
    let far = {
        let mut far = far;
        far.message.timestamp += 3_600;
        far
    };
    let body = vec![
        recorded,
        world.registration(&validator(1), 90),
        conflicting,
        forged,
        far,
        world.registration(&validator(99), 60),
        world.registration(&validator(4), 60),
    ];
    let verdicts = world.fetcher.register(&anyone(&world), body).await;
    let expected = [
        Unchanged,
        Rejected(RegistrationRejected::OlderThanRecorded),
        Rejected(RegistrationRejected::ConflictsWithRecorded),
        Rejected(RegistrationRejected::Signature),
        Rejected(RegistrationRejected::FromTheFuture),
        UnknownValidator,
        Accepted,
    ];
    assert_eq!(verdicts, expected);
    assert!(world.fetcher.register(&anyone(&world), vec![]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_for_one_validator_the_newest_wins_in_whichever_order() {
    let relay = Relay::start("one").await;
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2]).start().await;
    let [old, new] = [90, 30].map(|ago| world.registration(&validator(1), ago));
    let [other_old, other_new] = [90, 30].map(|ago| world.registration(&validator(2), ago));
    let body = vec![old, new, new, other_new, other_old];
    let verdicts = world.fetcher.register(&anyone(&world), body).await;
    assert_eq!(verdicts[..4], [Accepted; 4]);
    assert_eq!(verdicts[4], Rejected(RegistrationRejected::OlderThanRecorded));
    for (number, newest) in [(1, new), (2, other_new)] {
        assert_eq!(world.registrations.of(&pubkey(number)), Some(newest));
    }
    relay.is_told(2).await;
    let mut told = relay.registrations().concat();
    told.sort_by_key(|registration| registration.message.pubkey);
    let mut newest = vec![new, other_new];
    newest.sort_by_key(|registration| registration.message.pubkey);
    assert_eq!(told, newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_over_its_signature_checks_waits_and_others_do_not() {
    let relay = Relay::start("one").await;
    let numbers: Vec<_> = (1..=12).collect();
    let world = Setting::default()
        .quotas(Quotas { signature_checks_per_s: 1, ..Quotas::default() })
        .relay(&relay)
        .cluster("alpha", &[&relay], &numbers)
        .cluster("beta", &[&relay], &[50])
        .start()
        .await;
    let body: Vec<_> = numbers.iter().map(|number| world.registration(&validator(*number), 60)).collect();
    let verdicts = world.fetcher.register(&anyone(&world), body.clone()).await;
    assert_eq!(verdicts[..10], [Accepted; 10]);
    for verdict in &verdicts[10..] {
        assert!(matches!(verdict, OverQuota { retry_after_ms: 1..=2_000 }), "{verdict:?}");
    }
    let again = world.fetcher.register(&anyone(&world), body).await;
    assert_eq!(again[..10], [Unchanged; 10], "what is known costs no check");
    let other = world.registration(&validator(50), 60);
    assert_eq!(world.fetcher.register(&anyone(&world), vec![other]).await, [Accepted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_not_accepted() {
    let relay = Relay::start("one").await;
    let setting = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1]);
    let away = Registry::connect("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    let world = setting.start_without(away);
    let new = world.registration(&validator(1), 60);
    assert_eq!(world.fetcher.register(&anyone(&world), vec![new]).await, [NotDurable]);
    let stranger = world.registration(&validator(2), 60);
    assert_eq!(world.fetcher.register(&by(&world, "alpha"), vec![stranger]).await, [NotDurable]);
    assert!(relay.registrations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_registers_is_its_own_and_served_as_soon_as_it_is_accepted() {
    let [of_alpha, of_beta] = [Relay::start("of alpha").await, Relay::start("of beta").await];
    let setting = Setting::default().relay(&of_alpha).relay(&of_beta);
    let setting = setting.cluster("alpha", &[&of_alpha], &[]).cluster("beta", &[&of_beta], &[]);
    let world = setting.start_following().await;
    let new = world.registration(&validator(1), 60);
    assert_eq!(world.fetcher.register(&anyone(&world), vec![new]).await, [UnknownValidator]);

    assert_eq!(world.fetcher.register(&by(&world, "alpha"), vec![new]).await, [Accepted]);
    let claims = |world: &World| {
        let directory = world.directory.load();
        directory.claims(&pubkey(1)).iter().map(|claim| claim.cluster.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(claims(&world), ["alpha"]);
    of_alpha.is_told(1).await;

    assert_eq!(world.fetcher.register(&by(&world, "beta"), vec![new]).await, [Accepted], "as if it were new");
    assert_eq!(claims(&world), ["alpha", "beta"], "claims are not exclusive");
    of_beta.is_told(1).await;
    assert_eq!(of_alpha.registrations().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_registered_tells_a_cluster_nothing_that_does_not_claim_it() {
    let [of_alpha, of_beta] = [Relay::start("of alpha").await, Relay::start("of beta").await];
    let world = Setting::default()
        .quotas(Quotas { signature_checks_per_s: 1, ..Quotas::default() })
        .relay(&of_alpha)
        .relay(&of_beta)
        .cluster("alpha", &[&of_alpha], &[])
        .cluster("beta", &[&of_beta], &[])
        .start_following()
        .await;
    let recorded = world.registration(&validator(1), 60);
    assert_eq!(world.fetcher.register(&by(&world, "alpha"), vec![recorded]).await, [Accepted]);
    let forged = |number, seconds_ago| {
        let mut forged = world.registration(&validator(number), seconds_ago);
        forged.message.gas_limit += 1;
        forged
    };
    let guesses = [30, 60, 90].map(|ago| forged(1, ago)).to_vec();
    let verdicts = world.fetcher.register(&by(&world, "beta"), guesses).await;
    assert_eq!(verdicts, [Rejected(RegistrationRejected::Signature); 3], "whatever is on record");

    let older = world.registration(&validator(1), 90);
    assert_eq!(world.fetcher.register(&by(&world, "beta"), vec![older]).await, [Accepted], "it is a claim");
    assert_eq!(world.registrations.of(&pubkey(1)), Some(recorded), "the newer one stays");
    of_beta.is_told(1).await;
    assert_eq!(of_beta.registrations(), [[recorded]]);
    let older = world.fetcher.register(&by(&world, "beta"), vec![older]).await;
    assert_eq!(older, [Rejected(RegistrationRejected::OlderThanRecorded)], "from now on it is beta's own");

    let other = world.registration(&validator(2), 60);
    assert_eq!(world.fetcher.register(&by(&world, "alpha"), vec![other]).await, [Accepted]);
    let guesses = (0..60).map(|ago| forged(2, 61 + ago)).collect();
    let verdicts = world.fetcher.register(&by(&world, "beta"), guesses).await;
    assert!(matches!(verdicts[59], OverQuota { .. }), "guesses cost checks: {:?}", verdicts[59]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_claims_no_more_validators_than_it_may() {
    let relay = Relay::start("one").await;
    let setting = Setting::default()
        .quotas(Quotas { validators: 2, ..Quotas::default() })
        .relay(&relay)
        .cluster("alpha", &[&relay], &[])
        .cluster("beta", &[&relay], &[]);
    let world = setting.start_following().await;
    let [first, second, third] = [1, 2, 3].map(|number| world.registration(&validator(number), 60));
    assert_eq!(world.fetcher.register(&by(&world, "alpha"), vec![first]).await, [Accepted]);
    let verdicts = world.fetcher.register(&by(&world, "alpha"), vec![second, third]).await;
    assert_eq!(verdicts, [Accepted, NoRoom(Full { limit: 2 })], "one too many keeps no other out");
    let verdicts = world.fetcher.register(&by(&world, "alpha"), vec![third, first]).await;
    assert_eq!(verdicts, [NoRoom(Full { limit: 2 }), Unchanged]);
    assert_eq!(world.registrations.of(&pubkey(3)), None);
    assert_eq!(world.fetcher.register(&by(&world, "beta"), vec![third]).await, [Accepted]);
}
