use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    desk: DeskArgs,
}

#[derive(Serialize)]
struct Done {
    from: i64,
    to: i64,
}

impl Migrate {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run_unmigrated(async |desk| {
            let done = desk.registry.migrate().await?;
            let done = Done { from: done.from, to: done.to };
            desk.print(&done, || match done {
                Done { from, to } if from == to => {
                    format!("the database has schema {to}, which is this version's\n")
                }
                Done { from, to } => format!("the database was brought from schema {from} to {to}\n"),
            })
        })
    }
}
