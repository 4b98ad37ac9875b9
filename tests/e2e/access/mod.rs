//! Who may ask for whom: credentials of beacon nodes, and the clusters that granted them.

mod clusters;
mod credentials;
mod failures;
mod registrations;
mod secrets;
mod sticky;
mod submissions;

use e2e::{Credential, Request, Service, Tenants, header_request};
use headstart_devnet::Relay;
use headstart_types::{ACCEPT_SSZ_THEN_JSON, AuctionKey, Network};

/// A service that asks for credentials and serves nobody yet. Its relays are called by their numbers.
async fn guarded(network: &Network, relays: &[Relay]) -> (Service, Tenants) {
    let mut setup = Service::on(network).builder_api("access = \"credentials\"");
    for (relay, number) in relays.iter().zip(1..) {
        setup = setup.relay(&format!("relay {number}"), relay);
    }
    let service = setup.start().await;
    let tenants = Tenants::of(&service);
    (service, tenants)
}

/// A getHeader of that beacon node.
fn ask(key: &AuctionKey, credential: &Credential) -> Request {
    ask_for_nobody(key).header("Authorization", credential.basic())
}

fn ask_for_nobody(key: &AuctionKey) -> Request {
    header_request(key).header("Accept", ACCEPT_SSZ_THEN_JSON)
}
