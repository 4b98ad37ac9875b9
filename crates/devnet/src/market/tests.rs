use headstart_types::ForkName;

use super::*;

fn market() -> Market {
    Market::new(crate::network(ForkName::Fulu, 12_000, UnixMillis(0), 0), 7, 8)
}

#[test]
fn the_curve_goes_through_mainnet_medians() {
    let known = [(-2000, 200), (-1000, 5600), (0, 7600), (1000, 8900), (2000, 9700), (9000, 9700)];
    for (offset_ms, micro_eth) in known {
        assert_eq!(median_wei(offset_ms), micro_eth * 1_000_000_000_000, "at {offset_ms} ms");
    }
    assert_eq!(median_wei(-500), 6_600_000_000_000_000, "halfway between two points");
}

#[test]
fn the_median_top_bid_of_many_slots_follows_the_curve() {
    let market = market();
    for offset_ms in [-1000, 0, 1000, 2000] {
        let tops = (1..2000).map(Slot).map(|slot| {
            market
                .top_bid(3, slot, market.network.slot_start(slot) + offset_ms)
                .expect("builders have bid")
                .value
        });
        let mut tops: Vec<_> = tops.collect();
        tops.sort_unstable();
        let ratio = tops[tops.len() / 2].ratio_of(Wei::new(median_wei(offset_ms)));
        assert!((0.9..1.1).contains(&ratio), "{ratio} of the median at {offset_ms} ms");
    }
}

#[test]
fn bids_come_step_by_step_and_only_once_bidding_has_started() {
    let market = market();
    let steps: Vec<_> = (-4200..4000).filter_map(|ms| market.offer(Slot(9), 2, ms)).collect();
    let changes = steps.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((60..=200).contains(&changes), "{changes} bids in eight seconds");
    assert!(market.top_bid(0, Slot(9), market.network.slot_start(Slot(9)) - 5000).is_none());
}

#[test]
fn the_same_instant_always_gives_the_same_bid() {
    let (one, other) = (market(), market());
    let now = one.network.slot_start(Slot(40)) - 321;
    assert_eq!(one.top_bid(1, Slot(40), now), other.top_bid(1, Slot(40), now));
    let relays = [0, 1, 2];
    let tops = relays.map(|relay| one.top_bid(relay, Slot(40), now).expect("builders have bid").value);
    assert_eq!(one.best(&relays, Slot(40), now), tops.into_iter().max());
}

#[test]
fn a_faster_network_bids_in_shorter_time() {
    let fast = Market::new(crate::network(ForkName::Fulu, 1200, UnixMillis(0), 0), 7, 8);
    let (slow, slot) = (market(), Slot(12));
    let slow_top = slow.top_bid(1, slot, slow.network.slot_start(slot) - 1000);
    assert_eq!(fast.top_bid(1, slot, fast.network.slot_start(slot) - 100), slow_top);
}

#[test]
fn a_market_in_real_time_does_not_care_how_long_slots_last() {
    let short = Market::new(crate::network(ForkName::Fulu, 6000, UnixMillis(0), 0), 7, 8).in_real_time();
    let (long, slot) = (market(), Slot(12));
    for offset_ms in [-2500, -1000, 0, 170] {
        let held = |market: &Market| market.top_bid(1, slot, market.network.slot_start(slot) + offset_ms);
        assert_eq!(held(&short), held(&long), "at {offset_ms} ms");
    }
}

#[test]
fn nothing_changes_at_a_relay_before_the_moment_at_which_it_may() {
    let text = "offset_ms,value_wei,builder,block_hash_prefix,num_tx\n\
                -900,5,3,0xab,1\n-800,7,4,0xac,1\n-700,6,9,0xad,1\n700,0,4,0xad,1\n";
    let recording = Arc::new(Recording::parse(text).expect("it is well formed"));
    let of_slots =
        |slot_ms| Market::new(crate::network(ForkName::Fulu, slot_ms, UnixMillis(0), 0), 7, 8).restless();
    let slot = Slot(12);
    for market in [market(), of_slots(12_000), of_slots(1_300), of_slots(6_000).in_real_time()]
        .into_iter()
        .chain([of_slots(6_000).in_real_time().replaying(recording)])
    {
        let start = market.network.slot_start(slot);
        let (mut looks, mut changes, mut next) = (0, 0, start - 5_000);
        let mut held = None;
        for now in (-5_000..5_000).map(|offset_ms| start + offset_ms) {
            let top = market.top_bid(1, slot, now);
            assert!(top == held || now >= next, "{held:?} became {top:?} at {now}, expected at {next}");
            changes += u32::from(top != held);
            held = top;
            if now >= next {
                looks += 1;
                next = market.next_change(1, slot, now).unwrap_or(start + 5_000);
                assert!(next > now, "{next} is not after {now}");
            }
        }
        assert!(changes >= 2 && looks < 2_500, "{changes} changes, {looks} looks");
    }
}

#[test]
fn a_recording_is_replayed_in_each_slot_and_split_over_the_relays() {
    let text = "offset_ms,value_wei,builder,block_hash_prefix,num_tx\n\
                -900,5,3,0xab,1\n-800,7,4,0xac,1\n-700,6,9,0xad,1\n";
    let recording = Arc::new(Recording::parse(text).expect("it is well formed"));
    let market = market().in_real_time().replaying(recording);
    let tops: Vec<_> = (1..40)
        .map(Slot)
        .map(|slot| market.top_bid(2, slot, market.network.slot_start(slot)).map(|offer| offer.value))
        .collect();
    assert!(tops.contains(&Some(Wei::new(7))) && tops.contains(&Some(Wei::new(6))), "{tops:?}");
    assert!(market.top_bid(2, Slot(5), market.network.slot_start(Slot(5)) - 1000).is_none());
}
