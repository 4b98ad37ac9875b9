use std::net::{IpAddr, Ipv4Addr};

use e2e::{Request, auction, eth, network, relay_bidding, validator};
use headstart_types::ForkName;

use super::{ask, guarded};

const NAT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 2, 2));
/// So many failures are borne with.
const BORNE: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_fails_too_often_is_hung_up_on_and_its_neighbours_notice_nothing() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    let proposer = validator(0);
    tenants.cluster("alpha", &["relay 1"], std::slice::from_ref(&proposer)).await;
    let (good, bad) = (tenants.beacon_node("node", &["alpha"]).await, tenants.unknown_credential());
    let (good, bad) = (ask(&auction(&proposer), &good), ask(&auction(&proposer), &bad));
    let mut neighbour = service.client().from(NAT).connect().await;

    for failure in 0..3 * BORNE {
        let mut connection = service.client().from(NAT).connect().await;
        let refused = connection.exchange(&bad.to_bytes()).await.unwrap();
        assert_eq!(refused.status, 401);
        if failure < BORNE {
            assert_eq!(refused.header("connection"), None, "failure {failure} is borne with");
        } else {
            assert_eq!(refused.header("connection"), Some("close"), "failure {failure}");
            connection.until_closed().await.unwrap();
        }
        let served = neighbour.exchange(&good.to_bytes()).await.unwrap();
        assert_eq!((served.status, served.header("connection")), (200, None));
    }
    let new_connection = service.client().from(NAT).call(&good).await;
    assert_eq!(new_connection.status, 200);
    let elsewhere = service.client().from(ELSEWHERE).call(&bad).await;
    assert_eq!(
        (elsewhere.status, elsewhere.header("connection")),
        (401, None),
        "others have their own count"
    );
    let status = service.client().from(NAT).call(&Request::get("/eth/v1/builder/status")).await;
    assert_eq!(status.status, 200);
}
