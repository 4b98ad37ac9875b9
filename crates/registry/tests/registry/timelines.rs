use headstart_registry::TimelineRecord;
use headstart_types::{BlockHash, Slot};

use crate::world::{on_both, validator};

fn record(slot: u64) -> TimelineRecord {
    TimelineRecord {
        source: "here".to_owned(),
        slot: Slot(slot),
        cluster: "alpha".to_owned(),
        parent_hash: BlockHash([1; 32].into()),
        proposer: validator(1),
        events: "[]".to_owned(),
    }
}

#[tokio::test]
async fn a_record_of_a_slot_far_ahead_takes_no_other_away_and_a_week_later_they_go() {
    on_both(async |world| {
        let registry = &world.registry;
        registry.write_timelines(vec![record(100_000)], Slot(100_001)).await;
        registry.write_timelines(vec![record(9_000_000)], Slot(100_001)).await;
        assert_eq!(registry.timelines(Slot(100_000), "alpha").await.unwrap(), [record(100_000)]);
        registry.write_timelines(vec![record(150_401)], Slot(150_401)).await;
        assert_eq!(registry.timelines(Slot(100_000), "alpha").await.unwrap(), []);
        assert_eq!(registry.timelines(Slot(150_401), "alpha").await.unwrap(), [record(150_401)]);
    })
    .await;
}
