//! Measures and prints time, memory and recall.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use nocturne_encoder::Embedding;
use nocturne_index::{SearchRequest, VectorIndex};
use nocturne_psg::EpochRef;
use serde_json::{Value, json};

use crate::memory::Memory;

/// Minimum processor time in seconds for which queries are repeated; Linux counts it in hundredths.
const MIN_CPU_S: f64 = 1.0;

/// The results of queries, and their time.
pub(crate) struct Measurement {
    found: Vec<BTreeSet<EpochRef>>,
    n_queries: usize,
    wall_s: f64,
    cpu_s: f64,
    /// Ascending.
    latencies_us: Vec<f64>,
}

impl Measurement {
    /// Runs all queries once to warm up, and then repeatedly until enough time has passed.
    pub(crate) fn of(
        index: &dyn VectorIndex,
        queries: &[Embedding],
        request: &SearchRequest,
    ) -> Result<Self> {
        let find = |query| -> Result<BTreeSet<EpochRef>> {
            Ok(index.search(query, request)?.into_iter().map(|hit| hit.epoch).collect())
        };
        let found = queries.iter().map(find).collect::<Result<_>>()?;
        let mut measured =
            Self { found, n_queries: 0, wall_s: 0.0, cpu_s: 0.0, latencies_us: Vec::new() };
        let (start, start_cpu_s) = (Instant::now(), cpu_s()?);
        while measured.cpu_s < MIN_CPU_S {
            for query in queries {
                let query_start = Instant::now();
                std::hint::black_box(index.search(query, request)?);
                measured.latencies_us.push(query_start.elapsed().as_secs_f64() * 1e6);
            }
            measured.n_queries += queries.len();
            measured.cpu_s = cpu_s()? - start_cpu_s;
        }
        measured.wall_s = start.elapsed().as_secs_f64();
        measured.latencies_us.sort_by(f64::total_cmp);
        Ok(measured)
    }

    /// Returns given results, without times.
    pub(crate) fn of_truth(found: Vec<BTreeSet<EpochRef>>) -> Self {
        Self { found, n_queries: 0, wall_s: 0.0, cpu_s: 0.0, latencies_us: Vec::new() }
    }

    fn recall(&self, truth: &Self) -> f64 {
        let n_common = self.found.iter().zip(&truth.found).map(|(a, b)| a.intersection(b).count());
        let n_true: usize = truth.found.iter().map(BTreeSet::len).sum();
        n_common.sum::<usize>() as f64 / n_true.max(1) as f64
    }

    fn latency_us(&self, share: f64) -> f64 {
        let last = self.latencies_us.len() - 1;
        self.latencies_us[(share * last as f64).round() as usize]
    }
}

/// Prints a measurement, with its recall relative to the true results.
pub(crate) fn print(
    name: &str,
    setting: &Value,
    kind: &str,
    measured: &Measurement,
    truth: &Measurement,
) {
    let line = json!({
        "index": name,
        "setting": setting,
        "queries": kind,
        "recall_at_10": measured.recall(truth),
        "queries_per_cpu_s": measured.n_queries as f64 / measured.cpu_s,
        "queries_per_s": measured.n_queries as f64 / measured.wall_s,
        "cpu_us": measured.cpu_s * 1e6 / measured.n_queries as f64,
        "p50_us": measured.latency_us(0.5),
        "p95_us": measured.latency_us(0.95),
        "p99_us": measured.latency_us(0.99),
    });
    println!("{line}");
}

/// Runs `work` and prints its time.
pub(crate) fn timed<T>(name: &str, n_rows: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (start, before_s) = (Instant::now(), cpu_s()?);
    let result = work()?;
    let line = json!({
        "built": name,
        "rows": n_rows,
        "wall_s": start.elapsed().as_secs_f64(),
        "cpu_s": cpu_s()? - before_s,
    });
    println!("{line}");
    Ok(result)
}

/// Prints the growth of memory since `before`, per row.
pub(crate) fn print_growth(before: &Memory, name: &str, n_rows: usize) -> Result<()> {
    let [own, mapped] = before.growth(n_rows)?;
    let line =
        json!({ "memory_of": name, "own_bytes_per_row": own, "mapped_bytes_per_row": mapped });
    println!("{line}");
    Ok(())
}

/// A process whose time is added to that of this one; 0 for none.
static OTHER: AtomicU32 = AtomicU32::new(0);

/// From now on, adds the time of another process.
pub(crate) fn count_also(process: Option<u32>) {
    OTHER.store(process.unwrap_or(0), Ordering::Relaxed);
}

/// Returns the processor time of this process, and of the other one if it is set, in seconds.
fn cpu_s() -> Result<f64> {
    let other = match OTHER.load(Ordering::Relaxed) {
        0 => 0.0,
        process => cpu_s_of(&process.to_string())?,
    };
    Ok(cpu_s_of("self")? + other)
}

/// Returns the processor time of all threads of a process, including ended ones, in seconds.
fn cpu_s_of(process: &str) -> Result<f64> {
    /// Linux reports it in hundredths of a second on every machine.
    const TICK_S: f64 = 0.01;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may contain spaces.
    let (_, fields) = stat.rsplit_once(") ").context("no name in `stat`")?;
    let ticks = |index: usize| -> Result<f64> {
        Ok(fields.split(' ').nth(index).context("too few fields in `stat`")?.parse()?)
    };
    Ok(TICK_S * (ticks(11)? + ticks(12)?))
}
