//! How rows of the directory stand in their tables: columns are read and written in the order of the migration.

use headstart_auction::{Mode, TimingPreset};
use headstart_types::{RelayId, Wei};

use crate::sql::{Result, Row, Value};
use crate::{ClaimLevel, ClaimRow, Error, KeyRow, PolicyRow, QuotaRow, RelayRow};

/// `relays, min_bid_wei, cutoff_ms, expected_ask_ms, sticky, sticky_ms, timing, mode`.
pub(crate) fn policy(row: &mut Row) -> Result<PolicyRow> {
    let relays = row.text_or_null()?;
    let relays = relays.map(|relays| serde_json::from_str(&relays)).transpose();
    let min_bid = row.text_or_null()?.map(|wei| wei.parse::<Wei>()).transpose();
    Ok(PolicyRow {
        relays: relays.map_err(|_| Error::damaged("a relay set"))?,
        min_bid: min_bid.map_err(|_| Error::damaged("an amount"))?,
        cutoff_ms: row.int_or_null()?,
        expected_ask_ms: row.int_or_null()?,
        sticky: row.flag_or_null()?,
        sticky_ms: row.int_or_null()?,
        timing: row
            .text_or_null()?
            .map(|timing| timing.parse())
            .transpose()
            .map_err(|_| Error::damaged("a timing"))?,
        mode: row
            .text_or_null()?
            .map(|mode| mode.parse())
            .transpose()
            .map_err(|_| Error::damaged("a mode"))?,
    })
}

pub(crate) fn policy_values(policy: &PolicyRow) -> [Value; 8] {
    let relays = policy.relays.as_ref().map(|names| serde_json::Value::from(names.as_slice()).to_string());
    [
        relays.into(),
        policy.min_bid.map(|wei| wei.to_string()).into(),
        policy.cutoff_ms.into(),
        policy.expected_ask_ms.into(),
        policy.sticky.into(),
        policy.sticky_ms.into(),
        policy.timing.map(TimingPreset::as_str).into(),
        policy.mode.map(Mode::as_str).into(),
    ]
}

/// `hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators`.
pub(crate) fn quotas(row: &mut Row) -> Result<QuotaRow> {
    Ok(QuotaRow {
        hints_per_s: row.u32_or_null()?,
        signature_checks_per_s: row.u32_or_null()?,
        upstream_asks_per_slot: row.u32_or_null()?,
        streams: row.u32_or_null()?,
        validators: row.u32_or_null()?,
    })
}

pub(crate) fn quota_values(quotas: &QuotaRow) -> [Value; 5] {
    [
        quotas.hints_per_s.into(),
        quotas.signature_checks_per_s.into(),
        quotas.upstream_asks_per_slot.into(),
        quotas.streams.into(),
        quotas.validators.into(),
    ]
}

/// `kid, algorithm, public_key`.
pub(crate) fn key(row: &mut Row) -> Result<KeyRow> {
    Ok(KeyRow { kid: row.text()?, algorithm: row.text()?, public_key: row.bytes()?.into() })
}

/// `pubkey, key, level, claimed_at` and the policy.
pub(crate) fn claim(row: &mut Row) -> Result<ClaimRow> {
    let (pubkey, key) = (row.pubkey()?, row.array()?);
    let level = match row.int()? {
        0 => ClaimLevel::Registered,
        1 => ClaimLevel::Proven,
        _ => return Err(Error::damaged("the level of a claim")),
    };
    let (claimed_at, policy) = (row.time()?, policy(row)?);
    let policy = (policy != PolicyRow::default()).then(|| Box::new(policy));
    Ok(ClaimRow { pubkey, key, level, claimed_at, policy })
}

pub(crate) const fn level_number(level: ClaimLevel) -> i64 {
    match level {
        ClaimLevel::Registered => 0,
        ClaimLevel::Proven => 1,
    }
}

/// `name, id, url, headers, policy, first_ms, last_ms, min_gap_ms, burst, calls_max, head_required, stream, top_bid_url`.
pub(crate) fn relay(row: &mut Row) -> Result<RelayRow> {
    Ok(RelayRow {
        name: row.text()?,
        id: RelayId(row.int()?.cast_unsigned()),
        url: row.text()?,
        headers: serde_json::from_str(&row.text()?).map_err(|_| Error::damaged("a relay's headers"))?,
        policy: row.text()?,
        first_ms: row.int_or_null()?,
        last_ms: row.int_or_null()?,
        min_gap_ms: row.int_or_null()?,
        burst: row.u32_or_null()?,
        calls_max: row.u32_or_null()?,
        head_required: row.flag_or_null()?,
        stream: row.flag_or_null()?,
        top_bid_url: row.text_or_null()?,
    })
}

pub(crate) fn relay_values(relay: &RelayRow) -> Result<[Value; 13]> {
    let headers = serde_json::to_string(&relay.headers).map_err(|error| Error::Other(error.to_string()))?;
    Ok([
        relay.name.as_str().into(),
        relay.id.0.cast_signed().into(),
        relay.url.as_str().into(),
        headers.into(),
        relay.policy.as_str().into(),
        relay.first_ms.into(),
        relay.last_ms.into(),
        relay.min_gap_ms.into(),
        relay.burst.into(),
        relay.calls_max.into(),
        relay.head_required.into(),
        relay.stream.into(),
        relay.top_bid_url.clone().into(),
    ])
}
