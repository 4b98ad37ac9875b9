use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use headstart_registry::{ClaimLevel, ClaimRow, NotRecorded, Registrations};
use headstart_types::{Network, RegistrationRejected, SignedValidatorRegistration};
use serde::Serialize;

use super::{claim, verify};
use crate::commands::desk::Desk;
use crate::imports;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The cluster that claims.
    cluster: String,
    /// The file; what it is follows from its content.
    file: PathBuf,
    /// Vouch for the file: the claims count as proven. Only if you know that these validators are the cluster's.
    #[arg(long)]
    vouch: bool,
}

/// What an import came to.
#[derive(Debug, Serialize)]
struct Report {
    cluster: String,
    format: &'static str,
    level: ClaimLevel,
    validators: usize,
    /// Claims that are new or were raised.
    claims_changed: usize,
    registrations: usize,
    /// Of these registrations a newer one is on record, which stays.
    registrations_older: usize,
    /// The registration on record has the same timestamp and says something else; it stays.
    registrations_conflicting: usize,
    /// The file says that there are so many validators in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_total: Option<u64>,
}

impl Import {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let import = self.read()?;
        let network = crate::network::of_config(&desk.config).await?;
        let registrations: Vec<_> =
            import.validators.iter().filter_map(|imported| imported.registration).collect();
        self.verify(desk, &network, &registrations)?;
        let level = if self.vouch { ClaimLevel::Proven } else { ClaimLevel::Registered };
        let claims = import.validators.iter().map(|imported| ClaimRow::new(imported.pubkey, level, desk.now));
        let claims: Vec<_> = claims.collect::<Result<_, _>>()?;
        let claims_changed = claim::add(desk, &self.cluster, &claims).await?;
        let count = registrations.len();
        let left = record(desk, registrations).await?;
        let report = Report {
            cluster: self.cluster.clone(),
            format: import.format.as_str(),
            level,
            validators: claims.len(),
            claims_changed,
            registrations: count,
            registrations_older: left.older,
            registrations_conflicting: left.conflicting,
            of_total: import.of_total,
        };
        desk.print(&report, || report.text())
    }

    fn read(&self) -> anyhow::Result<imports::Import> {
        let text = std::fs::read_to_string(&self.file);
        let text = text.with_context(|| format!("read {}", self.file.display()))?;
        imports::Import::parse(&text).with_context(|| format!("import {}", self.file.display()))
    }

    /// All or nothing: a file with a wrong signature is most likely one of another network.
    fn verify(
        &self,
        desk: &Desk,
        network: &Network,
        registrations: &[SignedValidatorRegistration],
    ) -> anyhow::Result<()> {
        let refused = verify::refused(network, desk.now, registrations);
        let Some((first, why)) = refused.first() else { return Ok(()) };
        bail!(
            "import {}: {} of {} registrations are refused, the first of them that of validator {first}: failed to {why}; is the file one of network {}?",
            self.file.display(),
            refused.len(),
            registrations.len(),
            network.name
        )
    }
}

/// Registrations that do not replace what is on record.
#[derive(Default)]
struct Left {
    older: usize,
    conflicting: usize,
}

/// Records verified registrations, durably. The claims are made by now, so what is on record stops none of the others.
async fn record(desk: &Desk, registrations: Vec<SignedValidatorRegistration>) -> anyhow::Result<Left> {
    let mut left = Left::default();
    for verdict in Registrations::open(&desk.registry).record(desk.now, registrations).await {
        match verdict {
            Ok(()) => {}
            Err(NotRecorded::Rejected(RegistrationRejected::OlderThanRecorded)) => left.older += 1,
            Err(NotRecorded::Rejected(RegistrationRejected::ConflictsWithRecorded)) => left.conflicting += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(left)
}

impl Report {
    fn text(&self) -> String {
        let Self { cluster, format, validators, claims_changed, registrations, registrations_older, .. } =
            self;
        let page = match self.of_total {
            Some(total) if total > *validators as u64 => {
                format!("the file is one page: {total} validators in all; import the other pages too\n")
            }
            _ => String::new(),
        };
        let conflicting = match self.registrations_conflicting {
            0 => String::new(),
            count => format!(
                "{count} of them differ from those on record, which are as old and stay: sign those validators' registrations anew\n"
            ),
        };
        format!(
            "{format}: cluster {cluster} claims {validators} validators ({}), {claims_changed} of them new or raised\n\
             {registrations} registrations recorded, {registrations_older} of them older than the ones on record, which stay\n{conflicting}{page}",
            self.level.as_str(),
        )
    }
}
