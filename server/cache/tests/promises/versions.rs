//! Promise 3 by a model: whatever comes in whatever order, no version goes back, and after the last fault everybody soon
//! has the newest.
//!
//! A driver of our own, not `proptest`: real servers and clocks make two runs of one input differ, so that shrinking by
//! trying parts of the input again would mostly find runs that pass by chance. Checks come after each step, so that what
//! fails is the end of the shortest list already; of a failure at the very end shorter beginnings of the same list are
//! tried.

use std::time::Duration;

use crate::model::{Kind, Step, World, steps};

/// Five seconds are promised; a busy machine gets more.
const SOON: Duration = Duration::from_secs(15);

/// How many steps: of a cluster each takes longer.
fn length(kind: Kind) -> usize {
    match kind {
        Kind::Node => 100,
        Kind::Cluster => 60,
    }
}

/// Runs the beginning of a seed's list. The error says after how many steps something was wrong.
async fn run(kind: Kind, seed: u64, count: usize) -> Result<(), (usize, String)> {
    let mut world = World::new(kind).await;
    for (at, step) in steps(kind, seed, count).into_iter().enumerate() {
        world.step(step).await.map_err(|wrong| (at + 1, wrong))?;
    }
    world.heal(SOON).await.map_err(|wrong| (count, wrong))
}

async fn holds(kind: Kind, seed: u64) {
    let Err((mut count, mut wrong)) = run(kind, seed, length(kind)).await else { return };
    // Half of it, three quarters and so on: as many as fail again.
    let mut less = count / 2;
    while count > 1 && less < count {
        match run(kind, seed, less).await {
            Err((at, why)) => {
                (count, wrong) = (at, why);
                less = count / 2;
            }
            Ok(()) => less += (count - less).div_ceil(2).max(1),
        }
    }
    let lines: Vec<String> = steps(kind, seed, count).iter().map(|step| format!("{step:?}")).collect();
    panic!("{kind:?}, seed {seed}, {count} steps: {wrong}\n{}", lines.join("\n"));
}

macro_rules! seeds {
    ($($name:ident: $kind:ident, $seed:expr);* $(;)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                holds(Kind::$kind, $seed).await;
            }
        )*
    };
}

seeds! {
    no_version_goes_back_1: Node, 1;
    no_version_goes_back_2: Node, 2;
    no_version_goes_back_3: Node, 3;
    no_version_goes_back_4: Node, 4;
    no_version_goes_back_5: Node, 8_624_341_219_441_332_245;
    no_version_goes_back_6: Node, 632_761_179_219_812_364;
    no_version_goes_back_on_a_cluster_1: Cluster, 1;
    no_version_goes_back_on_a_cluster_2: Cluster, 2;
}

/// What the lists of the cluster are there for is in them.
#[test]
fn clusters_are_disturbed_in_their_own_ways() {
    let all: Vec<Step> = (1..=2).flat_map(|seed| steps(Kind::Cluster, seed, length(Kind::Cluster))).collect();
    let count = |is_it: fn(&Step) -> bool| all.iter().filter(|step| is_it(step)).count();
    assert!(count(|step| matches!(step, Step::LoseNode { .. })) > 1);
    assert!(count(|step| matches!(step, Step::Move { .. })) > 1);
    assert!(count(|step| matches!(step, Step::MoveHalf { .. })) > 1);
    assert!(count(|step| matches!(step, Step::Failover { .. })) > 1);
    assert!(count(|step| matches!(step, Step::Clear { .. } | Step::FlushAll)) > 1);
}

fn seed_of_ones_own() -> u64 {
    let seed = std::env::var("TIDEMARK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    seed.unwrap_or_else(|| fastrand::u64(..))
}

/// Runs the seed that `TIDEMARK_TEST_SEED` names, or another one each time: to search for long, and to look into a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for seeds of one's own"]
async fn no_version_goes_back_of_this_seed() {
    holds(Kind::Node, seed_of_ones_own()).await;
}

/// As above, on a cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for seeds of one's own"]
async fn no_version_goes_back_of_this_seed_on_a_cluster() {
    holds(Kind::Cluster, seed_of_ones_own()).await;
}
