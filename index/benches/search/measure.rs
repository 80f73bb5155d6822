//! Time, memory and recall, and how they are printed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use nocturne_encoder::Embedding;
use nocturne_index::{SearchRequest, VectorIndex};
use nocturne_psg::EpochRef;
use serde_json::{Value, json};

use crate::memory::Memory;

/// Least seconds of processor time in which queries are repeated; the system counts it in hundredths.
const LEAST_CPU_S: f64 = 1.0;

/// What came of asking queries.
pub(crate) struct Asked {
    found: Vec<BTreeSet<EpochRef>>,
    n_times: usize,
    wall_s: f64,
    cpu_s: f64,
    /// Ascending.
    latencies_us: Vec<f64>,
}

impl Asked {
    /// Asks every query, and all of them again until enough time has passed; the first round only warms up.
    pub(crate) fn all(
        index: &dyn VectorIndex,
        queries: &[Embedding],
        request: &SearchRequest,
    ) -> Result<Self> {
        let find = |query| -> Result<BTreeSet<EpochRef>> {
            Ok(index.search(query, request)?.into_iter().map(|hit| hit.epoch).collect())
        };
        let found = queries.iter().map(find).collect::<Result<_>>()?;
        let mut asked =
            Self { found, n_times: 0, wall_s: 0.0, cpu_s: 0.0, latencies_us: Vec::new() };
        let (begin, cpu_s) = (Instant::now(), cpu_s()?);
        while asked.cpu_s < LEAST_CPU_S {
            for query in queries {
                let begin = Instant::now();
                std::hint::black_box(index.search(query, request)?);
                asked.latencies_us.push(begin.elapsed().as_secs_f64() * 1e6);
            }
            asked.n_times += queries.len();
            asked.cpu_s = self::cpu_s()? - cpu_s;
        }
        asked.wall_s = begin.elapsed().as_secs_f64();
        asked.latencies_us.sort_by(f64::total_cmp);
        Ok(asked)
    }

    /// What somebody else has found.
    pub(crate) fn elsewhere(found: Vec<BTreeSet<EpochRef>>) -> Self {
        Self { found, n_times: 0, wall_s: 0.0, cpu_s: 0.0, latencies_us: Vec::new() }
    }

    fn recall(&self, truth: &Self) -> f64 {
        let both = self.found.iter().zip(&truth.found).map(|(a, b)| a.intersection(b).count());
        let all: usize = truth.found.iter().map(BTreeSet::len).sum();
        both.sum::<usize>() as f64 / all.max(1) as f64
    }

    fn latency_us(&self, share: f64) -> f64 {
        let last = self.latencies_us.len() - 1;
        self.latencies_us[(share * last as f64).round() as usize]
    }
}

/// Prints what came of queries, beside what an exact index finds.
pub(crate) fn print(name: &str, setting: &Value, kind: &str, asked: &Asked, truth: &Asked) {
    let line = json!({
        "index": name,
        "setting": setting,
        "queries": kind,
        "recall_at_10": asked.recall(truth),
        "queries_per_cpu_s": asked.n_times as f64 / asked.cpu_s,
        "queries_per_s": asked.n_times as f64 / asked.wall_s,
        "cpu_us": asked.cpu_s * 1e6 / asked.n_times as f64,
        "p50_us": asked.latency_us(0.5),
        "p95_us": asked.latency_us(0.95),
        "p99_us": asked.latency_us(0.99),
    });
    println!("{line}");
}

/// Makes something and prints how long it took.
pub(crate) fn built<T>(name: &str, n_rows: usize, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let (begin, before_s) = (Instant::now(), cpu_s()?);
    let made = make()?;
    let line = json!({
        "made": name,
        "rows": n_rows,
        "wall_s": begin.elapsed().as_secs_f64(),
        "cpu_s": cpu_s()? - before_s,
    });
    println!("{line}");
    Ok(made)
}

/// Prints the memory that came since, for each row.
pub(crate) fn print_growth(before: &Memory, name: &str, n_rows: usize) -> Result<()> {
    let [own, mapped] = before.growth(n_rows)?;
    let line =
        json!({ "memory_of": name, "own_bytes_per_row": own, "mapped_bytes_per_row": mapped });
    println!("{line}");
    Ok(())
}

/// A process whose time counts beside that of this one; 0 for none.
static OTHER: AtomicU32 = AtomicU32::new(0);

/// Counts the time of another process as well from now on.
pub(crate) fn count_also(process: Option<u32>) {
    OTHER.store(process.unwrap_or(0), Ordering::Relaxed);
}

/// Returns the processor time of this process and of the other one that counts, in seconds.
fn cpu_s() -> Result<f64> {
    let other = match OTHER.load(Ordering::Relaxed) {
        0 => 0.0,
        process => cpu_s_of(&process.to_string())?,
    };
    Ok(cpu_s_of("self")? + other)
}

/// Returns the processor time of all threads of a process, those that have ended included, in seconds.
fn cpu_s_of(process: &str) -> Result<f64> {
    /// Linux counts it in ticks of a hundredth of a second on every machine.
    const TICK_S: f64 = 0.01;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold spaces.
    let (_, fields) = stat.rsplit_once(") ").context("no name in `stat`")?;
    let ticks = |place: usize| -> Result<f64> {
        Ok(fields.split(' ').nth(place).context("too few fields in `stat`")?.parse()?)
    };
    Ok(TICK_S * (ticks(11)? + ticks(12)?))
}
