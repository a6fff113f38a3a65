//! Promise 3 by a model: whatever comes in whatever order, no version goes back, and after the last fault everybody soon
//! has the newest.
//!
//! A driver of our own, not `proptest`: real servers and clocks make two runs of one input differ, so that shrinking by
//! trying parts of the input again would mostly find runs that pass by chance. Checks come after each step, so that what
//! fails is the end of the shortest list already; of a failure at the very end shorter beginnings of the same list are
//! tried.

use std::time::Duration;

use crate::model::{World, steps};

/// Five seconds are promised; a busy machine gets more.
const SOON: Duration = Duration::from_secs(15);
const STEPS: usize = 100;

/// Runs the beginning of a seed's list. The error says after how many steps something was wrong.
async fn run(seed: u64, count: usize) -> Result<(), (usize, String)> {
    let mut world = World::new().await;
    for (at, step) in steps(seed, count).into_iter().enumerate() {
        world.step(step).await.map_err(|wrong| (at + 1, wrong))?;
    }
    world.heal(SOON).await.map_err(|wrong| (count, wrong))
}

async fn holds(seed: u64) {
    let Err((mut count, mut wrong)) = run(seed, STEPS).await else { return };
    // Half of it, three quarters and so on: as many as fail again.
    let mut less = count / 2;
    while count > 1 && less < count {
        match run(seed, less).await {
            Err((at, why)) => {
                (count, wrong) = (at, why);
                less = count / 2;
            }
            Ok(()) => less += (count - less).div_ceil(2).max(1),
        }
    }
    let lines: Vec<String> = steps(seed, count).iter().map(|step| format!("{step:?}")).collect();
    panic!("seed {seed}, {count} steps: {wrong}\n{}", lines.join("\n"));
}

macro_rules! seeds {
    ($($name:ident: $seed:expr),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                holds($seed).await;
            }
        )*
    };
}

seeds! {
    no_version_goes_back_1: 1,
    no_version_goes_back_2: 2,
    no_version_goes_back_3: 3,
    no_version_goes_back_4: 4,
    no_version_goes_back_5: 8_624_341_219_441_332_245,
    no_version_goes_back_6: 632_761_179_219_812_364,
}

/// Runs the seed that `TIDEMARK_TEST_SEED` names, or another one each time: to search for long, and to look into a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for seeds of one's own"]
async fn no_version_goes_back_of_this_seed() {
    let seed = std::env::var("TIDEMARK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    holds(seed.unwrap_or_else(|| fastrand::u64(..))).await;
}
