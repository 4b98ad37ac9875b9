//! Which network the database is of: its validators, registrations and slots mean nothing on another.

use std::fmt;

use headstart_types::{FixedBytes, Network};

use crate::sql::{Result, Row};
use crate::{Error, Registry};

/// A network as the database knows it. What tells two apart is what signatures are made over, whatever they are called.
#[derive(Debug)]
struct Known {
    name: String,
    genesis_fork_version: FixedBytes<4>,
    genesis_validators_root: FixedBytes<32>,
}

impl Registry {
    /// Says that the database is of this network, unless somebody has said so of another one: then this fails.
    pub async fn belong_to(&self, network: &Network) -> Result<()> {
        if !self.is_of(network).await? {
            self.write_network(&Known::from(network)).await?;
            // Another process may have been faster with another network.
            self.is_of(network).await?;
        }
        Ok(())
    }

    /// Whether somebody has said that the database is of this network; fails when it is another's.
    pub async fn is_of(&self, network: &Network) -> Result<bool> {
        let ours = Known::from(network);
        match self.network().await? {
            Some(known) if !known.is(&ours) => Err(Error::OtherNetwork(format!("{known}, not of {ours}"))),
            known => Ok(known.is_some()),
        }
    }

    async fn network(&self) -> Result<Option<Known>> {
        let sql = "SELECT name, genesis_fork_version, genesis_validators_root FROM network WHERE id = 1";
        self.database.query_one(sql, &[]).await?.map(read).transpose()
    }

    async fn write_network(&self, network: &Known) -> Result<()> {
        let sql = "INSERT INTO network (id, name, genesis_fork_version, genesis_validators_root)
                   VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING";
        let values = [
            network.name.as_str().into(),
            network.genesis_fork_version.as_slice().into(),
            network.genesis_validators_root.as_slice().into(),
        ];
        self.database.execute(sql, &values).await.map(drop)
    }
}

fn read(mut row: Row) -> Result<Known> {
    Ok(Known { name: row.text()?, genesis_fork_version: row.array()?, genesis_validators_root: row.array()? })
}

impl From<&Network> for Known {
    fn from(network: &Network) -> Self {
        Self {
            name: network.name.clone(),
            genesis_fork_version: FixedBytes(network.schedule.genesis_version()),
            genesis_validators_root: FixedBytes(network.genesis_validators_root.0),
        }
    }
}

impl Known {
    fn is(&self, other: &Self) -> bool {
        self.genesis_fork_version == other.genesis_fork_version
            && self.genesis_validators_root == other.genesis_validators_root
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, genesis_fork_version, genesis_validators_root } = self;
        write!(
            f,
            "{name} (genesis fork version {genesis_fork_version}, validators root {genesis_validators_root})"
        )
    }
}
