//! How much faster than looking at every epoch is the graph, and what does it miss?
//!
//! Prints ratios within one run, which hold on any machine: processor time of exact search over that of the graph, and
//! the share of the ten best that the graph finds. `cargo bench --bench search [EPOCHS] [NUMBERS]`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

mod nights;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use nocturne_encoder::Embedding;
use nocturne_index::{Collection, ExactIndex, HnswIndex, HnswSettings, SearchRequest, VectorIndex};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use nights::{centres, fill, near_one_of};

/// Hits that are asked for.
const K: usize = 10;
/// Queries of each kind.
const QUERIES: usize = 200;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let n_epochs = numbers.first().copied().unwrap_or(100_000);
    let dim = numbers.get(1).copied().unwrap_or(64);
    let folder = tempfile::tempdir()?;
    let mut random = Pcg64Mcg::seed_from_u64(20);
    let centres = centres(dim, &mut random);
    fill(folder.path(), n_epochs, &centres, &mut random)?;

    let exact = Arc::new(ExactIndex::open(&Collection::open(folder.path())?)?);
    let begin = Instant::now();
    let graph = HnswIndex::build(
        Arc::clone(&exact),
        HnswSettings { exact_below: 0, ..HnswSettings::default() },
    )?;
    let build_s = begin.elapsed().as_secs_f64();
    let queries: Vec<Embedding> =
        (0..QUERIES).map(|_| near_one_of(&centres, &mut random)).collect::<Result<_>>()?;
    let request = SearchRequest::nearest(K);
    let (exact_s, truth) = timed(&*exact, &queries, &request)?;
    let (graph_s, found) = timed(&graph, &queries, &request)?;
    let hits: usize = truth
        .iter()
        .zip(&found)
        .map(|(truth, found)| found.iter().filter(|epoch| truth.contains(epoch)).count())
        .sum();
    println!("epochs {n_epochs}, numbers {dim}, queries {QUERIES}, nearest {K}");
    println!("exact over graph, time of a query     {:8.2}", exact_s / graph_s);
    println!("building over one exact query         {:8.0}", build_s / (exact_s / QUERIES as f64));
    println!("share of the nearest that is found    {:8.4}", hits as f64 / (K * QUERIES) as f64);
    Ok(())
}

/// Returns the seconds of all queries, and the epochs that each finds.
fn timed(
    index: &dyn VectorIndex,
    queries: &[Embedding],
    request: &SearchRequest,
) -> Result<(f64, Vec<Vec<String>>)> {
    let begin = Instant::now();
    let found = queries
        .iter()
        .map(|query| index.search(query, request))
        .collect::<Result<Vec<_>, nocturne_index::Error>>()?;
    let seconds = begin.elapsed().as_secs_f64();
    let names = |hits: Vec<nocturne_index::Hit>| {
        hits.into_iter().map(|hit| hit.epoch.to_string()).collect::<Vec<_>>()
    };
    Ok((seconds, found.into_iter().map(names).collect()))
}
