use std::sync::Arc;

use headstart_registry::ClaimLevel::{Proven, Registered};
use headstart_registry::{DirectoryRows, snapshot};

use crate::world::{NOW, World, claim, on_both, root, validator};

async fn with_claims(world: World) -> World {
    let world = world.with_cluster("alpha").await.with_cluster("beta").await;
    for cluster in ["alpha", "beta"] {
        let claims: Vec<_> = (0..100).map(|number| claim(number * 2, Registered)).collect();
        world.registry.add_claims(&root(), NOW, cluster, &claims, u32::MAX).await.unwrap();
    }
    world
}

/// Reads what changed, and makes sure that it is the same as reading everything.
async fn reload(world: &World, known: &DirectoryRows) -> DirectoryRows {
    let rows = world.another_process().rows(Some(known), NOW).await.unwrap();
    assert_eq!(rows, world.registry.rows(None, NOW).await.unwrap());
    rows
}

#[tokio::test]
async fn another_process_sees_that_something_changed() {
    on_both(async |world| {
        let other = world.another_process();
        let before = other.revision().await.unwrap();
        let world = world.with_cluster("alpha").await;
        assert_eq!(other.revision().await.unwrap(), before + 1);
        world.registry.declare_clusters(NOW, &["alpha"]).await.unwrap();
        assert_eq!(other.revision().await.unwrap(), before + 1);
    })
    .await;
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    on_both(async |world| {
        let world = with_claims(world).await;
        let registry = &world.registry;
        let first = registry.rows(None, NOW).await.unwrap();
        assert_eq!(first.clusters[0].claims.len(), 100);
        registry.add_claims(&root(), NOW, "alpha", &[claim(3, Proven), claim(4, Proven)], 200).await.unwrap();
        registry.prove_claim(&root(), NOW, "alpha", &validator(0)).await.unwrap();
        let second = reload(&world, &first).await;
        assert!(Arc::ptr_eq(&first.clusters[1], &second.clusters[1]), "beta has not changed");
        assert_eq!(second.clusters[0].claims.len(), 101);
        registry.remove_claims(&root(), NOW, "alpha", &[validator(0), validator(198)]).await.unwrap();
        registry.add_claims(&root(), NOW, "alpha", &[claim(0, Registered)], 200).await.unwrap();
        let third = reload(&world, &second).await;
        assert_eq!(third.clusters[0].claims.len(), 100);
        registry.add_operator(&root(), NOW, "beta", "op1").await.unwrap();
        let fourth = reload(&world, &third).await;
        assert!(Arc::ptr_eq(&third.clusters[0], &fourth.clusters[0]), "alpha has not changed");
        assert_eq!(fourth.clusters[1].operators[0].name, "op1");
        // From far behind, over a removal.
        reload(&world, &first).await;
    })
    .await;
}

#[tokio::test]
async fn rows_of_another_database_are_not_believed() {
    on_both(async |world| {
        let world = with_claims(world).await;
        let mut foreign = world.registry.rows(None, NOW).await.unwrap();
        foreign.revision += 1;
        Arc::make_mut(&mut foreign.clusters[0]).claims.clear();
        reload(&world, &foreign).await;
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_gives_back_what_was_written() {
    let world = with_claims(World::sqlite().await).await;
    let rows = world.registry.rows(None, NOW).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.json");
    assert_eq!(snapshot::read(&path).unwrap(), None);
    for _ in 0..2 {
        snapshot::write(&path, &rows).unwrap();
        assert_eq!(snapshot::read(&path).unwrap().as_ref(), Some(&rows));
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_was_written_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.json");
    let fault = || snapshot::read(&path).unwrap_err().to_string();
    snapshot::write(&path, &DirectoryRows { revision: 7, ..DirectoryRows::default() }).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"revision\":7", "\"revision\":8")).unwrap();
    assert_eq!(fault(), "read the snapshot: it is damaged, its checksum is wrong");
    std::fs::write(&path, text.trim_end_matches('}')).unwrap();
    assert_eq!(fault(), "read the snapshot: it is damaged, its checksum is wrong");
    std::fs::write(&path, text.replace("\"headstart_snapshot\":1", "\"headstart_snapshot\":9")).unwrap();
    assert_eq!(fault(), "read the snapshot: it is of version 9, this program reads 1");
    for foreign in ["", "{}", "{}\n{}", "\u{0}"] {
        std::fs::write(&path, foreign).unwrap();
        assert_eq!(fault(), "read the snapshot: it is no snapshot of headstart");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(fault().starts_with("read the snapshot: "));
}
