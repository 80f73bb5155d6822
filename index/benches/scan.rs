//! Benchmark: time of questions about every epoch, relative to the time of only reading the same memory.
//!
//! ```text
//! cargo bench -p nocturne-index --bench scan -- [--rows N] [--dim N] [--json] [--gemm]
//! ```
//!
//! Prints a line for each kind of question: wall-clock milliseconds per million epochs, and the ratio to reading the
//! same bytes on as many threads in the same run, which is comparable between machines. Rounds interleave the kinds, and
//! the median time counts. The first line reports the time to open the collection and the memory after all questions.
//! `--gemm` also computes the labels in single precision with the crate `gemm`, on as many threads.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod by_gemm;
mod clusters;
mod memory;
mod nights;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nocturne_index::{
    CollectionWriter, ExactIndex, FolderReader, FolderWriter, Recording, ScoreTable, SearchRequest,
    VectorIndex,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde_json::json;

use by_gemm::Matrices;
use clusters::NIGHT;
use memory::Memory;

/// Number of times each kind of question is asked.
const ROUNDS: usize = 11;
/// Number of requested hits.
const K: usize = 10;
/// Number of prompts of a label set.
const LABELS: usize = 64;
/// Minimum cosine of the epochs that are counted in a night.
const THRESHOLD: f32 = 0.3;

fn main() -> Result<()> {
    let Arguments { rows, dim, json, gemm } = Arguments::read()?;
    let folder = tempfile::tempdir()?;
    let mut random = Pcg64Mcg::seed_from_u64(21);
    let centres = clusters::centres(dim, &mut random);
    fill(folder.path(), rows, &centres, &mut random)?;
    let (before, start) = (Memory::now()?, Instant::now());
    let index = ExactIndex::new(FolderReader::open(folder.path())?.segments()?);
    let open_s = start.elapsed().as_secs_f64();
    let prompts = clusters::epochs(LABELS, &centres, &mut random)?;

    let matrices = if gemm { Some(Matrices::of(&index, &prompts)?) } else { None };

    let read = || {
        black_box(index.read_codes()?);
        Ok(())
    };
    let one_prompt = || {
        black_box(index.search(&prompts[0], &SearchRequest::nearest(K))?);
        Ok(())
    };
    let night = || {
        black_box(index.score_all(&prompts[..1], |_| true, n_found)?);
        Ok(())
    };
    let labels_64 = || {
        black_box(index.score_all(&prompts, |_| true, labels)?);
        Ok(())
    };
    let gemm_64 = || {
        black_box(matrices.as_ref().map(|matrices| matrices.labels(index.threads())));
        Ok(())
    };
    let mut kinds: Vec<(&str, &dyn Fn() -> Result<()>)> = vec![
        ("read", &read),
        ("one_prompt", &one_prompt),
        ("night", &night),
        ("labels_64", &labels_64),
    ];
    if gemm {
        kinds.push(("gemm_64", &gemm_64));
    }
    let mut times = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for ((_, ask), times) in kinds.iter().zip(&mut times) {
            let start = Instant::now();
            ask()?;
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let [read_s, ref others @ ..] = times.into_iter().map(median).collect::<Vec<_>>()[..] else {
        bail!("expected a time for each kind");
    };
    let (kernel, threads) = (index.kernel(), index.threads());
    print_open(&before, open_s, rows, json)?;
    for ((name, _), seconds) in kinds[1..].iter().zip(others) {
        let ms_per_million = seconds * 1e3 * 1e6 / rows as f64;
        let ratio = seconds / read_s;
        if json {
            let line = json!({
                "name": name,
                "ms_per_million": ms_per_million,
                "ratio_to_read": ratio,
                "kernel": kernel,
                "threads": threads,
                "rows": rows,
                "dim": dim,
            });
            println!("{line}");
        } else {
            println!(
                "{name:12} {ms_per_million:9.2} ms per million epochs, {ratio:6.2} times reading ({kernel}, {threads} threads)"
            );
        }
    }
    Ok(())
}

/// Prints the time to open the collection, and the growth of memory since then.
fn print_open(before: &Memory, open_s: f64, n_rows: usize, is_json: bool) -> Result<()> {
    let open_ms = 1e3 * open_s;
    let [own, mapped] = before.growth(n_rows)?;
    if is_json {
        let line = json!({
            "name": "open",
            "ms": open_ms,
            "own_bytes_per_row": own,
            "mapped_bytes_per_row": mapped,
        });
        println!("{line}");
    } else {
        println!(
            "opened in {open_ms:.1} ms; {own:.0} bytes of own memory and {mapped:.0} of mapped files per epoch"
        );
    }
    Ok(())
}

/// Writes nights with `n_epochs` epochs in total.
fn fill(folder: &Path, n_epochs: usize, centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<()> {
    let mut writer = FolderWriter::create(folder, &nights::space(centres[0].len()))?;
    for (night, start) in (0..n_epochs).step_by(NIGHT).enumerate() {
        let epochs = clusters::epochs(NIGHT.min(n_epochs - start), centres, random)?;
        writer.commit(nights::draft(night, epochs))?;
    }
    Ok(())
}

struct Arguments {
    rows: usize,
    dim: usize,
    json: bool,
    gemm: bool,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self { rows: 200_000, dim: 512, json: false, gemm: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<usize> {
                let value =
                    arguments.next().with_context(|| format!("`{argument}` has no value"))?;
                let number: Option<usize> = value.parse().ok().filter(|number| *number > 0);
                number.with_context(|| format!("`{argument}` is `{value}`; expected 1 or more"))
            };
            match argument.as_str() {
                "--rows" => read.rows = number()?,
                "--dim" => read.dim = number()?,
                "--json" => read.json = true,
                "--gemm" => read.gemm = true,
                // Cargo passes this to every benchmark.
                "--bench" => {}
                _ => bail!(
                    "unknown argument `{argument}`; expected `--rows N`, `--dim N`, `--json`, `--gemm`"
                ),
            }
        }
        Ok(read)
    }
}

/// Returns the number of epochs of a night that reach the threshold, as a question about nights does.
fn n_found(_: &Recording, scores: &ScoreTable) -> usize {
    scores.query(0).filter(|score| *score >= THRESHOLD).count()
}

/// Returns the nearest prompt of each epoch.
fn labels(_: &Recording, scores: &ScoreTable) -> Vec<usize> {
    (0..scores.n_epochs()).map(|row| argmax(scores.row(row))).collect()
}

/// Returns the index of the highest score.
fn argmax(scores: &[f32]) -> usize {
    // Eight lanes, so that the compiler vectorises the comparison.
    let (eights, rest) = scores.as_chunks::<8>();
    let max = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; 8];
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, score)| *lane = max(*lane, *score));
    }
    let highest = lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, max);
    scores
        .iter()
        .position(|score| *score == highest)
        .expect("every epoch has a score, and scores are finite")
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
