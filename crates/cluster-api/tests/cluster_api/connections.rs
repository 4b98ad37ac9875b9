use std::time::Duration;

use headstart_cluster_api::client::{ClientConfig, ClientError, ClusterClient, TokenSource};
use headstart_cluster_api::{Limits, ServeError, Tls};
use headstart_registry::{QuotaRow, Scopes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

use crate::world::{CLOCK, Setup, World, soon};

const CERTIFICATE: &[u8] = include_bytes!("../data/certificate.pem");
const KEY: &[u8] = include_bytes!("../data/key.pem");

fn tls() -> Tls {
    Tls { certificates: CERTIFICATE.to_vec(), key: KEY.to_vec() }
}

async fn channel(world: &World) -> tonic::transport::Channel {
    tonic::transport::Endpoint::from_shared(world.url.clone()).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn anybody_may_ask_for_health() {
    let world = World::new().await;
    let mut health = HealthClient::new(channel(&world).await);
    for service in ["", "headstart.v1.ClusterService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(Request::new(request)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
}

#[tokio::test]
async fn anybody_may_ask_what_there_is_to_call() {
    let world = World::new().await;
    let mut reflection = ServerReflectionClient::new(channel(&world).await);
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut answers =
        reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"headstart.v1.ClusterService".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_cluster_has_only_so_many_streams() {
    let quotas = QuotaRow { streams: Some(2), ..QuotaRow::default() };
    let world = World::with(Setup { quotas, ..Setup::default() }).await;
    let (one, two) = (world.client("alpha", "one"), world.client("alpha", "two"));
    let first = one.watch().await.unwrap();
    let _second = two.watch().await.unwrap();
    let refused = two.watch().await.unwrap_err();
    let status = refused.status().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert!(world.client("beta", "one").watch().await.is_ok(), "another cluster has its own");
    drop(first);
    let again = async {
        while two.watch().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("the place of the first is free again", again).await;
}

#[tokio::test]
async fn over_tls_the_server_proves_itself() {
    let world = World::with(Setup { tls: Some(tls()), ..Setup::default() }).await;
    let client = |trusted_certificates| {
        let (url, tokens) = (world.url.clone(), TokenSource::Fixed(world.token(Scopes::all(), 60_000)));
        ClusterClient::new(ClientConfig { url, tokens, clock: CLOCK, trusted_certificates }).unwrap()
    };
    assert_eq!(client(Some(CERTIFICATE.to_vec())).cluster().await.unwrap().name, "alpha");
    assert!(client(None).cluster().await.is_err(), "nobody vouches for this certificate");
}

#[tokio::test]
async fn a_key_that_is_none_is_told_at_the_start() {
    let wrong = Tls { key: b"hello".to_vec(), ..tls() };
    let world = World::with(Setup { tls: Some(wrong), ..Setup::default() }).await;
    let served = soon("it gives up", world.served).await.unwrap();
    assert!(matches!(served, Err(ServeError::Tls(_))), "{served:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told_at_once() {
    for url in ["", "hello", "ftp://127.0.0.1:1", "127.0.0.1:1", "/x"] {
        let config = ClientConfig {
            url: url.to_owned(),
            tokens: TokenSource::Fixed(String::new()),
            clock: CLOCK,
            trusted_certificates: None,
        };
        let refused = ClusterClient::new(config);
        assert!(matches!(refused, Err(ClientError::Url(_))), "{url:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let limits = Limits { first_bytes_timeout: Duration::from_millis(100), ..Limits::default() };
    let world = World::with(Setup { limits, ..Setup::default() }).await;
    let mut silent = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    let mut told = Vec::new();
    // Whether it is closed in order or reset does not matter.
    let _ = soon("the connection is closed", silent.read_to_end(&mut told)).await;
    assert!(world.client("alpha", "one").cluster().await.is_ok());
}

#[tokio::test]
async fn garbage_closes_its_own_connection() {
    let world = World::new().await;
    let mut garbage = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut told = Vec::new();
    let _ = soon("the connection is closed", garbage.read_to_end(&mut told)).await;
    assert!(world.client("alpha", "one").cluster().await.is_ok());
}

#[tokio::test]
async fn only_so_many_connections_are_accepted_and_the_next_one_waits() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let world = World::with(Setup { limits, ..Setup::default() }).await;
    let first = world.client("alpha", "one");
    assert!(first.cluster().await.is_ok());
    let second = world.client("alpha", "two");
    let mut waiting = tokio::spawn(async move { second.cluster().await.is_ok() });
    let too_early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(too_early.is_err(), "the second connection waits for the first");
    drop(first);
    assert!(soon("the second connection is served", waiting).await.unwrap());
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let limits = Limits { message_bytes_max: 1_000, ..Limits::default() };
    let world = World::with(Setup { limits, ..Setup::default() }).await;
    let keys: Vec<_> = (0..100).map(crate::world::pubkey).collect();
    let refused = world.client("alpha", "one").remove(&keys).await.unwrap_err();
    assert_eq!(refused.status().unwrap().code(), Code::OutOfRange);
}
