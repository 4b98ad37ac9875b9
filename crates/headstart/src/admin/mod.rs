//! What supervisors and load balancers ask, at an address apart from the public ones: whether the process lives, whether
//! it should be sent requests, and its figures.

mod health;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use health::{Health, Stage};
pub(crate) use metrics::{Metrics, Sources};

use crate::checks::{Finding, Verdict};

/// The address, bound, and what is told there.
pub(crate) struct Admin {
    pub(crate) listener: TcpListener,
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Metrics,
}

impl Admin {
    /// Answers until `shutdown`.
    pub(crate) async fn serve(self, health: Arc<Health>, shutdown: CancellationToken) {
        let health_routes = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz));
        let figures = Router::new().route("/metrics", get(figures)).with_state(Arc::new(self.metrics));
        let router = health_routes.with_state(health).merge(figures);
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = serving.await {
            warn!("failed to serve admin.listen: {error}");
        }
    }
}

async fn livez(State(health): State<Arc<Health>>) -> Response {
    told("live", "not_live", &health.live())
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    told("ready", "not_ready", &health.ready())
}

async fn figures(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// 200 unless something fails; what is only worse than it should be is told all the same.
fn told(well: &str, not_well: &str, findings: &[Finding]) -> Response {
    let worst = findings.iter().map(|finding| finding.status).max().unwrap_or(Verdict::Ok);
    let (code, status) = match worst {
        Verdict::Ok => (StatusCode::OK, well),
        Verdict::Warn => (StatusCode::OK, "degraded"),
        Verdict::Fail => (StatusCode::SERVICE_UNAVAILABLE, not_well),
    };
    (code, Json(json!({ "status": status, "checks": findings }))).into_response()
}
