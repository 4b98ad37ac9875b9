use std::time::{Duration, Instant};

use headstart_registry::{Error, Registry};

use crate::postgres::PostgresDatabase;
use crate::world::{NOW, on_both};

#[tokio::test]
async fn an_empty_database_gets_the_schema_once() {
    on_both(async |world| {
        let schema = world.registry.schema().await.unwrap();
        assert_eq!((schema.have, schema.check()), (schema.need, Ok(())));
        let again = world.registry.migrate().await.unwrap();
        assert_eq!((again.from, again.to), (schema.need, schema.need));
    })
    .await;
}

#[tokio::test]
async fn a_database_without_schema_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("empty.db").display());
    let database = tokio::task::spawn_blocking(PostgresDatabase::create).await.unwrap();
    for url in [file, database.url()] {
        let registry = Registry::connect(&url).unwrap();
        let schema = registry.schema().await.unwrap();
        assert_eq!(schema.have, 0);
        assert_eq!(schema.check(), Err(Error::SchemaBehind { have: 0, need: schema.need }));
        let migrated = registry.migrate().await.unwrap();
        assert_eq!((migrated.from, migrated.to), (0, schema.need));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("new.db").display());
    let database = tokio::task::spawn_blocking(PostgresDatabase::create).await.unwrap();
    for url in [file, database.url()] {
        let migrate = |url: String| async move { Registry::connect(&url).unwrap().migrate().await };
        let processes: Vec<_> = (0..6).map(|_| tokio::spawn(migrate(url.clone()))).collect();
        for process in processes {
            process.await.unwrap().unwrap();
        }
        assert_eq!(Registry::connect(&url).unwrap().schema().await.unwrap().check(), Ok(()));
    }
}

#[tokio::test]
async fn a_schema_of_the_next_version_is_borne_until_it_rules_this_one_out() {
    on_both(async |world| {
        let next = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                    SELECT version + 1, 'next', success, checksum, 0 FROM _sqlx_migrations
                    ORDER BY version DESC LIMIT 1";
        world.tamper(next).await;
        let schema = world.registry.schema().await.unwrap();
        assert_eq!((schema.have, schema.check()), (schema.need + 1, Ok(())));
        let migrated = world.registry.migrate().await.unwrap();
        assert_eq!((migrated.from, migrated.to), (schema.have, schema.have));
        let rules_out = "UPDATE schema_floor SET number = (SELECT MAX(version) FROM _sqlx_migrations)";
        world.tamper(rules_out).await;
        let ahead = Err(Error::SchemaAhead { floor: schema.need + 1, need: schema.need });
        assert_eq!(world.registry.schema().await.unwrap().check(), ahead);
        assert_eq!(world.registry.migrate().await.map(|_| ()), ahead);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_nobody_serves_fails_soon_and_can_be_tried_again() {
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry = Registry::connect(&format!("postgres://me:canary@127.0.0.1:{port}/db")).unwrap();
    let begun = Instant::now();
    let fault = registry.revision().await.unwrap_err();
    assert!(matches!(fault, Error::Unreachable(_)), "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(!format!("{fault:?} {fault} {registry:?}").contains("canary"));
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_without_showing_it() {
    for url in
        ["mysql://me:canary@host/db", "canary", "sqlite:", "sqlite:a?b=canary", "postgres://me:canary@[/db"]
    {
        let fault = Registry::connect(url).unwrap_err();
        assert!(matches!(fault, Error::Other(_)) && !fault.to_string().contains("canary"), "{fault}");
        assert!(fault.to_string().starts_with("read the database's URL"), "{fault}");
    }
}

#[tokio::test]
async fn a_database_in_memory_lives_as_long_as_its_registry() {
    let registry = Registry::connect("sqlite::memory:").unwrap();
    registry.migrate().await.unwrap();
    registry.declare_clusters(NOW, &["alpha"]).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.list_clusters().await.unwrap().len() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 1);
    }
}
