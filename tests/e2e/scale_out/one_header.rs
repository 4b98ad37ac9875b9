//! However many operators a cluster has, and whichever process each of them asks: one header.

use std::time::Duration;

use e2e::{Process, SLOT, Service, auction, eth, header_request, validator};
use futures_util::future::join_all;
use headstart_devnet::HandBid;
use headstart_types::ForkName;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{RELAY, World};

/// Clusters from the smallest to the largest.
const OPERATORS: [usize; 3] = [4, 7, 13];
/// When the others ask, in milliseconds after the first one, whose process has told the other processes by then.
const ASK_WITHIN_MS: std::ops::Range<u64> = 100..600;
/// How often builders outbid each other meanwhile, and how often in all.
const RISES_EVERY: Duration = Duration::from_millis(50);
const RISES: u16 = 1_200;
/// Longer than the slowest machine takes for one cluster.
const STICKY: &str = "cutoff_ms = 3900\nsticky = true\nsticky_ms = 12000";

#[tokio::test(flavor = "multi_thread")]
async fn operators_at_random_moments_and_processes_get_one_header_while_bids_rise() {
    let world = World::new().await;
    let relay = &world.relays[0];
    let validators: Vec<_> = (0..).map(validator).take(OPERATORS.len()).collect();
    let setup = Service::on(&world.network).redis(&world.redis.url()).registry(&world.database.url());
    let setup = setup.relay_with("one", relay, &format!("{RELAY}\nmin_gap_ms = 20\ncalls_max = 1000"));
    let setup = setup.cluster_with("alpha", &["one"], &validators, STICKY);
    let (one, two, three) =
        tokio::join!(Process::start(&setup), Process::start(&setup), Process::start(&setup));
    let processes = [one, two, three];
    let rising = async {
        for step in 1..=RISES {
            let value = eth(&format!("0.{:04}", 1_000 + step));
            relay.set_bid(SLOT, HandBid { value, block: u64::from(step) });
            tokio::time::sleep(RISES_EVERY).await;
        }
    };
    let mut random = StdRng::seed_from_u64(13);
    let asking = async {
        for (operators, proposer) in OPERATORS.into_iter().zip(&validators) {
            let request = header_request(&auction(proposer));
            let first = processes[0].client().call(&request).await.bid(ForkName::Fulu);
            let asks = (1..operators).map(|_| {
                let (process, after_ms) =
                    (random.random_range(0..processes.len()), random.random_range(ASK_WITHIN_MS));
                let (client, request) = (processes[process].client(), &request);
                async move {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    (process, after_ms, client.call(request).await.bid(ForkName::Fulu))
                }
            });
            let later = join_all(asks.collect::<Vec<_>>()).await;
            for (process, after_ms, bid) in later {
                // Who holds the server for dead neither tells others nor is told.
                if [0, process].iter().any(|process| processes[*process].missed_redis()) {
                    println!("{operators} operators: process {process} went ahead by itself");
                    continue;
                }
                assert_eq!(bid, first, "{operators} operators: process {process} after {after_ms} ms");
            }
        }
    };
    tokio::select! {
        () = asking => {}
        () = rising => panic!("bids rise for a minute, and the operators took longer"),
    }
}
