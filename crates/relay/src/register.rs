use bytes::Bytes;
use headstart_types::{Encoding, SignedValidatorRegistration, registrations_to_ssz};
use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::encoding::Post;
use crate::{Failure, Operation, Relay};

impl Relay {
    /// `POST /eth/v1/builder/validators` (builder-specs). A relay accepts or refuses the batch as a whole, by rules of its
    /// own; an empty batch is accepted without a call.
    pub async fn register(
        &self,
        registrations: &[SignedValidatorRegistration],
        deadline: Instant,
    ) -> Result<(), Failure> {
        if registrations.is_empty() {
            return Ok(());
        }
        self.call(Operation::Register, deadline, self.register_batch(registrations)).await
    }

    async fn register_batch(&self, registrations: &[SignedValidatorRegistration]) -> Result<(), Failure> {
        let post = Post {
            client: self.client(Purpose::Headers),
            url: &self.url().endpoint("/eth/v1/builder/validators"),
            accept: "application/json",
            fork: None,
            learnt: &self.learnt().register,
        };
        let mut response = post.send(|encoding| encode(registrations, encoding)).await?;
        call::prefix(&mut response).await;
        Ok(())
    }
}

fn encode(registrations: &[SignedValidatorRegistration], encoding: Encoding) -> Option<Bytes> {
    match encoding {
        Encoding::Ssz => Some(registrations_to_ssz(registrations).into()),
        Encoding::Json => serde_json::to_vec(registrations).ok().map(Bytes::from),
    }
}
