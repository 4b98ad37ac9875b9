//! Serves the contract, beside it health and reflection, until told to stop.

use headstart_proto::v1::cluster_service_server::ClusterServiceServer;
use tokio::net::TcpListener;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic_health::server::HealthReporter;
use tracing::warn;

use crate::connection::connections;
use crate::{ClusterApi, Limits, Tls};

/// Streams that a client may open and cancel before its connection is closed: more is an attack.
const RESETS_MAX: usize = 128;
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Why the service cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("use the certificate and its key: both must be PEM and belong together")]
    Tls(#[source] tonic::transport::Error),
    #[error("describe the service for reflection")]
    Reflection(#[source] tonic_reflection::server::Error),
    #[error("serve clusters over gRPC")]
    Serve(#[source] tonic::transport::Error),
}

/// Serves on `listener` until `shutdown`; then streams are told to reconnect elsewhere, and what was sent takes effect.
pub async fn serve(
    listener: TcpListener,
    api: ClusterApi,
    limits: Limits,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let (health, router) = router(&api, limits, tls).await?;
    let closing = {
        let (api, shutdown) = (api.clone(), shutdown.clone());
        async move {
            shutdown.cancelled().await;
            health.set_not_serving::<ClusterServiceServer<ClusterApi>>().await;
            api.closing().cancel();
        }
    };
    let served = router.serve_with_incoming_shutdown(Box::pin(connections(listener, limits)), closing);
    let late = async {
        shutdown.cancelled().await;
        time::sleep(limits.drain_timeout).await;
    };
    let drained = async {
        served.await.map_err(ServeError::Serve)?;
        api.drained().await;
        Ok(())
    };
    tokio::select! {
        outcome = drained => outcome,
        () = late => {
            warn!("streams of clusters were still under way when the time for draining was over");
            Ok(())
        }
    }
}

async fn router(
    api: &ClusterApi,
    limits: Limits,
    tls: Option<Tls>,
) -> Result<(HealthReporter, Router), ServeError> {
    let mut server = Server::builder()
        .timeout(limits.call_timeout)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits.calls_per_connection_max)
        .http2_max_header_list_size(limits.head_bytes_max)
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_MAX))
        .http2_keepalive_interval(Some(limits.ping_interval))
        .http2_keepalive_timeout(Some(limits.ping_timeout));
    if let Some(tls) = tls {
        let identity = Identity::from_pem(tls.certificates, tls.key);
        let config = ServerTlsConfig::new().identity(identity).timeout(limits.first_bytes_timeout);
        server = server.tls_config(config).map_err(ServeError::Tls)?;
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ClusterServiceServer<ClusterApi>>().await;
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(headstart_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let router = server
        .add_service(
            ClusterServiceServer::new(api.clone()).max_decoding_message_size(limits.message_bytes_max),
        )
        .add_service(health_service)
        .add_service(described().build_v1().map_err(ServeError::Reflection)?)
        .add_service(described().build_v1alpha().map_err(ServeError::Reflection)?);
    Ok((health, router))
}
