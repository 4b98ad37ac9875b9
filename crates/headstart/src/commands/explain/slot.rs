//! One slot of one cluster, from what each process has put on record.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use clap::Args;
use headstart_fetcher::Seen;
use headstart_registry::TimelineRecord;
use headstart_types::{BlockHash, BlsPublicKey, Slot};
use serde::Serialize;

use super::story;
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(crate) struct ExplainSlot {
    /// The slot's number.
    #[arg(value_name = "SLOT")]
    slot: u64,
    /// Whose auction.
    #[arg(long, value_name = "CLUSTER", required = true)]
    cluster: Option<String>,
}

/// One auction of the slot, as all processes together saw it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AuctionStory {
    pub(super) proposer: BlsPublicKey,
    pub(super) parent_hash: BlockHash,
    pub(super) events: Vec<Told>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    /// The process that saw it; a name drawn when it started.
    pub(super) process: String,
    #[serde(flatten)]
    pub(super) seen: Seen,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SlotStory {
    pub(super) slot: Slot,
    pub(super) cluster: String,
    pub(super) auctions: Vec<AuctionStory>,
}

impl ExplainSlot {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let cluster = self.cluster.as_deref().context("read the command: --cluster is missing")?;
        let slot = Slot(self.slot);
        let records = desk.registry.timelines(slot, cluster).await?;
        if records.is_empty() {
            bail!(
                "find slot {slot} of cluster {cluster}: nothing is on record. Was there a duty of one of its validators? \
                 Records come a few seconds after the slot and stay for a week"
            );
        }
        let story = SlotStory { slot, cluster: cluster.to_owned(), auctions: auctions(&records)? };
        desk.print(&story, || story::render(&story))
    }
}

/// Puts together what several processes saw of the same auction.
fn auctions(records: &[TimelineRecord]) -> anyhow::Result<Vec<AuctionStory>> {
    let same =
        |a: &TimelineRecord, b: &TimelineRecord| (a.proposer, a.parent_hash) == (b.proposer, b.parent_hash);
    let mut stories = records.chunk_by(same).map(auction).collect::<anyhow::Result<Vec<_>>>()?;
    // A hint that named no parent stands alone only where no process had an auction of its duty.
    let is_nowhere = |story: &AuctionStory| story.parent_hash == BlockHash::default();
    let with_auction: BTreeSet<_> =
        stories.iter().filter(|story| !is_nowhere(story)).map(|story| story.proposer).collect();
    stories.retain(|story| !is_nowhere(story) || !with_auction.contains(&story.proposer));
    Ok(stories)
}

fn auction(records: &[TimelineRecord]) -> anyhow::Result<AuctionStory> {
    let mut events = Vec::new();
    for record in records {
        let seen: Vec<Seen> = serde_json::from_str(&record.events)
            .context("read the record: another version of headstart has written it")?;
        events.extend(seen.into_iter().map(|seen| Told { process: record.source.clone(), seen }));
    }
    // Clocks of several machines differ by a little; each one's own order is kept.
    events.sort_by_key(|told| told.seen.at_ms);
    let TimelineRecord { proposer, parent_hash, .. } =
        records.first().context("read the records: there are none")?;
    Ok(AuctionStory { proposer: *proposer, parent_hash: *parent_hash, events })
}
