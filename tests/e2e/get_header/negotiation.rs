use e2e::{Request, Service, auction, eth, header_request, network, relay_bidding, validators};
use headstart_types::{ACCEPT_SSZ_THEN_JSON, CONSENSUS_VERSION, Encoding, ForkName, Wei};

#[tokio::test(flavor = "multi_thread")]
async fn the_encoding_is_negotiated_as_every_client_writes_it() {
    let network = network(ForkName::Electra);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    let key = auction(&validators[0]);
    for (accept, encoding) in [
        (ACCEPT_SSZ_THEN_JSON, Encoding::Ssz),
        ("application/octet-stream;q=1,application/json;q=0.9", Encoding::Ssz),
        ("application/octet-stream,application/json;q=0.5", Encoding::Ssz),
        ("application/octet-stream", Encoding::Ssz),
        ("APPLICATION/OCTET-STREAM", Encoding::Ssz),
        ("application/json", Encoding::Json),
        ("application/json;q=1.0, application/octet-stream;q=0.1", Encoding::Json),
        ("text/html, application/json;q=0.1", Encoding::Json),
        ("*/*", Encoding::Json),
        ("", Encoding::Json),
    ] {
        let reply = service.header_accepting(&key, accept).await;
        assert_eq!(reply.encoding(), encoding, "Accept: {accept}");
        assert_eq!(reply.header(CONSENSUS_VERSION), Some("electra"), "Accept: {accept}");
        assert_eq!(reply.header("content-encoding"), None);
    }
    let without_accept = service.client().call(&header_request(&key)).await;
    assert_eq!(without_accept.encoding(), Encoding::Json);
    assert_eq!(without_accept.header(CONSENSUS_VERSION), Some("electra"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_that_allows_neither_encoding_is_answered_406() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    let key = auction(&validators[0]);
    for accept in ["text/html", "application/octet-stream;q=0, application/json;q=0.0", "image/*", "nonsense"]
    {
        let reply = service.header_accepting(&key, accept).await;
        assert_eq!(reply.status, 406, "Accept: {accept}");
        assert!(reply.message().expect("an error object").contains("Accept"), "{}", reply.text());
    }
    assert_eq!(relay.seen().headers.total(), 0, "what cannot be answered is not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubled_slash_in_the_path_is_forgiven() {
    let network = network(ForkName::Deneb);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    for path in ["//eth/v1/builder/header", "/eth/v1//builder/header", "//eth//v1//builder//header//"] {
        let request = Request::get(format!("{path}/{}", auction(&validators[0])));
        let reply = service.client().call(&request.header("Accept", ACCEPT_SSZ_THEN_JSON)).await;
        assert_eq!(reply.bid(ForkName::Deneb).message.value(), eth("0.03"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_one_ask_after_the_other() {
    let network = network(ForkName::Capella);
    let relay = relay_bidding(&network, 1, Wei::new(1)).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    let request = header_request(&auction(&validators[0])).to_bytes();
    let mut connection = service.client().connect().await;
    for _ in 0..5 {
        let reply = connection.exchange(&request).await.unwrap();
        assert_eq!(reply.bid(ForkName::Capella).message.value(), Wei::new(1), "one wei is a bid");
    }
}
