//! From the start of the binary until `/readyz` is 200: with Redis and PostgreSQL there, and with both gone, from the
//! snapshot of the directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headstart::clock::SYSTEM;
use headstart_registry::{Actor, ClaimLevel, ClaimRow, PolicyRow, QuotaRow, Registry};
use headstart_types::SecretKey;
use tokio::{runtime, task, time};

use crate::figures::{Turns, millis};
use crate::postgres::{Postgres, PostgresDatabase};
use crate::process::Process;
use crate::server::Server;

const STARTS: usize = 7;
const VALIDATORS: u32 = 10_000;
const SNAPSHOT: &str = "headstart-directory.json";

pub(crate) fn measure() {
    let runtime = runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let redis = Server::start();
        let start = || PostgresDatabase::create_on(Arc::new(Postgres::start()));
        let database = task::spawn_blocking(start).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = configure(folder.path(), &redis.url(), &database.url());
        claim(&database.url()).await;
        println!("  {VALIDATORS} validators, {STARTS} starts each");
        println!("  Redis and PostgreSQL there      {:.0} ms", starts(&config).await);
        let process = Process::start(&config).await;
        while !folder.path().join(SNAPSHOT).exists() {
            time::sleep(Duration::from_millis(10)).await;
        }
        process.stop().await;
        database.server.stop();
        redis.redis.kill();
        println!("  both gone, from the snapshot    {:.0} ms", starts(&config).await);
        database.server.restart();
        database.server.freeze();
        println!("  Redis gone, PostgreSQL frozen   {:.0} ms", starts(&config).await);
        database.server.thaw();
    });
}

async fn starts(config: &Path) -> Turns {
    let mut took = Turns::default();
    for _ in 0..STARTS {
        let process = Process::start(config).await;
        took.add(millis(process.ready_after));
        process.stop().await;
    }
    took
}

async fn claim(database: &str) {
    let (registry, actor) = (Registry::connect(database).unwrap(), Actor::cli("bench"));
    registry.migrate().await.unwrap();
    let (policy, quotas) = (PolicyRow::default(), QuotaRow::default());
    registry.add_cluster(&actor, SYSTEM.now(), "alpha", &policy, &quotas).await.unwrap();
    let claims = (0..VALIDATORS).map(|number| {
        let mut seed = [0x5c; 32];
        seed[..4].copy_from_slice(&number.to_le_bytes());
        let key = SecretKey::from_seed(&seed).unwrap().public_key();
        ClaimRow::new(key, ClaimLevel::Proven, SYSTEM.now()).unwrap()
    });
    let claims: Vec<_> = claims.collect();
    registry.add_claims(&actor, SYSTEM.now(), "alpha", &claims, u32::MAX).await.unwrap();
}

fn configure(folder: &Path, redis: &str, database: &str) -> PathBuf {
    let text = format!(
        "[log]\nformat = \"json\"\n[network]\nname = \"mainnet\"\n[registry]\nurl = \"{database}\"\n\
         snapshot = \"{SNAPSHOT}\"\n[redis]\nurl = \"{redis}\"\nmode = \"optional\"\n\
         [builder_api]\nlisten = \"127.0.0.1:0\"\n[cluster_api]\nlisten = \"127.0.0.1:0\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n"
    );
    let file = folder.join("headstart.toml");
    std::fs::write(&file, text).unwrap();
    file
}
