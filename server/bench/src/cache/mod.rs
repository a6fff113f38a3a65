//! `bench cache`: the cache beside what it is made of.

mod arrivals;
mod dashboard;
mod l1;
mod l2;
mod many;
mod memory;
mod mix;
mod stampede;

use std::time::{Duration, Instant};

use tidemark_cache::Policy;

use crate::error::Result;
use crate::report::{Report, Row};
use crate::servers::{Servers, blocking};
use crate::worker::Launcher;

/// What to measure, and how to show it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// A quarter of the time, for rougher figures
    #[arg(long)]
    pub quick: bool,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Only the parts whose name begins so: l1, l2, many, stampede, memory, mix, dashboard
    #[arg(long, value_name = "PART")]
    pub only: Option<String>,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Pairs of slices of hits in memory.
    pub l1_slices: usize,
    /// Pairs of slices of hits in Redis.
    pub l2_slices: usize,
    /// Length of a slice of hits in Redis.
    pub l2_slice: Duration,
    /// Calls for a hundred keys.
    pub rounds: usize,
    /// Readers of one cold key.
    pub readers: usize,
    /// How long they leave its load to the process that began it, if none is killed; they wait half as long for a word
    /// from Redis.
    pub lease: Duration,
    /// Entries weighed.
    pub entries: u64,
    /// Keys by Zipf's law.
    pub mix_keys: usize,
    /// Reads a second of each such stream.
    pub mix_rate: f64,
    /// Life of their entries.
    pub mix_life: Duration,
    /// How long they are counted.
    pub mix_length: Duration,
    /// The dashboard's reads a second.
    pub dashboard_rate: f64,
    /// How long they last, twice.
    pub dashboard_length: Duration,
}

impl Size {
    /// About two minutes.
    #[must_use]
    pub fn full() -> Self {
        Self {
            l1_slices: 400,
            l2_slices: 20,
            l2_slice: Duration::from_millis(300),
            rounds: 2_000,
            readers: 10_000,
            lease: Policy::default().lease_for,
            entries: 200_000,
            mix_keys: 5_000,
            mix_rate: 2_500.0,
            mix_life: Duration::from_secs(1),
            mix_length: Duration::from_secs(15),
            dashboard_rate: 5_000.0,
            dashboard_length: Duration::from_secs(12),
        }
    }

    /// About half a minute.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            l1_slices: 60,
            l2_slices: 5,
            l2_slice: Duration::from_millis(150),
            rounds: 400,
            entries: 50_000,
            mix_life: Duration::from_millis(500),
            mix_length: Duration::from_secs(5),
            dashboard_length: Duration::from_secs(5),
            ..Self::full()
        }
    }
}

/// Measures all, or the parts whose name begins with `only`. Progress goes to standard error.
///
/// # Errors
/// Servers cannot be started or reached, or a measurement broke off.
pub async fn measure(launcher: &Launcher, size: Size, only: Option<&str>) -> Result<Report> {
    let mut report = Report::default();
    let mut outlived = None;
    let begun = Instant::now();
    let is_wanted = |part: &str| only.is_none_or(|only| part.starts_with(only));
    let tell = |what: &str| eprintln!("{:>6.1} s  {what}", begun.elapsed().as_secs_f64());
    if is_wanted("l1") {
        tell("hits in memory");
        report.rows.extend(blocking(move || l1::measure(size.l1_slices)).await?);
    }
    if is_wanted("memory") {
        tell("what entries take");
        report.rows.extend(memory::measure(launcher, size.entries).await?);
    }
    if !["l2", "many", "stampede", "mix", "dashboard"].into_iter().any(is_wanted) {
        return Ok(report);
    }
    tell("starting Redis, and a cluster of six");
    let servers = Servers::start().await?;
    let places = [("one node", &servers.node), ("cluster", &servers.cluster)];
    if is_wanted("l2") {
        for (place, url) in places {
            tell(&format!("hits in Redis, {place}"));
            report.rows.extend(l2::measure(place, url, size.l2_slices, size.l2_slice).await?);
        }
    }
    if is_wanted("many") {
        tell("a hundred keys of the cluster");
        report.rows.extend(many::measure(&servers.cluster, size.rounds).await?);
        if servers.are_own() {
            tell("the same a network away");
            report.rows.extend(many::measure_far(size.rounds / 4).await?);
        }
    }
    if is_wanted("stampede") {
        tell("many readers of one cold key");
        report.rows.push(stampede::here(&servers.node, size.readers).await?);
        for (place, url) in places {
            report.rows.extend(stampede::apart(launcher, place, url, size.readers, size.lease).await?);
        }
        for (place, url) in places {
            report.rows.extend(stampede::holder_killed(launcher, place, url, size.readers).await?);
        }
    }
    if is_wanted("mix") {
        tell("reads by Zipf's law");
        let mix = mix::Size {
            keys: size.mix_keys,
            rate: size.mix_rate,
            life: size.mix_life,
            length: size.mix_length,
        };
        let (rows, tally) = mix::measure(&servers.node, mix).await?;
        report.rows.extend(rows);
        outlived = Some(tally);
    }
    if is_wanted("dashboard") {
        tell("the dashboard's reads");
        let (rows, tally) =
            dashboard::measure(&servers.node, size.dashboard_rate, size.dashboard_length).await?;
        report.rows.extend(rows);
        outlived.get_or_insert_default().add(&tally);
    }
    if let Some(tally) = outlived {
        let row = Row::new("reads answered past the hard life", tally.outlived as f64, "reads");
        report.rows.push(
            row.judged("0", tally.outlived == 0)
                .note(format!("of {} reads by Zipf's law and of the dashboard", tally.reads)),
        );
    }
    servers.tidy().await?;
    tell("done");
    Ok(report)
}
