//! Reads what a directory is built from.

use std::collections::BTreeMap;
use std::sync::Arc;

use headstart_types::UnixMillis;

use crate::sql::{Database, Result, Row, Transaction};
use crate::{
    BeaconNodeRow, ClaimRow, ClusterRow, DirectoryRows, Error, KeyRow, OperatorRow, RelayRow, SecretRow,
    TOKEN_LEEWAY_MS, columns,
};

/// Claims in one query.
const PAGE: u32 = 10_000;

pub(crate) async fn rows(
    database: &Database,
    known: Option<&DirectoryRows>,
    now: UnixMillis,
) -> Result<DirectoryRows> {
    let mut from = database.begin_reading().await?;
    let row = from.query_one("SELECT number FROM revisions WHERE name = 'directory'", &[]).await?;
    let revision = row.ok_or_else(|| Error::damaged("the revision"))?.int()?;
    // Another database, or a copy from before: what we know says nothing about it.
    let known = known.filter(|known| known.revision <= revision);
    let rows = DirectoryRows {
        revision,
        relays: relays(&mut from).await?,
        clusters: clusters(&mut from, known).await?,
        beacon_nodes: beacon_nodes(&mut from).await?,
        service_keys: service_keys(&mut from).await?,
        revoked_tokens: revoked_tokens(&mut from, now).await?,
    };
    from.commit().await?;
    Ok(rows)
}

async fn clusters(from: &mut Transaction, known: Option<&DirectoryRows>) -> Result<Vec<Arc<ClusterRow>>> {
    let sql = "SELECT name, revision, claims_removed, declared, suspended_at,
                      relays, min_bid_wei, cutoff_ms, expected_ask_ms, sticky, sticky_ms, timing, mode,
                      hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators
               FROM clusters ORDER BY name";
    let mut clusters = Vec::new();
    for mut row in from.query(sql, &[]).await? {
        let (name, revision, claims_removed) = (row.text()?, row.int()?, row.int()?);
        let known = known.and_then(|known| known.clusters.iter().find(|cluster| cluster.name == name));
        if let Some(unchanged) = known.filter(|known| known.revision == revision) {
            clusters.push(Arc::clone(unchanged));
            continue;
        }
        // Claims that were only added or changed since are merged into what is known.
        let known = known.filter(|known| known.revision >= claims_removed);
        let operators = operators(from, &name).await?;
        let claims = claims(from, &name, known.map(Arc::as_ref)).await?;
        clusters.push(Arc::new(ClusterRow {
            name,
            revision,
            declared: row.int()? != 0,
            suspended: row.int_or_null()?.is_some(),
            policy: columns::policy(&mut row)?,
            quotas: columns::quotas(&mut row)?,
            operators,
            claims,
        }));
    }
    Ok(clusters)
}

async fn operators(from: &mut Transaction, cluster: &str) -> Result<Vec<OperatorRow>> {
    let sql = "SELECT name FROM operators WHERE cluster = $1 ORDER BY name";
    let names = from.query(sql, &[cluster.into()]).await?;
    let named = |mut row: Row| Ok(OperatorRow { name: row.text()?, keys: Vec::new() });
    let mut operators: Vec<_> = names.into_iter().map(named).collect::<Result<_>>()?;
    let sql = "SELECT operator, kid, algorithm, public_key FROM operator_keys
               WHERE cluster = $1 AND revoked_at IS NULL ORDER BY operator, created_at, kid";
    for mut row in from.query(sql, &[cluster.into()]).await? {
        let name = row.text()?;
        if let Some(operator) = operators.iter_mut().find(|operator| operator.name == name) {
            operator.keys.push(columns::key(&mut row)?);
        }
    }
    Ok(operators)
}

/// In ascending order of the public key.
async fn claims(from: &mut Transaction, cluster: &str, known: Option<&ClusterRow>) -> Result<Vec<ClaimRow>> {
    let sql = "SELECT pubkey, key, level, claimed_at,
                      relays, min_bid_wei, cutoff_ms, expected_ask_ms, sticky, sticky_ms, timing, mode
               FROM claims WHERE cluster = $1 AND pubkey > $2 AND revision > $3 ORDER BY pubkey LIMIT $4";
    let since = known.map_or(-1, |known| known.revision);
    let mut changed: Vec<ClaimRow> = Vec::new();
    loop {
        let after = changed.last().map_or(&[][..], |claim| claim.pubkey.0.as_slice());
        let page = from.query(sql, &[cluster.into(), after.into(), since.into(), PAGE.into()]).await?;
        let full = page.len() == PAGE as usize;
        for mut row in page {
            changed.push(columns::claim(&mut row)?);
        }
        if !full {
            break;
        }
    }
    Ok(known.map_or_else(|| changed.clone(), |known| merge(&known.claims, &changed)))
}

/// Two ascending lists as one; of two claims on one validator the changed one stays.
fn merge(known: &[ClaimRow], changed: &[ClaimRow]) -> Vec<ClaimRow> {
    let mut merged = Vec::with_capacity(known.len() + changed.len());
    let mut known = known.iter().peekable();
    for claim in changed {
        while let Some(before) = known.next_if(|known| known.pubkey < claim.pubkey) {
            merged.push(before.clone());
        }
        known.next_if(|known| known.pubkey == claim.pubkey);
        merged.push(claim.clone());
    }
    merged.extend(known.cloned());
    merged
}

pub(crate) async fn relays(from: &mut Transaction) -> Result<Vec<RelayRow>> {
    let sql = "SELECT name, id, url, headers, policy, first_ms, last_ms, min_gap_ms, burst, calls_max, head_required,
                      stream, top_bid_url
               FROM relays ORDER BY name";
    from.query(sql, &[]).await?.iter_mut().map(columns::relay).collect()
}

pub(crate) async fn beacon_nodes(from: &mut Transaction) -> Result<Vec<BeaconNodeRow>> {
    let mut nodes: BTreeMap<String, BeaconNodeRow> = BTreeMap::new();
    for mut row in from.query("SELECT name FROM beacon_nodes", &[]).await? {
        let name = row.text()?;
        nodes.insert(name.clone(), BeaconNodeRow { name, clusters: Vec::new(), secrets: Vec::new() });
    }
    for mut row in from.query("SELECT node, cluster FROM beacon_node_grants ORDER BY cluster", &[]).await? {
        if let Some(node) = nodes.get_mut(&row.text()?) {
            node.clusters.push(row.text()?);
        }
    }
    let sql =
        "SELECT node, id, digest FROM beacon_node_secrets WHERE revoked_at IS NULL ORDER BY created_at, id";
    for mut row in from.query(sql, &[]).await? {
        if let Some(node) = nodes.get_mut(&row.text()?) {
            node.secrets.push(SecretRow { id: row.text()?, digest: row.array()? });
        }
    }
    Ok(nodes.into_values().collect())
}

async fn service_keys(from: &mut Transaction) -> Result<Vec<KeyRow>> {
    let sql = "SELECT kid, algorithm, public_key FROM service_keys WHERE revoked_at IS NULL
               ORDER BY created_at, kid";
    from.query(sql, &[]).await?.iter_mut().map(columns::key).collect()
}

async fn revoked_tokens(from: &mut Transaction, now: UnixMillis) -> Result<Vec<String>> {
    let sql = "SELECT jti FROM issued_tokens WHERE revoked_at IS NOT NULL AND expires_at > $1 ORDER BY jti";
    // A token is believed a little longer than it lasts, for two clocks may be apart.
    let since = now - TOKEN_LEEWAY_MS;
    from.query(sql, &[since.into()]).await?.iter_mut().map(Row::text).collect()
}

#[cfg(test)]
mod tests {
    use headstart_types::{BlsPublicKey, FixedBytes};

    use super::*;
    use crate::ClaimLevel;

    fn claim(first: u8, level: ClaimLevel) -> ClaimRow {
        let pubkey = BlsPublicKey(FixedBytes::repeat_byte(first));
        ClaimRow { pubkey, key: FixedBytes::ZERO, level, claimed_at: UnixMillis(0), policy: None }
    }

    #[test]
    fn a_changed_claim_replaces_what_is_known_and_a_new_one_finds_its_place() {
        use ClaimLevel::{Proven, Registered};
        let known = [1, 3, 5].map(|first| claim(first, Registered));
        let changed = [0, 3, 4, 6].map(|first| claim(first, Proven));
        let expected = [(0, Proven), (1, Registered), (3, Proven), (4, Proven), (5, Registered), (6, Proven)];
        assert_eq!(merge(&known, &changed), expected.map(|(first, level)| claim(first, level)));
        assert_eq!(merge(&known, &[]), known);
        assert_eq!(merge(&[], &changed), changed);
    }
}
