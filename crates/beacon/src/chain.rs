use std::collections::BTreeMap;

use headstart_types::{Network, Root, Slot, UnixMillis};
use reqwest::header::DATE;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::call::{Data, Get};
use crate::{BeaconNode, Error};

const SMALL_BYTES_MAX: usize = 64 * 1024;
const SPEC_BYTES_MAX: usize = 1 << 20;

/// Where a network's chain began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Genesis {
    /// Unix seconds.
    #[serde(rename = "genesis_time", with = "serde_utils::quoted_u64")]
    pub time_seconds: u64,
    #[serde(rename = "genesis_validators_root")]
    pub validators_root: Root,
}

/// How far a node is behind, and whether its execution client is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Syncing {
    pub head_slot: Slot,
    /// Slots.
    #[serde(with = "serde_utils::quoted_u64")]
    pub sync_distance: u64,
    pub is_syncing: bool,
    /// The head was not yet checked by the execution client.
    #[serde(default)]
    pub is_optimistic: bool,
    #[serde(default)]
    pub el_offline: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl BeaconNode {
    /// `GET /eth/v1/beacon/genesis`.
    pub async fn genesis(&self, deadline: Instant) -> Result<Genesis, Error> {
        let get = Get { what: "the genesis", path: "/eth/v1/beacon/genesis", bytes_max: SMALL_BYTES_MAX };
        Ok(self.get::<Data<_>>(&get, deadline).await?.data)
    }

    /// The network as the node knows it: `GET /eth/v1/config/spec` and the genesis. It is named by the node's
    /// `CONFIG_NAME`, or `custom` without one.
    pub async fn network(&self, deadline: Instant) -> Result<Network, Error> {
        let get = Get { what: "the specification", path: "/eth/v1/config/spec", bytes_max: SPEC_BYTES_MAX };
        let spec = self.get::<Data<BTreeMap<String, Value>>>(&get, deadline);
        let (Data { data: spec }, genesis) = tokio::try_join!(spec, self.genesis(deadline))?;
        let name = spec.get("CONFIG_NAME").and_then(Value::as_str).unwrap_or("custom");
        Network::from_spec(name, &spec, genesis.time_seconds, genesis.validators_root).map_err(Error::Spec)
    }

    /// `GET /eth/v1/node/syncing`.
    pub async fn syncing(&self, deadline: Instant) -> Result<Syncing, Error> {
        let get = Get { what: "the sync state", path: "/eth/v1/node/syncing", bytes_max: SMALL_BYTES_MAX };
        Ok(self.get::<Data<_>>(&get, deadline).await?.data)
    }

    /// What time the node says it is, in whole seconds; `None` when it does not say so in time.
    pub async fn date(&self, deadline: Instant) -> Option<UnixMillis> {
        let asking = self.client().get(self.endpoint("/eth/v1/node/version")).send();
        let response = timeout_at(deadline, asking).await.ok()?.ok()?;
        let date = response.headers().get(DATE)?.to_str().ok()?;
        httpdate::parse_http_date(date).ok().map(UnixMillis::from)
    }

    /// `GET /eth/v1/node/version`, such as `Lighthouse/v8.0.1/x86_64-linux`.
    pub async fn version(&self, deadline: Instant) -> Result<String, Error> {
        let get = Get { what: "the version", path: "/eth/v1/node/version", bytes_max: SMALL_BYTES_MAX };
        let version: Data<Version> = self.get(&get, deadline).await?;
        Ok(version.data.version)
    }
}
