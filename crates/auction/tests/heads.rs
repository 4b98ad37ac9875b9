//! Several beacon nodes over one chain, each late, on a branch, optimistic or away as chance has it: which head leads, and
//! on which parents auctions run.

use std::collections::BTreeSet;

use headstart_auction::{
    Arming, Duties, Duty, Head, Heads, Hints, KNOWN_PARENTS_MAX, NodeIndex, NodeState, Outlook,
    PARENTS_AT_ONCE, ParentFacts, Soundness, Told, ToldHead,
};
use headstart_types::{BlockHash, BlsPublicKey, Network, Root, Slot, UnixMillis, ValidatorIndex};
use proptest::prelude::*;

const FIRST: Slot = Slot(13_165_570);
const SLOTS: usize = 4;
const LEAD_MS: i64 = 2_500;
const CUTOFF_MS: i64 = 2_000;
const NODES: usize = 3;
const STEP_MS: i64 = 50;
/// A node that has held to its head for so long has an auction on it.
const SETTLED_MS: i64 = 500 + STEP_MS;

fn after(slots: usize) -> Slot {
    Slot(FIRST.0 + slots as u64)
}

/// What happens in one slot, all of it by chance.
#[derive(Clone, Debug)]
struct SlotPlan {
    /// When its block comes, in milliseconds into the slot; `None` when it is missed.
    comes_ms: Option<i64>,
    /// When another block of the slot replaces it, so long afterwards.
    replaced_after_ms: Option<i64>,
    /// It leaves the block of the slot before out.
    leaves_out: bool,
    /// How late each node hears of it.
    delays_ms: [i64; NODES],
    /// A node that hears nothing of this slot.
    deaf: Option<NodeIndex>,
    /// A node whose heads of this slot are not checked.
    optimistic: Option<NodeIndex>,
    /// A node whose stream breaks in this slot for so long.
    broken: Option<(NodeIndex, i64)>,
    /// A node that announces the block before the head.
    plans_reorg: Option<NodeIndex>,
}

fn slot_plan() -> impl Strategy<Value = SlotPlan> {
    let rarely = |value: BoxedStrategy<i64>| prop::option::weighted(0.25, value);
    let some_node = || prop::option::weighted(0.2, 0..NODES);
    (
        prop::option::weighted(0.9, prop_oneof![500..3_500_i64, 3_500..13_500_i64]),
        rarely((10..9_000_i64).boxed()),
        prop::bool::weighted(0.15),
        prop::array::uniform3(prop_oneof![0..150_i64, 0..4_000_i64]),
        some_node(),
        some_node(),
        prop::option::weighted(0.2, (0..NODES, 50..6_000_i64)),
        some_node(),
    )
        .prop_map(
            |(comes_ms, replaced_after_ms, leaves_out, delays_ms, deaf, optimistic, broken, plans_reorg)| {
                SlotPlan {
                    comes_ms,
                    replaced_after_ms,
                    leaves_out,
                    delays_ms,
                    deaf,
                    optimistic,
                    broken,
                    plans_reorg,
                }
            },
        )
}

/// What the rules were told and what they made of it.
struct Play {
    network: Network,
    duties: Duties,
    heads: Heads,
    arming: Arming,
    /// Everything that any node named, whether as head, as the block before one or in an announcement.
    named: BTreeSet<BlockHash>,
    armed: BTreeSet<(Slot, BlockHash)>,
    /// Each node's head and since when it has it, as the node itself knows.
    held: [Option<(Head, UnixMillis)>; NODES],
    left_by_leader: bool,
    /// The node led to the head that it had before its newest one, and may say afterwards that it left it.
    led_to_former: [bool; NODES],
}

impl Play {
    fn new() -> Self {
        let network = Network::mainnet();
        let mut duties = Duties::default();
        for epoch in [network.epoch(FIRST).0, network.epoch(FIRST).0 + 1].map(headstart_types::Epoch) {
            let first = network.first_slot(epoch).0;
            let duty = |slot| Duty {
                slot: Slot(slot),
                proposer: BlsPublicKey([1; 48].into()),
                validator_index: ValidatorIndex(1),
            };
            duties.set(epoch, [Root::ZERO; 2], (first..first + 32).map(duty));
        }
        Self {
            network,
            duties,
            heads: Heads::default(),
            arming: Arming::default(),
            named: BTreeSet::new(),
            armed: BTreeSet::new(),
            held: [None; NODES],
            left_by_leader: false,
            led_to_former: [false; NODES],
        }
    }

    fn tell(&mut self, now: UnixMillis, node: NodeIndex, told: Told) {
        let before = self.heads.head();
        match told {
            Told::Head(told) => {
                self.named.extend([Some(told.head.block_hash), told.head.parent_hash].into_iter().flatten());
                let same = self.held[node].filter(|(head, _)| head.block_hash == told.head.block_hash);
                if same.is_none() {
                    self.led_to_former[node] = self.heads.leader() == Some(node);
                }
                self.held[node] = Some((told.head, same.map_or(now, |(_, since)| since)));
            }
            Told::Announced { parent, .. } => _ = self.named.insert(parent),
            Told::Reorg => self.left_by_leader |= self.heads.leader() == Some(node),
            Told::CameByReorg => self.left_by_leader |= self.led_to_former[node],
            _ => {}
        }
        self.heads.take(now, &self.network, node, told);
        self.check_lead(now, before);
    }

    /// The rules look, as the arming loop does.
    fn look(&mut self, now: UnixMillis) {
        let before = self.heads.head();
        self.heads.look(now, &self.network);
        self.check_lead(now, before);
        let outlook = Outlook { network: &self.network, duties: &self.duties, heads: &self.heads };
        let due = self.arming.due(now, &outlook, &Hints::default(), LEAD_MS, |_, _| Some(CUTOFF_MS));
        for key in due {
            assert!(self.named.contains(&key.parent_hash), "nobody named {key}");
            assert!(self.heads.knows_parent(key.slot, key.parent_hash), "nobody vouches for {key}");
            assert!(self.armed.insert((key.slot, key.parent_hash)), "armed twice: {key}");
        }
        for slot in [self.network.slot_at(now), self.network.slot_at(now).next()] {
            let parents = self.heads.parents_for(slot, now, &self.network);
            assert!(parents.len() <= PARENTS_AT_ONCE);
            assert_eq!(parents.iter().collect::<BTreeSet<_>>().len(), parents.len());
            assert!(self.armed_of(slot).count() <= KNOWN_PARENTS_MAX);
            self.check_nodes_are_served(now, slot);
        }
    }

    fn armed_of(&self, slot: Slot) -> impl Iterator<Item = BlockHash> {
        self.armed.iter().filter(move |(of, _)| *of == slot).map(|(_, parent)| *parent)
    }

    /// The leading head is one that a node has which is believed as much as any, and it goes back only with reason.
    fn check_lead(&mut self, now: UnixMillis, before: Option<Head>) {
        let Some(head) = self.heads.head() else { return };
        let sound = |node: NodeIndex| self.heads.soundness(now, &self.network, node);
        let with_head = || (0..NODES).filter(|node| self.held[*node].is_some());
        let best = with_head().map(sound).max();
        let voters: Vec<_> = with_head().filter(|node| Some(sound(*node)) == best).collect();
        let has = |node: &NodeIndex, head: Head| {
            self.held[*node].is_some_and(|(held, _)| held.block_hash == head.block_hash)
        };
        assert!(voters.iter().any(|node| has(node, head)), "no voter has {head:?}");
        if let Some(before) = before.filter(|before| before.block_hash != head.block_hash) {
            let others = voters.iter().filter(|node| !has(node, before)).count();
            let is_outvoted = 2 * others > voters.len();
            let is_void = !voters.iter().any(|node| has(node, before));
            let goes_on = head.slot > before.slot;
            assert!(goes_on || is_void || is_outvoted || self.left_by_leader, "{before:?} became {head:?}");
            self.left_by_leader = false;
        }
    }

    /// A beacon node that asks on the head that it has had for a while finds an auction, unless so many parents came in
    /// this slot that the true one had no room, or the others are slots ahead of it.
    fn check_nodes_are_served(&self, now: UnixMillis, slot: Slot) {
        let into_ms = now - self.network.slot_start(slot);
        if !(-LEAD_MS..CUTOFF_MS).contains(&into_ms) || self.armed_of(slot).count() >= KNOWN_PARENTS_MAX {
            return;
        }
        let Some(leading) = self.heads.head().filter(|head| head.slot < slot) else { return };
        let wanted = self.heads.parents_for(slot, now, &self.network);
        for (node, held) in self.held.iter().enumerate() {
            let Some((head, since)) = held else { continue };
            let is_believed = self.heads.soundness(now, &self.network, node) >= Soundness::Optimistic;
            let is_near = head.slot.0 + 2 >= leading.slot.0 && head.slot < slot;
            let is_settled = now - *since >= SETTLED_MS && self.leads_for(now) >= SETTLED_MS;
            let announces_another = wanted.len() == PARENTS_AT_ONCE || self.announces_another(node, slot);
            if is_believed && is_near && is_settled && !announces_another {
                let is_armed = self.armed.contains(&(slot, head.block_hash));
                assert!(is_armed, "{into_ms} ms: node {node} asks on {head:?}, wanted {wanted:?}");
            }
        }
    }

    fn leads_for(&self, now: UnixMillis) -> i64 {
        let since = self.held.iter().flatten().map(|(_, since)| *since).max();
        since.map_or(0, |since| now - since)
    }

    /// The node prepares for another parent than its head, and so asks on that.
    fn announces_another(&self, node: NodeIndex, slot: Slot) -> bool {
        let head = self.held[node].map(|(head, _)| head);
        let before = head.and_then(|head| head.parent_hash);
        before.is_some_and(|before| self.heads.facts(slot, before).is_some())
    }
}

/// What a node is told at its moment.
#[derive(Clone, Copy, Debug)]
enum Event {
    Head { head: Head, is_reorg: bool, is_optimistic: bool },
    Announced(Slot, BlockHash),
    Lost,
    Back,
}

/// The chain that comes of the plans, as each node hears it, in order.
fn script(plans: &[SlotPlan]) -> Vec<(UnixMillis, NodeIndex, Event)> {
    let network = Network::mainnet();
    let mut events = Vec::new();
    let mut number = 0_u64;
    let mut block = |slot: Slot, parent: Head| {
        number += 1;
        let block_hash = BlockHash(Root::left_padding_from(&number.to_be_bytes()));
        Head { slot, block_hash, parent_hash: Some(parent.block_hash) }
    };
    let genesis =
        Head { slot: Slot(FIRST.0 - 1), block_hash: BlockHash(Root::repeat_byte(9)), parent_hash: None };
    let (mut head, mut before) = (genesis, genesis);
    for node in 0..NODES {
        let told = Event::Head { head, is_reorg: false, is_optimistic: false };
        events.push((network.slot_start(genesis.slot) + 1_000, node, told));
    }
    // Nobody hears of a block before those that came before it.
    let (mut newest_at, mut heard) = (network.slot_start(FIRST), [network.slot_start(FIRST); NODES]);
    for (plan, slot) in plans.iter().zip(FIRST.0..) {
        let start = network.slot_start(Slot(slot));
        let mut tell = |at: UnixMillis, head: Head, is_reorg: bool| {
            for node in (0..NODES).filter(|node| plan.deaf != Some(*node)) {
                let is_optimistic = plan.optimistic == Some(node);
                let heard_at = (at + plan.delays_ms[node]).max(heard[node] + 10);
                heard[node] = heard_at;
                events.push((heard_at, node, Event::Head { head, is_reorg, is_optimistic }));
                let announces = plan.plans_reorg == Some(node);
                let parent = head.parent_hash.filter(|_| announces).unwrap_or(head.block_hash);
                events.push((heard_at + 3, node, Event::Announced(head.slot.next(), parent)));
            }
        };
        if let Some(comes_ms) = plan.comes_ms {
            let parent = if plan.leaves_out { before } else { head };
            let first = block(Slot(slot), parent);
            newest_at = (start + comes_ms).max(newest_at + 10);
            tell(newest_at, first, plan.leaves_out);
            (before, head) = (parent, first);
            if let Some(after_ms) = plan.replaced_after_ms {
                head = block(Slot(slot), parent);
                newest_at = newest_at + after_ms;
                tell(newest_at, head, true);
            }
        }
        if let Some((node, for_ms)) = plan.broken {
            events.push((start + 2_000, node, Event::Lost));
            events.push((start + 2_000 + for_ms, node, Event::Back));
        }
    }
    events.sort_by_key(|(at, ..)| *at);
    events
}

fn play(plans: &[SlotPlan]) -> Play {
    let mut play = Play::new();
    let mut events = script(plans).into_iter().peekable();
    let start = play.network.slot_start(FIRST);
    let end = play.network.slot_start(after(SLOTS));
    let mut now = start - 12_000;
    while now < end {
        while let Some((_, node, event)) = events.next_if(|(at, ..)| *at <= now) {
            for told in in_its_words(now, node, event) {
                play.tell(now, node, told);
            }
        }
        play.look(now);
        now = now + STEP_MS;
    }
    play
}

/// The last of the nodes tells of a re-org after the head that it led to, the others before.
fn in_its_words(now: UnixMillis, node: NodeIndex, event: Event) -> Vec<Told> {
    match event {
        Event::Head { head, is_reorg, is_optimistic } => {
            let told = ToldHead { head, changed_at: Some(now), is_optimistic, dependent_roots: None };
            if is_reorg && node + 1 == NODES {
                vec![Told::Head(told), Told::CameByReorg]
            } else if is_reorg {
                vec![Told::Reorg, Told::Head(told)]
            } else {
                vec![Told::Head(told)]
            }
        }
        Event::Announced(slot, parent) => {
            let facts = ParentFacts {
                prev_randao: Root::ZERO,
                parent_block_number: None,
                withdrawals_root: Root::ZERO,
            };
            vec![Told::Announced { slot, parent, facts }]
        }
        Event::Lost => vec![Told::Disconnected],
        Event::Back => vec![Told::Connected],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_nodes_tell_auctions_run_on_what_they_hold_to_and_on_nothing_else(
        plans in prop::collection::vec(slot_plan(), SLOTS)
    ) {
        play(&plans);
    }

    #[test]
    fn nodes_that_agree_again_are_followed_whatever_was_before(
        plans in prop::collection::vec(slot_plan(), SLOTS)
    ) {
        let mut play = play(&plans);
        let slot = after(SLOTS + 2);
        let now = play.network.slot_start(slot) + 1_000;
        let head = Head { slot, block_hash: BlockHash(Root::repeat_byte(7)), parent_hash: None };
        for node in 0..NODES {
            play.tell(now, node, Told::Connected);
            play.tell(now, node, Told::State(NodeState::default()));
            let told = ToldHead { head, changed_at: Some(now), is_optimistic: false, dependent_roots: None };
            play.tell(now, node, Told::Head(told));
        }
        prop_assert_eq!(play.heads.head().unwrap().block_hash, head.block_hash);
        let parents = play.heads.parents_for(slot.next(), now, &play.network);
        prop_assert_eq!(parents, vec![head.block_hash]);
    }
}
