//! The timeline of an auction, for people.

use std::collections::{BTreeMap, BTreeSet};

use headstart_fetcher::What;
use headstart_types::{BlockHash, Wei};

use super::slot::{AuctionStory, SlotStory, Told};
use crate::commands::table::Table;

/// Letters that tell processes and blocks apart well enough.
const SHORT: usize = 8;

pub(super) fn render(story: &SlotStory) -> String {
    let mut text = format!("slot {} of cluster {}\n", story.slot, story.cluster);
    for auction in &story.auctions {
        text.push_str(&render_auction(auction));
    }
    text
}

fn render_auction(auction: &AuctionStory) -> String {
    let processes: BTreeSet<_> = auction.events.iter().map(|told| &told.process).collect();
    let several = processes.len() > 1;
    let mut table = Table::new(["     at", if several { "process" } else { "" }, "what", ""]);
    let mut held = Held::default();
    for told in &auction.events {
        let process = if several { short(&told.process) } else { String::new() };
        let (what, more) = held.tell(told);
        table.row([format!("{:>+7}", told.seen.at_ms), process, what.to_owned(), more]);
    }
    let parent = auction.parent_hash;
    let parent = if parent == BlockHash::default() { "not named".to_owned() } else { parent.to_string() };
    format!("\nproposer {}\nparent   {parent}\n{table}{}", auction.proposer, summary(auction))
}

/// What had been seen by each moment: it explains what was served.
#[derive(Default)]
struct Held<'a> {
    bids: BTreeMap<&'a str, (Wei, BlockHash, i64)>,
    /// When each block was first served.
    served: BTreeMap<BlockHash, i64>,
}

impl<'a> Held<'a> {
    fn tell(&mut self, told: &'a Told) -> (&'static str, String) {
        let at_ms = told.seen.at_ms;
        match &told.seen.what {
            What::Hinted => ("hint", "an operator told that this is to come".to_owned()),
            What::Armed => ("armed", String::new()),
            What::HeadChanged { block_hash } => ("head", format!("changed to {}", block(block_hash))),
            What::Expected { early_ms, likely_ms, late_ms } => {
                ("expected", format!("getHeader at {likely_ms:+} ms, between {early_ms:+} and {late_ms:+}"))
            }
            What::Asked { relay, call } => ("ask", format!("{relay}, call {call}")),
            What::Answered { relay, answer, took_ms } => {
                ("answer", format!("{relay}: {answer}, after {took_ms} ms"))
            }
            What::BidHeld { relay, value, block_hash } => {
                self.bids.insert(relay, (*value, *block_hash, at_ms));
                ("bid", format!("{relay}: {} ETH, {}", value.eth(), block(block_hash)))
            }
            What::HeaderAnswered { outcome, value, block_hash, took_us } => {
                let why = match (value, block_hash) {
                    (Some(value), Some(hash)) => self.why(at_ms, *value, hash),
                    _ => String::new(),
                };
                ("getHeader", format!("{outcome} in {took_us} us{why}"))
            }
            What::Compared { value_served, best_at_serve, bid_age_ms, left_on_table_after } => {
                let best = best_at_serve.map_or_else(
                    || "no relay was asked at that instant".to_owned(),
                    |best| format!("{:.4} of the best of that instant", value_served.ratio_of(best)),
                );
                let left = left_on_table_after.eth();
                (
                    "compared",
                    format!("{best}; the bid was {bid_age_ms} ms old; {left} ETH more came before the block"),
                )
            }
            What::BlockSubmitted { outcome, block_hash, took_us } => {
                ("block", format!("{outcome} in {} ms, {}", took_us / 1_000, block(block_hash)))
            }
            What::LeftOut { events } => ("…", format!("{events} further events were not kept")),
        }
    }

    /// Why this block was served: the best that was held, or what the cluster's operators had got before.
    fn why(&mut self, at_ms: i64, value: Wei, hash: &BlockHash) -> String {
        let best = self.bids.iter().max_by_key(|(_, (value, ..))| *value);
        let first_ms = *self.served.entry(*hash).or_insert(at_ms);
        let reason = match best {
            Some((relay, (_, best, since_ms))) if best == hash => {
                format!("of {relay}, the best of {}, held since {since_ms:+} ms", self.bids.len())
            }
            Some((_, (better, ..))) if first_ms < at_ms && *better > value => {
                format!("as its first operator got at {first_ms:+} ms, although {} ETH is held", better.eth())
            }
            Some(_) => "by the cluster's policy, not the highest that is held".to_owned(),
            None => "held by this process".to_owned(),
        };
        format!(": {} ETH, {}, {reason}", value.eth(), block(hash))
    }
}

fn summary(auction: &AuctionStory) -> String {
    let mut calls = BTreeMap::<&str, (u32, u32)>::new();
    for told in &auction.events {
        match &told.seen.what {
            What::Asked { relay, .. } => calls.entry(relay).or_default().0 += 1,
            What::Answered { relay, .. } if told.seen.what.is_without_bid() => {
                calls.entry(relay).or_default().1 += 1;
            }
            _ => {}
        }
    }
    let of_relay = |(relay, (asked, without)): (&str, (u32, u32))| match without {
        0 => format!("{relay} {asked}"),
        without => format!("{relay} {asked} ({without} without a bid)"),
    };
    let calls: Vec<_> = calls.into_iter().map(of_relay).collect();
    let whats = || auction.events.iter().map(|told| &told.seen.what);
    if whats().any(|what| *what == What::Hinted) && !whats().any(What::is_of_a_run) {
        "hinted, not run\n".to_owned()
    } else if calls.is_empty() {
        "no relay was asked\n".to_owned()
    } else {
        format!("asked: {}\n", calls.join(", "))
    }
}

fn block(hash: &BlockHash) -> String {
    format!("block {}…", short(&hash.to_string()))
}

fn short(text: &str) -> String {
    text.chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use headstart_fetcher::Seen;
    use headstart_types::{BlsPublicKey, FixedBytes};

    use super::*;

    fn told(at_ms: i64, what: What) -> Told {
        Told { process: "one".to_owned(), seen: Seen { at_ms, what } }
    }

    fn bid(relay: &str, milli_eth: u128, hash: u8) -> What {
        let value = Wei::new(milli_eth * 1_000_000_000_000_000);
        What::BidHeld { relay: relay.to_owned(), value, block_hash: hash_of(hash) }
    }

    fn hit(milli_eth: u128, hash: u8) -> What {
        What::HeaderAnswered {
            outcome: "hit".to_owned(),
            value: Some(Wei::new(milli_eth * 1_000_000_000_000_000)),
            block_hash: Some(hash_of(hash)),
            took_us: 21,
        }
    }

    fn hash_of(byte: u8) -> BlockHash {
        BlockHash(FixedBytes([byte; 32]).0.into())
    }

    #[test]
    fn a_hint_without_an_auction_is_told_as_one_that_was_not_run() {
        let mut auction = AuctionStory {
            proposer: BlsPublicKey([1; 48].into()),
            parent_hash: BlockHash::default(),
            events: vec![told(-9_000, What::Hinted)],
        };
        let text = render_auction(&auction);
        assert!(text.contains("parent   not named") && text.ends_with("hinted, not run\n"), "{text}");
        auction.events.push(told(-2_500, What::Armed));
        assert!(render_auction(&auction).ends_with("no relay was asked\n"));
    }

    #[test]
    fn what_was_served_is_explained_by_what_was_held() {
        let mut held = Held::default();
        let events = [
            told(-40, bid("near", 7, 1)),
            told(-20, bid("far", 6, 2)),
            told(3, hit(7, 1)),
            told(50, bid("far", 9, 3)),
            told(60, hit(7, 1)),
        ];
        let lines: Vec<_> = events.iter().map(|told| held.tell(told).1).collect();
        assert!(lines[2].contains("of near, the best of 2, held since -40 ms"), "{}", lines[2]);
        assert!(
            lines[4].contains("as its first operator got at +3 ms, although 0.009 ETH is held"),
            "{}",
            lines[4]
        );
    }
}
