use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headstart_auction::PolicyLayer;
use headstart_registry::ClaimLevel::Proven;
use headstart_registry::{
    ClaimRow, Declared, DeclaredCluster, Directory, Follow, LiveDirectory, follow, snapshot,
};
use headstart_types::{Clock, SecretKey};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{Away, NOW, World, eventually, on_both, root};

/// A process that follows the registry.
struct Process {
    live: LiveDirectory,
    shutdown: CancellationToken,
    following: JoinHandle<()>,
}

impl Process {
    fn start(world: &World, declared: Declared, snapshot: Option<PathBuf>) -> Self {
        let (live, shutdown) = (LiveDirectory::new(Directory::default()), CancellationToken::new());
        let following = tokio::spawn(follow(
            Follow {
                registry: world.another_process(),
                live: live.clone(),
                declared: Arc::new(declared),
                rows: None,
                snapshot,
                clock: Clock::new(|| NOW),
            },
            shutdown.clone(),
        ));
        Self { live, shutdown, following }
    }

    async fn knows(&self, cluster: &str) {
        eventually(async || self.live.load().cluster(cluster).is_some()).await;
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.following.await.unwrap();
    }
}

fn real_claim(seed: u8) -> ClaimRow {
    ClaimRow::new(SecretKey::from_seed(&[seed; 32]).unwrap().public_key(), Proven, NOW).unwrap()
}

#[tokio::test]
async fn a_change_is_in_every_process_within_a_second() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let processes = [(); 3].map(|()| Process::start(&world, Declared::default(), None));
        for process in &processes {
            process.knows("alpha").await;
        }
        let claim = real_claim(1);
        world.registry.add_claims(&root(), NOW, "alpha", std::slice::from_ref(&claim), 10).await.unwrap();
        let begun = Instant::now();
        for process in &processes {
            eventually(async || process.live.load().claim_of(&claim.pubkey, "alpha").is_some()).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        for process in processes {
            process.end().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_cluster_of_the_file_is_made_known_to_the_database() {
    on_both(async |world| {
        let alpha =
            DeclaredCluster { name: "alpha".to_owned(), layer: PolicyLayer::default(), claims: Vec::new() };
        let process = Process::start(&world, Declared { clusters: vec![alpha], ..Declared::default() }, None);
        process.knows("alpha").await;
        world.registry.add_operator(&root(), NOW, "alpha", "op1").await.unwrap();
        let members =
            async || process.live.load().cluster("alpha").map(|alpha| alpha.operators.len()) == Some(1);
        eventually(members).await;
        process.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_known_is_kept_for_a_start_without_database() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        world.registry.add_claims(&root(), NOW, "alpha", &[real_claim(1)], 10).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.json");
        let process = Process::start(&world, Declared::default(), Some(path.clone()));
        eventually(async || path.exists()).await;
        let world = world.with_cluster("beta").await;
        process.knows("beta").await;
        process.end().await;
        let rows = snapshot::read(&path).unwrap().unwrap();
        assert_eq!(rows, world.registry.rows(None, NOW).await.unwrap(), "the last is written at the end");
        let directory = Directory::build(&rows, &Declared::default());
        assert_eq!((directory.clusters().len(), directory.validators()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn the_directory_stays_while_the_database_is_away_and_follows_when_it_is_back() {
    let world = World::postgres_of_its_own().await.with_cluster("alpha").await;
    let process = Process::start(&world, Declared::default(), None);
    process.knows("alpha").await;
    for (away, cluster) in [(Away::Stopped, "beta"), (Away::Frozen, "gamma")] {
        world.take_away(away);
        let asked = world.another_process().revision().await;
        assert!(matches!(asked, Err(headstart_registry::Error::Unreachable(_))), "{asked:?}");
        assert!(process.live.load().cluster("alpha").is_some());
        world.bring_back(away);
        let quotas = headstart_registry::QuotaRow::default();
        let policy = headstart_registry::PolicyRow::default();
        let add = async || world.registry.add_cluster(&root(), NOW, cluster, &policy, &quotas).await.is_ok();
        eventually(add).await;
        process.knows(cluster).await;
    }
    process.end().await;
}
