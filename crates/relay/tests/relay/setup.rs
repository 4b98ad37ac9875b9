use headstart_relay::{Config, Error, Relay};
use headstart_types::Clock;

use crate::world::{NOW, RELAY_KEY};

fn with_headers(headers: &[(&str, &str)]) -> Result<Relay, Error> {
    let mut config = Config::new(format!("https://{RELAY_KEY}@relay.example").parse().unwrap());
    config.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Relay::new(config, Clock::new(|| NOW))
}

#[tokio::test]
async fn a_relay_is_named_after_its_host() {
    let relay = with_headers(&[]).unwrap();
    assert_eq!(relay.name(), "relay.example");
    assert_eq!(relay.public_key().to_string(), RELAY_KEY);
    assert_eq!(relay.verifying_key().compress(), relay.public_key());
}

#[tokio::test]
async fn headers_that_calls_depend_on_are_refused() {
    for name in ["Accept", "accept-encoding", "Content-Type", "X-Timeout-Ms", "Eth-Consensus-Version", "host"]
    {
        assert!(matches!(with_headers(&[(name, "x")]), Err(Error::ReservedHeader { .. })), "{name}");
    }
}

#[tokio::test]
async fn headers_that_http_does_not_allow_are_refused_without_their_value() {
    for (name, value) in [("bad name", "x"), ("x-api-key", "hush\r\nhush")] {
        let error = with_headers(&[(name, value)]).unwrap_err();
        assert!(matches!(error, Error::Header { .. }));
        assert!(error.to_string().contains(name) && !format!("{error:?}").contains("hush"));
    }
}
