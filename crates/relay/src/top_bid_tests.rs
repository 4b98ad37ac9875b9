use proptest::prelude::*;

use super::*;

/// An announcement as its layout has it, written here field by field.
fn written(timestamp: u64, slot: u64, value: [u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [timestamp, slot, 23_000_000] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&[0xb1; 32]);
    bytes.extend_from_slice(&[0xa2; 32]);
    bytes.extend_from_slice(&[0xc3; 48]);
    bytes.extend_from_slice(&[0xd4; 20]);
    bytes.extend_from_slice(&value);
    bytes
}

fn eth(wei: u128) -> [u8; 32] {
    let mut value = [0; 32];
    value[..16].copy_from_slice(&wei.to_le_bytes());
    value
}

#[test]
fn an_announcement_is_read_field_by_field() {
    let wei = 123_456_789_012_345_678;
    let bytes = written(1_764_810_778_500, 13_165_563, eth(wei));
    assert_eq!(bytes.len(), 188);
    let top_bid = TopBid::from_ssz(&bytes).unwrap();
    assert_eq!(top_bid.at, UnixMillis(1_764_810_778_500));
    assert_eq!((top_bid.slot, top_bid.block_number), (Slot(13_165_563), 23_000_000));
    assert_eq!(top_bid.block_hash, BlockHash([0xb1; 32].into()));
    assert_eq!(top_bid.parent_hash, BlockHash([0xa2; 32].into()));
    assert_eq!(top_bid.builder, BlsPublicKey([0xc3; 48].into()));
    assert_eq!(top_bid.value, Wei::new(wei));
}

#[test]
fn the_second_version_counts_nanoseconds() {
    let bytes = written(1_764_810_778_500_123_456, 1, eth(1));
    assert_eq!(TopBid::from_ssz(&bytes).unwrap().at, UnixMillis(1_764_810_778_500));
}

proptest! {
    #[test]
    fn no_other_length_is_an_announcement(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(TopBid::from_ssz(&bytes).is_some(), bytes.len() == 188);
    }

    #[test]
    fn any_numbers_are_read(timestamp in any::<u64>(), slot in any::<u64>(), value in any::<[u8; 32]>()) {
        let top_bid = TopBid::from_ssz(&written(timestamp, slot, value)).unwrap();
        prop_assert_eq!(top_bid.slot, Slot(slot));
        prop_assert_eq!(top_bid.value, Wei(U256::from_le_bytes(value)));
    }
}

#[test]
fn a_url_names_its_fault_and_never_shows_its_query() {
    let url: TopBidUrl = "wss://relay.example/ws/v1/top_bid?key=hush".parse().unwrap();
    assert_eq!(url.to_string(), "wss://relay.example/ws/v1/top_bid");
    assert_eq!(format!("{url:?}"), url.to_string());
    assert_eq!(url.endpoint(), "https://relay.example/ws/v1/top_bid?key=hush");
    let plain: TopBidUrl = "ws://127.0.0.1:9/ws".parse().unwrap();
    assert_eq!(plain.endpoint(), "http://127.0.0.1:9/ws");
    let fault = |text: &str| text.parse::<TopBidUrl>().unwrap_err().to_string();
    assert!(fault("https://relay.example/ws").contains("scheme \"https\": write wss"));
    assert!(fault("relay.example").contains("write it as wss://host/path"));
    assert!(fault("wss://me:pw@relay.example/").contains("send credentials as a header"));
}

#[test]
fn pauses_double_from_a_quarter_of_a_second_to_a_minute() {
    let pauses: Vec<_> = (0..10).map(|failures| backoff(failures).as_millis()).collect();
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
}
