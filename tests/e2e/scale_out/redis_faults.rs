use e2e::{Process, RedisServer};
use headstart::clock::SYSTEM;
use headstart_types::Slot;

use super::field::{Field, Play, assert_kept, was_hit};

const EVERYTHING: [&str; 3] = ["builder-api", "fetcher", "cluster-api"];
/// What a fault lasts.
const SLOTS: usize = 3;
/// Slots that both processes may take to serve what they hold.
const WARM_WITHIN: usize = 20;
/// Slots without a fault, by which those after one are judged.
const CALM: usize = 6;
/// A slot that is a miss now and then, here of six and there of six, says nothing.
const TOLERATED: f64 = 0.25;

struct Fault {
    name: &'static str,
    begin: fn(&RedisServer),
    end: fn(&RedisServer),
}

const FAULTS: [Fault; 6] = [
    Fault { name: "frozen", begin: RedisServer::freeze, end: RedisServer::thaw },
    Fault { name: "killed", begin: RedisServer::kill, end: RedisServer::restart },
    Fault {
        name: "paused",
        begin: |server| _ = server.cli(&["CLIENT", "PAUSE", "7000", "ALL"]),
        // It answers when the pause is over.
        end: |server| _ = server.cli(&["PING"]),
    },
    Fault {
        name: "flushed",
        begin: |server| _ = server.cli(&["FLUSHALL"]),
        end: |server| _ = server.cli(&["FLUSHALL"]),
    },
    Fault { name: "full", begin: fill, end: make_room },
    Fault { name: "evicting", begin: evict, end: make_room },
];

fn fill(server: &RedisServer) {
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
}

fn evict(server: &RedisServer) {
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
}

fn make_room(server: &RedisServer) {
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
}

/// The share of getHeaders that were hits.
#[derive(Default)]
struct HitRate {
    hits: u32,
    asked: u32,
}

impl HitRate {
    async fn count(&mut self, processes: &[&Process], slot: Slot) {
        for process in processes {
            self.asked += 1;
            self.hits += u32::from(was_hit(process, slot).await);
        }
    }

    fn share(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.asked)
    }
}

/// The next slot, in which nobody was lied to and no block was lost.
async fn next_slot(play: &mut Play, context: &str) -> Slot {
    let (slot, proposals) = play.next_slot().await;
    assert_kept(slot, &proposals, context);
    slot
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_redis_no_block_is_lost_no_bid_is_wrong_and_the_next_slot_is_as_good_as_any() {
    let field = Field::new(RedisServer::start()).await;
    let setup = field.setup(&EVERYTHING);
    let (one, two) = tokio::join!(Process::start(&setup), Process::start(&setup));
    let processes = [&one, &two];
    let mut play = field.play(&processes);
    let (mut undisturbed, mut afterwards) = (HitRate::default(), HitRate::default());
    // Who has just started may have missed the beginning.
    for slots in 0.. {
        assert!(slots < WARM_WITHIN, "both do not hit in one of {slots} slots");
        let slot = next_slot(&mut play, "at the start").await;
        if was_hit(&one, slot).await && was_hit(&two, slot).await {
            break;
        }
    }
    for _ in 0..CALM {
        undisturbed.count(&processes, next_slot(&mut play, "undisturbed").await).await;
    }
    for Fault { name, begin, end } in FAULTS {
        begin(&field.redis);
        for _ in 0..SLOTS {
            next_slot(&mut play, name).await;
        }
        end(&field.redis);
        let back = field.network.slot_at(SYSTEM.now());
        let context = format!("after it was {name}");
        // The server comes back in one slot, and is there for the whole of the next one, before that of the third.
        let mut slot = next_slot(&mut play, &context).await;
        while slot.0 < back.0 + 2 {
            slot = next_slot(&mut play, &context).await;
        }
        let before = afterwards.hits;
        afterwards.count(&processes, slot).await;
        println!("{} of {} hits {context}", afterwards.hits - before, processes.len());
    }
    let (expected, found) = (undisturbed.share(), afterwards.share());
    assert!(found >= expected - TOLERATED, "hits: {found} after faults, {expected} without");
}
