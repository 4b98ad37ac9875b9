use headstart_proto::v1::ListValidatorsRequest;
use headstart_proto::v1::validator::ClaimLevel;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{World, pubkey};

#[tokio::test]
async fn a_cluster_lists_what_it_claims_page_by_page() {
    let world = World::new().await;
    let numbers: Vec<u32> = (1..=25).collect();
    world.claim("alpha", &numbers).await;
    world.claim("beta", &[3, 99]).await;
    let client = world.client("alpha", "one");
    let (mut seen, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = client.request(ListValidatorsRequest { page_size: 10, page_token }).unwrap();
        let page = client.grpc().list_validators(request).await.unwrap().into_inner();
        pages += 1;
        assert!(page.validators.iter().all(|validator| validator.claim_level() == ClaimLevel::Proven));
        seen.extend(page.validators.into_iter().map(|validator| validator.pubkey));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut expected: Vec<_> = numbers.iter().map(|number| pubkey(*number).0.to_vec()).collect();
    expected.sort_unstable();
    assert_eq!((seen, pages), (expected, 3));
    assert_eq!(client.list().await.unwrap().len(), 25);
    assert_eq!(world.client("beta", "one").list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_page_token_that_is_none_is_named() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    let request = ListValidatorsRequest { page_size: 1, page_token: "next".to_owned() };
    let status = client.grpc().list_validators(client.request(request).unwrap()).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, "page_token"));
}

#[tokio::test]
async fn a_cluster_gives_up_its_own_claims_and_nobody_elses() {
    let world = World::new().await;
    world.claim("alpha", &[1, 2]).await;
    world.claim("beta", &[2, 3]).await;
    let alpha = world.client("alpha", "one");
    assert_eq!(alpha.remove(&[pubkey(2), pubkey(3), pubkey(4)]).await.unwrap(), 1);
    assert_eq!(alpha.remove(&[pubkey(2)]).await.unwrap(), 0);
    let left = |client| async move {
        let listed = headstart_cluster_api::client::ClusterClient::list(&client).await.unwrap();
        listed.into_iter().map(|validator| validator.pubkey).collect::<Vec<_>>()
    };
    assert_eq!(left(alpha).await, [pubkey(1).0.to_vec()]);
    assert_eq!(left(world.client("beta", "one")).await.len(), 2);
}

#[tokio::test]
async fn a_key_that_is_none_is_named_by_its_place() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    let pubkeys = vec![pubkey(1).0.to_vec(), vec![1, 2, 3]];
    let request = client.request(headstart_proto::v1::RemoveValidatorsRequest { pubkeys }).unwrap();
    let status = client.grpc().remove_validators(request).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, "pubkeys[1]"));
    let pubkeys = vec![pubkey(1).0.to_vec(); 1_001];
    let request = client.request(headstart_proto::v1::RemoveValidatorsRequest { pubkeys }).unwrap();
    let status = client.grpc().remove_validators(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}
