use headstart_types::{BlsPublicKey, UnixMillis};

use crate::Registry;
use crate::sql::Result;

impl Registry {
    /// Notes what a validator must sign until `expires_at` to prove a cluster's claim. A claim has one challenge at a
    /// time: a new one takes the place of the one before.
    pub async fn create_challenge(
        &self,
        cluster: &str,
        validator: &BlsPublicKey,
        nonce: &[u8],
        expires_at: UnixMillis,
    ) -> Result<()> {
        let sql = "INSERT INTO challenges (cluster, pubkey, nonce, expires_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (cluster, pubkey) DO UPDATE SET nonce = excluded.nonce,
                   expires_at = excluded.expires_at";
        let values = [cluster.into(), validator.into(), nonce.into(), expires_at.into()];
        self.database.execute(sql, &values).await.map(drop)
    }

    /// What the validator must sign, if the challenge still holds.
    pub async fn challenge(
        &self,
        cluster: &str,
        validator: &BlsPublicKey,
        now: UnixMillis,
    ) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT nonce FROM challenges WHERE cluster = $1 AND pubkey = $2 AND expires_at > $3";
        let row = self.database.query_one(sql, &[cluster.into(), validator.into(), now.into()]).await?;
        row.map(|mut row| row.bytes()).transpose()
    }

    /// Whether this very challenge was open. It is not any more: nobody else's answer to it counts.
    pub async fn consume_challenge(
        &self,
        cluster: &str,
        validator: &BlsPublicKey,
        nonce: &[u8],
        now: UnixMillis,
    ) -> Result<bool> {
        let sql =
            "DELETE FROM challenges WHERE cluster = $1 AND pubkey = $2 AND nonce = $3 AND expires_at > $4";
        let values = [cluster.into(), validator.into(), nonce.into(), now.into()];
        Ok(self.database.execute(sql, &values).await? == 1)
    }
}
