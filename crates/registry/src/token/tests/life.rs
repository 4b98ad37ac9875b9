use super::*;
use crate::{Claims, Scopes};

fn own(world: &World, kid: &str, key: &SigningKey) -> Result<Caller, TokenRejected> {
    let claims = Claims {
        cluster: "alpha",
        operator: "one",
        audience: AUDIENCE,
        scopes: Scopes::all(),
        expires_at: NOW + 5 * MINUTE,
        service_token: None,
    };
    world.authenticate(&key.sign(kid, claims).unwrap())
}

fn by_service(world: &World) -> Result<Caller, TokenRejected> {
    let claims = Claims {
        cluster: "alpha",
        operator: "one",
        audience: AUDIENCE,
        scopes: Scopes::all(),
        expires_at: NOW + 60 * MINUTE,
        service_token: Some("t1"),
    };
    world.authenticate(&world.service.sign("s1", claims).unwrap())
}

#[test]
fn what_we_sign_is_believed() {
    let world = World::new();
    assert_eq!(&**own(&world, "k1", &world.alpha).unwrap().operator(), "one");
    assert_eq!(&*by_service(&world).unwrap().cluster().name, "alpha");
}

#[test]
fn two_keys_live_side_by_side_while_one_replaces_the_other() {
    let mut world = World::new();
    let new = SigningKey::generate().unwrap();
    world.rows.clusters[0] = cluster("alpha", vec![row(&world.alpha, "k1"), row(&new, "k3")]);
    assert!(own(&world, "k1", &world.alpha).is_ok());
    assert!(own(&world, "k3", &new).is_ok());
    world.rows.clusters[0] = cluster("alpha", vec![row(&new, "k3")]);
    assert_eq!(own(&world, "k1", &world.alpha).unwrap_err(), TokenRejected::Unproven);
    assert!(own(&world, "k3", &new).is_ok());
}

#[test]
fn a_caller_is_believed_until_its_token_expires() {
    let world = World::new();
    let mut caller = own(&world, "k1", &world.alpha).unwrap();
    let end = caller.expires_at();
    assert_eq!(caller.recheck(&world.directory(), end - 1), Ok(()));
    assert_eq!(caller.recheck(&world.directory(), end), Err(TokenRejected::Expired));
}

#[test]
fn a_caller_is_believed_until_its_key_goes() {
    let mut world = World::new();
    let mut caller = own(&world, "k1", &world.alpha).unwrap();
    world.rows.clusters[0] = cluster("alpha", vec![]);
    assert_eq!(caller.recheck(&world.directory(), NOW), Err(TokenRejected::Unproven));
    // Another key under the same id is another key.
    let other = SigningKey::generate().unwrap();
    world.rows.clusters[0] = cluster("alpha", vec![row(&other, "k1")]);
    assert_eq!(caller.recheck(&world.directory(), NOW), Err(TokenRejected::Unproven));
    world.rows.clusters[0] = cluster("alpha", vec![row(&world.alpha, "k1")]);
    assert_eq!(caller.recheck(&world.directory(), NOW), Ok(()));
}

#[test]
fn a_caller_is_believed_until_its_cluster_goes_or_lets_it_go() {
    let mut world = World::new();
    let (mut own, mut served) = (own(&world, "k1", &world.alpha).unwrap(), by_service(&world).unwrap());
    let alpha = world.rows.clusters[0].clone();
    let changes: [fn(&mut ClusterRow); 2] =
        [|cluster| cluster.suspended = true, |cluster| cluster.operators.clear()];
    for change in changes {
        let mut changed = (*alpha).clone();
        change(&mut changed);
        world.rows.clusters[0] = Arc::new(changed);
        assert_eq!(own.recheck(&world.directory(), NOW), Err(TokenRejected::Unproven));
        assert_eq!(served.recheck(&world.directory(), NOW), Err(TokenRejected::Unproven));
        assert_eq!(by_service(&world).unwrap_err(), TokenRejected::Unproven);
    }
}

#[test]
fn a_token_of_the_service_is_revoked_by_its_id() {
    let mut world = World::new();
    let mut caller = by_service(&world).unwrap();
    world.rows.revoked_tokens = vec!["t0".to_owned()];
    assert_eq!(caller.recheck(&world.directory(), NOW), Ok(()));
    world.rows.revoked_tokens.push("t1".to_owned());
    assert_eq!(caller.recheck(&world.directory(), NOW), Err(TokenRejected::Revoked));
    assert_eq!(by_service(&world).unwrap_err(), TokenRejected::Revoked);
}

#[test]
fn a_caller_follows_its_cluster() {
    let mut world = World::new();
    let mut caller = own(&world, "k1", &world.alpha).unwrap();
    let mut changed = (*world.rows.clusters[0]).clone();
    changed.quotas.hints_per_s = Some(7);
    world.rows.clusters[0] = Arc::new(changed);
    caller.recheck(&world.directory(), NOW).unwrap();
    assert_eq!(caller.cluster().quotas.hints_per_s, 7);
}
