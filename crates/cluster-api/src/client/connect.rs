use std::sync::Arc;
use std::time::Duration;

use headstart_proto::v1;
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_types::{BlsPublicKey, Clock};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Streaming};

use super::{ClientError, HintPusher, TokenSource};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const PAGE_SIZE: u32 = 1_000;

/// Whom to speak to, and as whom.
#[derive(Debug)]
pub struct ClientConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub url: String,
    pub tokens: TokenSource,
    pub clock: Clock,
    /// Certificates in PEM that are trusted beside those of the public authorities.
    pub trusted_certificates: Option<Vec<u8>>,
}

/// One operator's way to the service; clones share the connection. It connects when it is first used, and again whenever
/// the connection is lost.
#[derive(Clone, Debug)]
pub struct ClusterClient {
    grpc: ClusterServiceClient<Channel>,
    tokens: Arc<TokenSource>,
    clock: Clock,
}

impl ClusterClient {
    /// Connects nothing yet. Must be called within a Tokio runtime.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let endpoint = Endpoint::from_shared(config.url.clone()).ok();
        let endpoint = endpoint.filter(|endpoint| endpoint.uri().host().is_some());
        let endpoint = endpoint.ok_or_else(|| ClientError::Url(config.url.clone()))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => {
                let trusted = config.trusted_certificates.map(Certificate::from_pem);
                let tls = ClientTlsConfig::new().with_webpki_roots().ca_certificates(trusted);
                endpoint.tls_config(tls).map_err(|_| ClientError::Tls)?
            }
            _ => return Err(ClientError::Url(config.url)),
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .connect_lazy();
        let (grpc, tokens) = (ClusterServiceClient::new(channel), Arc::new(config.tokens));
        Ok(Self { grpc, tokens, clock: config.clock })
    }

    /// Begins to push hints, in a task that reconnects and resumes until the handle is dropped.
    pub fn push_hints(&self) -> HintPusher {
        HintPusher::start(self.clone())
    }

    /// Events of the cluster's auctions, from now on.
    pub async fn watch(&self) -> Result<Streaming<v1::WatchAuctionsResponse>, ClientError> {
        let request = self.request(v1::WatchAuctionsRequest {})?;
        Ok(self.grpc().watch_auctions(request).await?.into_inner())
    }

    /// All validators that the cluster claims, in the order of their public keys.
    pub async fn list(&self) -> Result<Vec<v1::Validator>, ClientError> {
        let (mut validators, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = self.request(v1::ListValidatorsRequest { page_size: PAGE_SIZE, page_token })?;
            let page = self.grpc().list_validators(request).await?.into_inner();
            validators.extend(page.validators);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(validators);
            }
        }
    }

    /// Gives up claims; how many there were.
    pub async fn remove(&self, validators: &[BlsPublicKey]) -> Result<u32, ClientError> {
        let mut removed = 0;
        for page in validators.chunks(PAGE_SIZE as usize) {
            let pubkeys = page.iter().map(|key| key.0.to_vec()).collect();
            let request = self.request(v1::RemoveValidatorsRequest { pubkeys })?;
            removed += self.grpc().remove_validators(request).await?.into_inner().removed;
        }
        Ok(removed)
    }

    pub async fn report(&self, report: v1::ReportProposalRequest) -> Result<(), ClientError> {
        self.grpc().report_proposal(self.request(report)?).await?;
        Ok(())
    }

    /// The cluster as it is served.
    pub async fn cluster(&self) -> Result<v1::GetClusterResponse, ClientError> {
        let request = self.request(v1::GetClusterRequest {})?;
        Ok(self.grpc().get_cluster(request).await?.into_inner())
    }

    /// The generated client, for calls that this one does not wrap; their requests come from [`ClusterClient::request`].
    pub fn grpc(&self) -> ClusterServiceClient<Channel> {
        self.grpc.clone()
    }

    /// A request that carries a token.
    pub fn request<T>(&self, message: T) -> Result<Request<T>, ClientError> {
        let mut request = Request::new(message);
        let bearer = self.tokens.bearer(self.clock.now())?;
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }
}
