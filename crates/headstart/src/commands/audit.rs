use std::collections::VecDeque;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use headstart_registry::{AuditRecord, AuditReport};
use headstart_types::UnixMillis;
use serde::Serialize;
use serde_json::value::RawValue;

use super::desk::{Desk, DeskArgs};
use super::moment::utc;
use super::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    desk: DeskArgs,
    /// Records of this cluster; by default those that concern no single cluster.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Show so many records, the newest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
    /// Compute every hash of every chain again, and tell the last of each.
    #[arg(long)]
    verify: bool,
}

/// Records in one query.
const PAGE: u32 = 1_000;

#[derive(Serialize)]
struct RecordView {
    seq: i64,
    at_unix_ms: UnixMillis,
    actor: String,
    action: String,
    subject: String,
    detail: Box<RawValue>,
    hash: String,
}

#[derive(Serialize)]
struct ReportView {
    whole: Vec<HeadView>,
    broken: Vec<BreakView>,
}

#[derive(Serialize)]
struct HeadView {
    chain: String,
    seq: i64,
    hash: String,
}

#[derive(Serialize)]
struct BreakView {
    chain: String,
    /// The first record that is not what was written.
    seq: i64,
}

impl Audit {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| if self.verify { verify(desk).await } else { self.list(desk).await })
    }

    async fn list(&self, desk: &Desk) -> anyhow::Result<()> {
        let (mut last, mut after) = (VecDeque::new(), 0);
        loop {
            let page = desk.registry.audit(self.cluster.as_deref(), after, PAGE).await?;
            let Some(end) = page.last() else { break };
            after = end.seq;
            last.extend(page);
            while last.len() > self.last {
                last.pop_front();
            }
        }
        let records: Vec<_> = last.into_iter().map(RecordView::from).collect();
        desk.print(&records, || table(&records).or("no records"))
    }
}

async fn verify(desk: &Desk) -> anyhow::Result<()> {
    let report = ReportView::from(desk.registry.verify_audit().await?);
    desk.print(&report, || report.text())?;
    match report.broken.first() {
        Some(first) => bail!(
            "trust the audit: chain {} is not what was written from record {} on; compare it with a backup",
            first.chain,
            first.seq
        ),
        None => Ok(()),
    }
}

impl From<AuditRecord> for RecordView {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { seq, at, actor, action, subject, detail, hash, .. } = record;
        let detail = RawValue::from_string(detail).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { seq, at_unix_ms: at, actor, action, subject, detail, hash: hash.to_string() }
    }
}

impl From<AuditReport> for ReportView {
    fn from(report: AuditReport) -> Self {
        let heads = report.heads.into_iter();
        let breaks = report.broken.into_iter();
        Self {
            whole: heads
                .map(|head| HeadView { chain: name(head.chain), seq: head.seq, hash: head.hash.to_string() })
                .collect(),
            broken: breaks.map(|broken| BreakView { chain: name(broken.chain), seq: broken.seq }).collect(),
        }
    }
}

fn name(chain: String) -> String {
    if chain.is_empty() { "(platform)".to_owned() } else { chain }
}

impl ReportView {
    fn text(&self) -> String {
        let mut table = Table::new(["chain", "state", "records", "hash of the last"]);
        for head in &self.whole {
            table.row([head.chain.clone(), "whole".to_owned(), head.seq.to_string(), head.hash.clone()]);
        }
        for broken in &self.broken {
            table.row([
                broken.chain.clone(),
                "BROKEN".to_owned(),
                format!("from {}", broken.seq),
                String::new(),
            ]);
        }
        table.or("no records")
    }
}

fn table(records: &[RecordView]) -> Table {
    let mut table = Table::new(["number", "at (UTC)", "by", "action", "subject", "detail"]);
    for record in records {
        let RecordView { seq, at_unix_ms, actor, action, subject, detail, .. } = record;
        let detail = detail.get().to_owned();
        table.row([
            seq.to_string(),
            utc(*at_unix_ms),
            actor.clone(),
            action.clone(),
            subject.clone(),
            detail,
        ]);
    }
    table
}
