use e2e::{Process, RedisServer};

use super::field::{Field, assert_kept, was_hit};

const EVERYTHING: [&str; 3] = ["builder-api", "fetcher", "cluster-api"];
/// What a fault lasts.
const SLOTS: usize = 3;
/// After the fault every process is asked in so many slots at most before all of them hit again. The slot in which the
/// server comes back may still be a miss.
const BACK_WITHIN: usize = 2;

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
        end: |_| (),
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

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_redis_no_block_is_lost_and_no_bid_is_wrong() {
    let field = Field::new(RedisServer::start()).await;
    let setup = field.setup(&EVERYTHING);
    let (one, two) = tokio::join!(Process::start(&setup), Process::start(&setup));
    let processes = [&one, &two];
    let mut play = field.play(&processes);
    let mut calm = 0;
    while calm < 2 {
        let (slot, proposals) = play.next_slot().await;
        assert_kept(slot, &proposals, "undisturbed");
        calm += usize::from(processes.iter().all(|process| was_hit(process, slot)));
    }
    for Fault { name, begin, end } in FAULTS {
        begin(&field.redis);
        for _ in 0..SLOTS {
            let (slot, proposals) = play.next_slot().await;
            assert_kept(slot, &proposals, name);
        }
        end(&field.redis);
        let mut slots = 0;
        loop {
            let (slot, proposals) = play.next_slot().await;
            assert_kept(slot, &proposals, &format!("after it was {name}"));
            slots += 1;
            if processes.iter().all(|process| was_hit(process, slot)) {
                break;
            }
            assert!(slots <= BACK_WITHIN, "{name}: headers still miss {slots} slots later");
        }
    }
}
