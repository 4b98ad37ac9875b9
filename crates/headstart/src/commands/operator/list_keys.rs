use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::table::{NOTHING, Table};

#[derive(Debug, Args)]
pub(super) struct ListKeys {
    /// The cluster's name.
    cluster: String,
}

#[derive(Serialize)]
struct OperatorView {
    operator: String,
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    kid: String,
    algorithm: String,
}

impl ListKeys {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let rows = desk.rows().await?;
        let row = rows.clusters.iter().find(|row| row.name == self.cluster);
        let row = row
            .with_context(|| format!("find cluster {}; `headstart tenant list` shows them", self.cluster))?;
        let operators = row.operators.iter().map(|operator| OperatorView {
            operator: operator.name.clone(),
            keys: operator
                .keys
                .iter()
                .map(|key| KeyView { kid: key.kid.clone(), algorithm: key.algorithm.clone() })
                .collect(),
        });
        let operators: Vec<_> = operators.collect();
        desk.print(&operators, || table(&operators).or("no operators; `headstart operator key add` adds one"))
    }
}

fn table(operators: &[OperatorView]) -> Table {
    let mut table = Table::new(["operator", "key", "algorithm"]);
    for operator in operators {
        for key in &operator.keys {
            table.row([operator.operator.clone(), key.kid.clone(), key.algorithm.clone()]);
        }
        // Members without a key of their own use tokens that the service signs.
        if operator.keys.is_empty() {
            table.row([operator.operator.clone(), NOTHING.to_owned(), NOTHING.to_owned()]);
        }
    }
    table
}
