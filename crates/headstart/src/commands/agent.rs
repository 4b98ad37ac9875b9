use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use headstart_beacon::BeaconNode;
use headstart_cluster_api::client::{ClientConfig, ClusterClient, Signer, TokenSource};
use headstart_registry::Scope;
use headstart_types::Network;
use tokio::time;
use tracing::{info, warn};

use crate::agent::Agent;
use crate::config::{Log, LogFormat};
use crate::network::USER_AGENT;
use crate::{Shutdown, clock, shutdown, signing_key, telemetry, tokens};

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The cluster's own beacon node, such as `http://127.0.0.1:5052`.
    #[arg(long, value_name = "URL")]
    beacon_node: String,
    /// The service's door for clusters, such as `https://headstart.example:18560`.
    #[arg(long, value_name = "URL")]
    cluster_api: String,
    /// The cluster's name.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// The operator's name within the cluster.
    #[arg(long, value_name = "OPERATOR")]
    operator: String,
    #[command(flatten)]
    credential: Credential,
    /// The id of the key; by default its fingerprint.
    #[arg(long, value_name = "KID", requires = "key_file")]
    kid: Option<String>,
    /// When the cluster's beacon nodes ask for a header, in milliseconds into the slot.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    getheader_offset_ms: Option<i32>,
    /// The network's name in the service's configuration; by default the beacon node's.
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Certificates to trust beside those of public authorities, in PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A level (error, warn, info, debug, trace), or directives as in `info,headstart=debug`.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// One JSON object a line.
    #[arg(long)]
    log_json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Credential {
    /// A token of scopes hint and view; when the file changes, the new one is used.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The operator's private key in PEM, whose public half the cluster's administrator added.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

const BEACON_NODE_TIMEOUT: Duration = Duration::from_secs(3);
const BEACON_NODE_AGAIN_AFTER: Duration = Duration::from_secs(2);
const TOKEN_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

impl AgentArgs {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let format = if self.log_json { LogFormat::Json } else { LogFormat::Pretty };
        let _log = telemetry::init(&Log { format, level: self.log_level.clone() });
        let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
        runtime.block_on(async {
            let shutdown = Shutdown::default();
            let (stop, signals) = (shutdown.token(), tokio::spawn(shutdown::on_signal(shutdown)));
            let ended = stop.run_until_cancelled(Box::pin(self.follow())).await.unwrap_or(Ok(()));
            signals.abort();
            info!("stopped");
            ended
        })?;
        Ok(ExitCode::SUCCESS)
    }

    /// Runs until the future is dropped; an error is one that no waiting mends.
    async fn follow(&self) -> anyhow::Result<()> {
        let beacon_node = BeaconNode::new(&self.beacon_node, USER_AGENT).context("use --beacon-node")?;
        // What is wrong with keys and addresses is told before anything is waited for.
        self.client(&self.audience("unknown"))?;
        let network = Arc::new(network(&beacon_node).await);
        loop {
            let token = self.credential.token()?;
            let client = self.client(&self.audience(&network.name))?;
            info!(cluster = self.cluster, operator = self.operator, beacon_node = %beacon_node, "agent started");
            let agent = Agent {
                network: Arc::clone(&network),
                clock: clock::SYSTEM,
                beacon_node: beacon_node.clone(),
                client,
                expected_ask_ms: self.getheader_offset_ms.map(i64::from),
                pushed: Arc::default(),
            };
            tokio::select! {
                () = agent.run() => {}
                () = self.credential.changes_from(token) => info!("the token file has changed"),
            }
        }
    }

    fn audience(&self, network: &str) -> String {
        tokens::audience(self.network.as_deref().unwrap_or(network))
    }

    fn client(&self, audience: &str) -> anyhow::Result<ClusterClient> {
        let trusted = self.ca_file.as_deref().map(|file| {
            std::fs::read(file).with_context(|| format!("read the certificates {}", file.display()))
        });
        let tokens = match (&self.credential.key_file, self.credential.token()?) {
            (Some(file), _) => TokenSource::Signer(Box::new(self.signer(file, audience)?)),
            (None, token) => TokenSource::Fixed(token.unwrap_or_default()),
        };
        let url = self.cluster_api.clone();
        let config =
            ClientConfig { url, tokens, clock: clock::SYSTEM, trusted_certificates: trusted.transpose()? };
        ClusterClient::new(config).context("use --cluster-api")
    }

    fn signer(&self, file: &Path, audience: &str) -> anyhow::Result<Signer> {
        let key = signing_key::read(file)?;
        Ok(Signer {
            kid: key.verifying_key(self.kid.as_deref())?.kid().to_owned(),
            key,
            cluster: self.cluster.clone(),
            operator: self.operator.clone(),
            audience: audience.to_owned(),
            scopes: [Scope::Hint, Scope::View].into_iter().collect(),
        })
    }
}

impl Credential {
    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("read the token {}", file.display()))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// Waits until the file holds another token; for ever when there is none. A file that cannot be read is on its way.
    async fn changes_from(&self, token: Option<String>) {
        loop {
            time::sleep(TOKEN_LOOKED_AT_EVERY).await;
            if matches!(self.token(), Ok(now) if now != token) {
                return;
            }
        }
    }
}

/// Asks until the beacon node answers.
async fn network(node: &BeaconNode) -> Network {
    let mut failures = 0_u32;
    loop {
        match node.network(time::Instant::now() + BEACON_NODE_TIMEOUT).await {
            Ok(network) => return network,
            Err(error) if failures == 0 => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                warn!(beacon_node = %node, cause, "failed to {error}; trying again");
            }
            Err(_) => {}
        }
        failures += 1;
        time::sleep(BEACON_NODE_AGAIN_AFTER).await;
    }
}
