use headstart_types::UnixMillis;
use http::header::DATE;
use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::{Failure, Operation, Relay};

impl Relay {
    /// `GET /eth/v1/builder/status`, once through each connection pool, so that both are warm: a signed block should not
    /// wait for a TLS handshake. Any 2xx is well.
    pub async fn status(&self, deadline: Instant) -> Result<(), Failure> {
        let both = async {
            tokio::try_join!(self.probe(Purpose::Headers), self.probe(Purpose::Submits))?;
            Ok(())
        };
        self.call(Operation::Status, deadline, both).await
    }

    /// What time the relay says it is, in whole seconds; `None` when it does not say so in time. Whatever it answers, it
    /// names the time beside it.
    pub async fn date(&self, deadline: Instant) -> Option<UnixMillis> {
        let url = self.url().endpoint("/eth/v1/builder/status");
        let asking =
            async { self.client(Purpose::Headers).get(url).send().await.map_err(Failure::transport) };
        let mut response = self.call(Operation::Status, deadline, asking).await.ok()?;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        call::prefix(&mut response).await;
        date.map(UnixMillis::from)
    }

    async fn probe(&self, purpose: Purpose) -> Result<(), Failure> {
        let url = self.url().endpoint("/eth/v1/builder/status");
        let mut response = call::send(self.client(purpose).get(url)).await?;
        // Only a body read to its end leaves the connection open for the next call.
        call::prefix(&mut response).await;
        Ok(())
    }
}
