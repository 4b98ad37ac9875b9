//! Builds a directory from what is declared and what the database holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use headstart_auction::{CallPolicy, ClusterPolicy, PolicyLayer, Quotas};
use headstart_types::{BlsPublicKey, PublicKey, RelayId, UnixMillis};

use crate::asker::BeaconNode;
use crate::directory::Validator;
use crate::{
    BeaconNodeRow, Claim, ClaimRow, Cluster, ClusterRow, Declared, Directory, DirectoryRows, PolicyRow,
    QuotaRow, RelayEntry, RelayRow,
};

pub(crate) struct Building<'a> {
    declared: &'a Declared,
    directory: Directory,
    relay_ids: HashMap<String, RelayId>,
    /// Claims with the moment that each was made, which decides between equals.
    claims: HashMap<BlsPublicKey, (PublicKey, Vec<(UnixMillis, Claim)>)>,
}

impl<'a> Building<'a> {
    pub(crate) fn new(declared: &'a Declared) -> Self {
        let directory = Directory { defaults: declared.defaults.clone(), ..Directory::default() };
        let mut building = Self { declared, directory, relay_ids: HashMap::new(), claims: HashMap::new() };
        for relay in &declared.relays {
            building.add_relay(relay.clone());
        }
        building
    }

    pub(crate) fn add_rows(mut self, rows: &DirectoryRows) -> Self {
        self.directory.revision = rows.revision;
        for row in &rows.relays {
            match relay_entry(row) {
                Some(relay) => self.add_relay(relay),
                None => self.fault(format!("relay {}: {} is no policy", row.name, row.policy)),
            }
        }
        let granted = granted_nodes(&rows.beacon_nodes);
        self.add_declared_clusters(rows, &granted);
        for row in rows.clusters.iter().filter(|row| !row.declared && !row.suspended) {
            if self.directory.clusters.contains_key(&*row.name) {
                self.fault(format!(
                    "cluster {}: the configuration file declares another of that name",
                    row.name
                ));
                continue;
            }
            let layer = self.layer(&row.name, &row.policy);
            self.add_cluster(row, layer, &granted, false, &row.claims);
        }
        self.add_beacon_nodes(&rows.beacon_nodes);
        self.directory.service_keys.clone_from(&rows.service_keys);
        self.directory.revoked_tokens.extend(rows.revoked_tokens.iter().cloned());
        self
    }

    pub(crate) fn finish(mut self) -> Directory {
        let validators = self.claims.into_iter().map(|(pubkey, (key, mut claims))| {
            claims.sort_by_key(|(claimed_at, claim)| (std::cmp::Reverse(claim.level), *claimed_at));
            (pubkey, Validator { key, claims: claims.into_iter().map(|(_, claim)| claim).collect() })
        });
        self.directory.validators = validators.collect();
        self.directory
    }

    fn add_declared_clusters(&mut self, rows: &DirectoryRows, granted: &GrantedNodes<'_>) {
        for cluster in &self.declared.clusters {
            let known = rows.clusters.iter().find(|row| row.declared && row.name == cluster.name);
            let members = known.map_or_else(
                || ClusterRow { name: cluster.name.clone(), declared: true, ..ClusterRow::default() },
                |row| ClusterRow { claims: Vec::new(), ..ClusterRow::clone(row) },
            );
            if members.suspended {
                continue;
            }
            let mut claims = cluster.claims.clone();
            claims.extend(known.into_iter().flat_map(|row| row.claims.iter().cloned()));
            self.add_cluster(&members, cluster.layer.clone(), granted, true, &claims);
        }
    }

    fn add_cluster(
        &mut self,
        row: &ClusterRow,
        layer: PolicyLayer,
        granted: &GrantedNodes<'_>,
        declared: bool,
        claims: &[ClaimRow],
    ) {
        let defaults = self.defaults_for(row);
        let (policy, sources) = ClusterPolicy::resolve(&PolicyLayer::default(), &layer, &defaults);
        let cluster = Arc::new(Cluster {
            name: row.name.as_str().into(),
            policy: Arc::new(policy),
            sources,
            layer,
            quotas: quotas(row.quotas, self.declared.quotas),
            operators: row.operators.clone(),
            beacon_nodes: granted.get(row.name.as_str()).cloned().unwrap_or_default(),
            declared,
            validators: claims.len(),
        });
        self.directory.clusters.insert(Arc::clone(&cluster.name), Arc::clone(&cluster));
        for claim in claims {
            self.add_claim(&cluster, claim, &defaults);
        }
    }

    fn add_claim(&mut self, cluster: &Arc<Cluster>, row: &ClaimRow, defaults: &PolicyLayer) {
        let policy = match &row.policy {
            None => Arc::clone(&cluster.policy),
            Some(own) => {
                let own = self.layer(&cluster.name, own);
                Arc::new(ClusterPolicy::resolve(&own, &cluster.layer, defaults).0)
            }
        };
        let claim = Claim { cluster: Arc::clone(cluster), level: row.level, policy };
        let Ok(key) = PublicKey::from_uncompressed(&row.key.0) else {
            return self
                .fault(format!("cluster {}: the key of validator {} is damaged", cluster.name, row.pubkey));
        };
        let (_, claims) = self.claims.entry(row.pubkey).or_insert_with(|| (key, Vec::with_capacity(1)));
        // Declared in the file and claimed in the database is one claim. Only the database says what differs for one
        // validator.
        match claims.iter_mut().find(|(_, known)| known.cluster.name == cluster.name) {
            Some((_, known)) => {
                known.level = known.level.max(claim.level);
                known.policy = claim.policy;
            }
            None => claims.push((row.claimed_at, claim)),
        }
    }

    fn add_beacon_nodes(&mut self, rows: &[BeaconNodeRow]) {
        for row in rows {
            let clusters =
                row.clusters.iter().filter_map(|name| self.directory.clusters.get(&**name).cloned());
            let node = Arc::new(BeaconNode { name: row.name.as_str().into(), clusters: clusters.collect() });
            for secret in &row.secrets {
                self.directory.secrets.insert(secret.id.clone(), (secret.clone(), Arc::clone(&node)));
            }
        }
    }

    fn add_relay(&mut self, relay: RelayEntry) {
        if self.directory.relay(relay.id).is_some() || self.relay_ids.contains_key(&relay.name) {
            return self.fault(format!("relay {}: another relay has its name or its URL", relay.name));
        }
        self.relay_ids.insert(relay.name.clone(), relay.id);
        self.directory.relays.push(Arc::new(relay));
    }

    /// Sticky headers are for clusters whose operators must sign the same one.
    fn defaults_for(&self, row: &ClusterRow) -> PolicyLayer {
        let mut defaults = self.declared.defaults.clone();
        if defaults.timing.is_none() {
            defaults.sticky = defaults.sticky.or(Some(row.operators.len() > 1));
        }
        defaults
    }

    fn layer(&mut self, cluster: &str, row: &PolicyRow) -> PolicyLayer {
        let mut unknown = Vec::new();
        let relays = row.relays.as_ref().map(|names| {
            let id = |name: &String| {
                let id = self.relay_ids.get(name).copied();
                unknown.extend(id.is_none().then(|| name.clone()));
                id
            };
            names.iter().filter_map(id).collect()
        });
        for name in unknown {
            self.fault(format!("cluster {cluster}: there is no relay {name}"));
        }
        PolicyLayer {
            relays,
            min_bid: row.min_bid,
            cutoff_ms: row.cutoff_ms,
            expected_ask_ms: row.expected_ask_ms,
            sticky: row.sticky,
            sticky_ms: row.sticky_ms,
            timing: row.timing,
            mode: row.mode,
        }
    }

    fn fault(&mut self, fault: String) {
        self.directory.faults.push(fault);
    }
}

/// The names of the beacon nodes that each cluster granted.
type GrantedNodes<'a> = BTreeMap<&'a str, Vec<String>>;

fn granted_nodes(rows: &[BeaconNodeRow]) -> GrantedNodes<'_> {
    let mut granted = GrantedNodes::new();
    for row in rows {
        for cluster in &row.clusters {
            granted.entry(cluster).or_default().push(row.name.clone());
        }
    }
    granted
}

fn relay_entry(row: &RelayRow) -> Option<RelayEntry> {
    let preset = CallPolicy::preset(&row.policy)?;
    let call_policy = CallPolicy {
        first_ms: row.first_ms.unwrap_or(preset.first_ms),
        last_ms: row.last_ms.unwrap_or(preset.last_ms),
        min_gap_ms: row.min_gap_ms.unwrap_or(preset.min_gap_ms),
        // Whoever says how far apart asks are to be means all of them.
        burst: row.burst.unwrap_or_else(|| row.min_gap_ms.map_or(preset.burst, |_| 1)),
        calls_max: row.calls_max.unwrap_or(preset.calls_max),
        head_required: row.head_required.unwrap_or(preset.head_required),
        ..preset
    };
    let stream = row.stream.unwrap_or_else(|| RelayEntry::streams_by_default(&row.policy, &row.headers));
    let (name, url, headers) = (row.name.clone(), row.url.clone(), row.headers.clone());
    let top_bid_url = row.top_bid_url.clone();
    Some(RelayEntry { id: row.id, name, url, headers, call_policy, stream, top_bid_url })
}

fn quotas(row: QuotaRow, defaults: Quotas) -> Quotas {
    Quotas {
        hints_per_s: row.hints_per_s.unwrap_or(defaults.hints_per_s),
        signature_checks_per_s: row.signature_checks_per_s.unwrap_or(defaults.signature_checks_per_s),
        upstream_asks_per_slot: row.upstream_asks_per_slot.unwrap_or(defaults.upstream_asks_per_slot),
        streams: row.streams.unwrap_or(defaults.streams),
        validators: row.validators.unwrap_or(defaults.validators),
    }
}
