use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::{Failure, Relay};

impl Relay {
    /// `GET /eth/v1/builder/status`, once through each connection pool, so that both are warm: a signed block should not
    /// wait for a TLS handshake. Any 2xx is well.
    pub async fn status(&self, deadline: Instant) -> Result<(), Failure> {
        let both = async {
            tokio::try_join!(self.probe(Purpose::Headers), self.probe(Purpose::Submits))?;
            Ok(())
        };
        call::within(deadline, both).await
    }

    async fn probe(&self, purpose: Purpose) -> Result<(), Failure> {
        let url = self.url().endpoint("/eth/v1/builder/status");
        let mut response = call::send(self.client(purpose).get(url)).await?;
        // Only a body read to its end leaves the connection open for the next call.
        call::prefix(&mut response).await;
        Ok(())
    }
}
