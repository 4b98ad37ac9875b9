//! Random operations of several processes, against the simplest thing that could keep the same promises.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use headstart_auction::Hint;
use headstart_bid_store::{BidStore, HintId, SharedHint, SubmissionKey};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::world::{Backend, SLOT, bid, hash, key};

const PROCESSES: usize = 3;
const RELAYS: u64 = 3;
const BLOCKS: u8 = 4;
const STEPS: usize = 1_500;

/// One store, kept in plain maps.
#[derive(Default)]
struct Model {
    bids: BTreeMap<u64, (u64, i64)>,
    origins: BTreeMap<BlockHash, BTreeSet<u64>>,
    guard: BTreeMap<(Slot, BlsPublicKey), Root>,
    answers: BTreeMap<SubmissionKey, Bytes>,
    waiting: Vec<SharedHint>,
    taken: BTreeMap<HintId, SharedHint>,
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_processes_do_the_store_holds_what_the_model_holds() {
    for seed in 0..4 {
        for backend in Backend::each() {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut processes = Vec::new();
            for _ in 0..PROCESSES {
                let process = backend.process().await;
                process.open(auction()).unwrap();
                processes.push(process);
            }
            processes[0].take_hints().await;
            let mut model = Model::default();
            for step in 0..STEPS {
                let process = &processes[random.random_range(0..PROCESSES)];
                let context = format!("{}, seed {seed}, step {step}", backend.name());
                model.step(&mut random, process, &context).await;
            }
            assert!(!model.bids.is_empty() && !model.guard.is_empty() && !model.origins.is_empty());
        }
    }
}

impl Model {
    async fn step(&mut self, random: &mut SmallRng, process: &BidStore, context: &str) {
        match random.random_range(0..8) {
            0 | 1 => self.offer(random, process).await,
            2 => self.read_bids(process, context).await,
            3 => self.read_origin(random, process, context).await,
            4 => self.claim(random, process, context).await,
            5 => self.answer(random, process, context).await,
            6 => self.hint(random, process).await,
            _ => self.take_hints(random, process, context).await,
        }
    }

    async fn offer(&mut self, random: &mut SmallRng, process: &BidStore) {
        let (relay, block) = (random.random_range(0..RELAYS), random.random_range(1..=BLOCKS));
        let (fence, asked_at) = (random.random_range(0..3), random.random_range(1..1_000));
        process.offer(&auction(), bid(relay, block, asked_at), fence).await;
        self.origins.entry(hash(block)).or_default().insert(relay);
        let held = self.bids.entry(relay).or_insert((fence, asked_at));
        *held = (fence, asked_at).max(*held);
    }

    async fn read_bids(&self, process: &BidStore, context: &str) {
        let bids = process.shared_bids(&auction()).await;
        let held: BTreeMap<_, _> = bids.iter().map(|bid| (bid.relay.0, bid.asked_at.0)).collect();
        let expected: BTreeMap<_, _> =
            self.bids.iter().map(|(relay, (_, asked_at))| (*relay, *asked_at)).collect();
        assert_eq!(held, expected, "{context}");
    }

    async fn read_origin(&self, random: &mut SmallRng, process: &BidStore, context: &str) {
        let block = hash(random.random_range(1..=BLOCKS + 1));
        let origin = process.shared_origin(SLOT, block).await;
        let relays: Option<BTreeSet<_>> =
            origin.map(|origin| origin.relays.into_iter().map(|RelayId(relay)| relay).collect());
        let known = self.origins.get(&block);
        match process.origin(block) {
            // What a process knows by itself is enough to find a relay, and may be less than all know.
            Some(_) => assert!(relays.unwrap().is_subset(known.unwrap()), "{context}"),
            None => assert_eq!(relays.as_ref(), known, "{context}"),
        }
    }

    async fn claim(&mut self, random: &mut SmallRng, process: &BidStore, context: &str) {
        let slot = Slot(SLOT.0 + random.random_range(0..6));
        let root = Root::repeat_byte(random.random_range(1..=3));
        let proposer = BlsPublicKey::default();
        let first = *self.guard.entry((slot, proposer)).or_insert(root);
        assert_eq!(process.claim(slot, &proposer, root).await, Some(first), "{context}");
    }

    async fn answer(&mut self, random: &mut SmallRng, process: &BidStore, context: &str) {
        let version = random.random_range(1..=2);
        let submission = SubmissionKey { slot: SLOT, block_root: Root::repeat_byte(9), version };
        assert_eq!(process.answer(&submission).await.as_ref(), self.answers.get(&submission), "{context}");
        let answer = Bytes::from(vec![random.random(); 40]);
        process.put_answer(submission, answer.clone()).await;
        self.answers.insert(submission, answer);
    }

    async fn hint(&mut self, random: &mut SmallRng, process: &BidStore) {
        let hint = Hint {
            slot: Slot(SLOT.0 + random.random_range(0..64)),
            proposer: BlsPublicKey::default(),
            parent_hash: random.random_bool(0.5).then(|| hash(1)),
            dependent_root: random.random_bool(0.5).then(|| Root::repeat_byte(2)),
            expected_ask_ms: random.random_bool(0.5).then(|| random.random_range(-500..1_000)),
        };
        let hint = SharedHint { cluster: format!("cluster-{}", random.random_range(0..3)).into(), hint };
        assert!(process.put_hint(hint.clone()).await);
        self.waiting.push(hint);
    }

    async fn take_hints(&mut self, random: &mut SmallRng, process: &BidStore, context: &str) {
        let taken = process.take_hints().await;
        let hints: Vec<_> = taken.iter().map(|taken| taken.hint.clone().unwrap()).collect();
        assert_eq!(hints, self.waiting, "{context}");
        self.waiting.clear();
        self.taken.extend(taken.into_iter().map(|taken| (taken.id, taken.hint.unwrap())));
        if random.random_bool(0.3) {
            let over: Vec<_> = self.taken.keys().filter(|_| random.random_bool(0.5)).cloned().collect();
            process.done_with_hints(&over).await;
            self.taken.retain(|id, _| !over.contains(id));
        }
    }
}

fn auction() -> AuctionKey {
    key(SLOT)
}
