//! The measurements in a small size: what they count must be right, how long it takes is not looked at.

use std::path::PathBuf;
use std::time::Duration;

use tidemark_bench::cache::{Size, measure};
use tidemark_bench::{Launcher, Row};
use tidemark_cache::MAX_LEASE;

fn launcher() -> Launcher {
    Launcher {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tidemark-bench")),
        arguments: vec!["worker".into()],
    }
}

fn tiny() -> Size {
    Size {
        l1_slices: 2,
        l2_slices: 1,
        l2_slice: Duration::from_millis(50),
        rounds: 5,
        readers: 400,
        // Leases save loads for as long as they last: one that a stalled machine outlives would count as a second load.
        lease: MAX_LEASE,
        entries: 5_000,
        mix_keys: 300,
        mix_rate: 400.0,
        mix_life: Duration::from_millis(500),
        mix_length: Duration::from_secs(4),
        dashboard_rate: 500.0,
        dashboard_length: Duration::from_secs(1),
    }
}

fn find<'a>(rows: &'a [Row], what: &str) -> &'a Row {
    rows.iter().find(|row| row.what.starts_with(what)).unwrap_or_else(|| panic!("no row {what} in {rows:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_measures_and_counts_right() {
    let report = measure(&launcher(), tiny(), None).await.expect("measures");
    let rows = &report.rows;
    // Each of them failed if a read of a key that is there was no hit.
    for what in [
        "L1 hit, 1 thread",
        "L1 hit, 2 threads",
        "L2 hit, 64 readers, 1 kB, one node",
        "L2 hit, 64 readers, 1 kB, cluster",
        "get_many_or_load",
        "the same beside redis-rs",
        "the same, 0.25 ms away each way",
    ] {
        let row = find(rows, what);
        assert!(row.measured > 0.0 && row.limit.is_some_and(|limit| limit > 0.0), "{row:?}");
    }
    for place in ["one node", "cluster"] {
        let loads = find(rows, &format!("cold key, 400 readers, 4 processes, {place}")).measured;
        // A lease cannot be asked for, nor a value be found, where Redis does not answer: on a machine that stood still.
        let silent = find(rows, &format!("Redis was silent meanwhile, {place}")).measured;
        assert!(loads == 1.0 || (2.0..=1.0 + silent).contains(&loads), "{rows:?}");
        let after_kill = find(rows, &format!("the same, its holder killed, {place}")).measured;
        // The killed one's, and one at least of those who go on.
        assert!((2.0..=4.0).contains(&after_kill), "{rows:?}");
    }
    assert_eq!(find(rows, "cold key, 400 readers, 1 process").measured, 1.0);
    assert_eq!(find(rows, "reads answered past the hard life").measured, 0.0);
    for exponent in ["0.8", "1.0", "1.2"] {
        let row = find(rows, &format!("hit ratio, Zipf {exponent}, plain TTL"));
        let expected = row.limit.expect("a theory");
        // 1,600 reads: three standard deviations are four points; loads in a busy minute take their part.
        assert!((row.measured - expected).abs() < 8.0, "{row:?}");
    }
    let table = report.table();
    assert!(rows.iter().all(|row| table.contains(&row.what)), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_part_alone_needs_no_servers() {
    let report = measure(&launcher(), tiny(), Some("l1")).await.expect("measures");
    assert_eq!(report.rows.len(), 2);
}
