use headstart_auction::TimingPreset;
use headstart_registry::ClaimLevel::{Proven, Registered};
use headstart_registry::{AddedClaims, ClaimRow, Error, PolicyRow};
use headstart_types::{UnixMillis, Wei};

use crate::world::{NOW, World, claim, on_both, root, validator};

const NO_LIMIT: u32 = u32::MAX;

async fn add(world: &World, cluster: &str, claims: &[ClaimRow]) -> AddedClaims {
    world.registry.add_claims(&root(), NOW, cluster, claims, NO_LIMIT).await.unwrap()
}

async fn listed(world: &World, cluster: &str) -> Vec<ClaimRow> {
    let listed = world.registry.list_claims(cluster, None, 1_000).await.unwrap();
    let rows = world.registry.rows(None, NOW).await.unwrap();
    let of_cluster = rows.clusters.iter().find(|row| row.name == cluster).unwrap();
    assert_eq!(of_cluster.claims, listed);
    listed
}

#[tokio::test]
async fn a_claim_is_raised_and_never_lowered_nor_made_younger() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        assert_eq!(
            add(&world, "alpha", &[claim(1, Registered), claim(2, Proven)]).await,
            AddedClaims::Added(2)
        );
        let later = [1, 2].map(|number| ClaimRow { claimed_at: NOW + 5, ..claim(number, Registered) });
        let revision = world.registry.revision().await.unwrap();
        assert_eq!(add(&world, "alpha", &later).await, AddedClaims::Added(0));
        assert_eq!(world.registry.revision().await.unwrap(), revision, "the same again changes nothing");
        let raised = ClaimRow { claimed_at: NOW + 5, ..claim(1, Proven) };
        assert_eq!(add(&world, "alpha", &[raised]).await, AddedClaims::Added(1));
        assert_eq!(listed(&world, "alpha").await, [claim(1, Proven), claim(2, Proven)]);
    })
    .await;
}

#[tokio::test]
async fn of_claims_on_one_validator_the_best_counts() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let twice = [claim(1, Registered), claim(1, Proven), claim(1, Registered)];
        assert_eq!(add(&world, "alpha", &twice).await, AddedClaims::Added(1));
        assert_eq!(listed(&world, "alpha").await, [claim(1, Proven)]);
    })
    .await;
}

#[tokio::test]
async fn one_clusters_claims_leave_anothers_alone() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await.with_cluster("beta").await;
        add(&world, "alpha", &[claim(1, Registered)]).await;
        add(&world, "beta", &[claim(1, Proven)]).await;
        let policy = PolicyRow { min_bid: Some(Wei::new(9)), ..PolicyRow::default() };
        world.registry.set_claim_policy(&root(), NOW, "beta", &validator(1), &policy).await.unwrap();
        world.registry.remove_claims(&root(), NOW, "beta", &[validator(1)]).await.unwrap();
        assert_eq!(listed(&world, "alpha").await, [claim(1, Registered)]);
        assert_eq!(listed(&world, "beta").await, []);
        let unknown = world.registry.add_claims(&root(), NOW, "gamma", &[claim(1, Proven)], NO_LIMIT).await;
        assert_eq!(unknown, Err(Error::NotFound("cluster gamma".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn thousands_of_claims_are_added_listed_by_the_page_and_removed() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let claims: Vec<_> = (0..2_345).map(|number| claim(number, Registered)).collect();
        assert_eq!(add(&world, "alpha", &claims).await, AddedClaims::Added(2_345));
        let mut paged: Vec<ClaimRow> = Vec::new();
        loop {
            let after = paged.last().map(|claim| claim.pubkey);
            let page = world.registry.list_claims("alpha", after.as_ref(), 700).await.unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, claims);
        let gone: Vec<_> = (1_000..3_000).map(validator).collect();
        assert_eq!(world.registry.remove_claims(&root(), NOW, "alpha", &gone).await.unwrap(), 1_345);
        assert_eq!(world.registry.remove_claims(&root(), NOW, "alpha", &gone).await.unwrap(), 0);
        assert_eq!(listed(&world, "alpha").await, claims[..1_000]);
    })
    .await;
}

#[tokio::test]
async fn a_cluster_claims_no_more_than_it_may() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let add = async |numbers: std::ops::Range<u16>| {
            let claims: Vec<_> = numbers.map(|number| claim(number, Registered)).collect();
            world.registry.add_claims(&root(), NOW, "alpha", &claims, 10).await.unwrap()
        };
        assert_eq!(add(0..10).await, AddedClaims::Added(10));
        assert_eq!(add(5..11).await, AddedClaims::OverLimit { claimed: 11, limit: 10 });
        assert_eq!(add(0..10).await, AddedClaims::Added(0));
        assert_eq!(listed(&world, "alpha").await.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn of_too_many_claims_the_first_that_fit_are_made() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let add = async |numbers: &[u16], limit| {
            let claims: Vec<_> = numbers.iter().map(|number| claim(*number, Registered)).collect();
            world.registry.add_claims_that_fit(&root(), NOW, "alpha", &claims, limit).await.unwrap()
        };
        assert_eq!(add(&[1, 2], 3).await, []);
        assert_eq!(add(&[9, 2, 9, 4, 3], 3).await, [validator(4), validator(3)]);
        let all = [claim(1, Registered), claim(2, Registered), claim(9, Registered)];
        assert_eq!(listed(&world, "alpha").await, all);
        assert_eq!(add(&[1, 5], 1).await, [validator(5)], "a limit that was lowered takes nothing away");
        assert_eq!(listed(&world, "alpha").await, all);
    })
    .await;
}

#[tokio::test]
async fn a_validator_may_differ_from_its_cluster_and_be_proven() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        add(&world, "alpha", &[claim(1, Registered), claim(2, Registered)]).await;
        let policy = PolicyRow {
            relays: Some(vec![]),
            cutoff_ms: Some(900),
            sticky_ms: Some(12_000),
            timing: Some(TimingPreset::Ssv),
            ..PolicyRow::default()
        };
        registry.set_claim_policy(&root(), NOW, "alpha", &validator(1), &policy).await.unwrap();
        registry.prove_claim(&root(), NOW, "alpha", &validator(1)).await.unwrap();
        registry.prove_claim(&root(), UnixMillis(0), "alpha", &validator(1)).await.unwrap();
        let own = ClaimRow { policy: Some(Box::new(policy)), ..claim(1, Proven) };
        assert_eq!(listed(&world, "alpha").await, [own, claim(2, Registered)]);
        let nothing = PolicyRow::default();
        registry.set_claim_policy(&root(), NOW, "alpha", &validator(1), &nothing).await.unwrap();
        assert_eq!(listed(&world, "alpha").await, [claim(1, Proven), claim(2, Registered)]);
        let policy = registry.set_claim_policy(&root(), NOW, "alpha", &validator(3), &nothing).await;
        assert!(matches!(policy, Err(Error::NotFound(_))));
        let proof = registry.prove_claim(&root(), NOW, "alpha", &validator(3)).await;
        assert!(matches!(proof, Err(Error::NotFound(_))));
    })
    .await;
}
