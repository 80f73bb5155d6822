//! How long do questions about every epoch take, against merely reading what they read?
//!
//! ```text
//! cargo bench -p nocturne-index --bench scan -- [--rows N] [--numbers N] [--json] [--gemm]
//! ```
//!
//! Prints a line for each kind of question: wall-clock milliseconds for a million epochs, and the ratio to reading the same
//! bytes on as many threads in the same run, which holds on any machine. The kinds take turns, and the middle one of their
//! times counts. The first line tells how long opening took, and the memory after all questions. `--gemm` gives the labels in
//! single precision as well, by the crate of that name on as many threads.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

mod by_gemm;
mod clusters;
mod memory;
mod nights;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nocturne_index::{
    Collection, CollectionWriter, ExactIndex, Recording, ScoreTable, SearchRequest, VectorIndex,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde_json::json;

use by_gemm::Matrices;
use clusters::NIGHT;
use memory::Memory;

/// How often each kind of question is asked.
const ROUNDS: usize = 11;
/// Hits that are asked for.
const K: usize = 10;
/// Prompts of a set of labels.
const LABELS: usize = 64;
/// Cosine from which an epoch counts in a night.
const THRESHOLD: f32 = 0.3;

fn main() -> Result<()> {
    let Arguments { rows, numbers, json, gemm } = Arguments::read()?;
    let folder = tempfile::tempdir()?;
    let mut random = Pcg64Mcg::seed_from_u64(21);
    let centres = clusters::centres(numbers, &mut random);
    fill(folder.path(), rows, &centres, &mut random)?;
    let (before, begin) = (Memory::now()?, Instant::now());
    let index = ExactIndex::new(Collection::open(folder.path())?.segments()?);
    let open_s = begin.elapsed().as_secs_f64();
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
        black_box(index.score_all(&prompts[..1], |_| true, found)?);
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
            let begin = Instant::now();
            ask()?;
            times.push(begin.elapsed().as_secs_f64());
        }
    }
    let [read_s, ref others @ ..] = times.into_iter().map(median).collect::<Vec<_>>()[..] else {
        bail!("there is a time for each kind");
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
                "numbers": numbers,
            });
            println!("{line}");
        } else {
            println!(
                "{name:12} {ms_per_million:9.2} ms for a million, {ratio:6.2} times reading ({kernel}, {threads} threads)"
            );
        }
    }
    Ok(())
}

/// Prints how long opening took, and the memory that came since.
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
            "opened in {open_ms:.1} ms; {own:.0} bytes of own memory and {mapped:.0} of files for each epoch"
        );
    }
    Ok(())
}

/// Writes nights of so many epochs altogether.
fn fill(folder: &Path, n_epochs: usize, centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<()> {
    let mut writer = CollectionWriter::create(folder, &nights::space(centres[0].len()))?;
    for (night, start) in (0..n_epochs).step_by(NIGHT).enumerate() {
        let epochs = clusters::epochs(NIGHT.min(n_epochs - start), centres, random)?;
        writer.commit(nights::draft(night, epochs))?;
    }
    Ok(())
}

struct Arguments {
    rows: usize,
    numbers: usize,
    json: bool,
    gemm: bool,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self { rows: 200_000, numbers: 512, json: false, gemm: false };
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
                "--numbers" => read.numbers = number()?,
                "--json" => read.json = true,
                "--gemm" => read.gemm = true,
                // Cargo says so to every benchmark.
                "--bench" => {}
                _ => bail!(
                    "`{argument}` is no argument; expected `--rows N`, `--numbers N`, `--json`, `--gemm`"
                ),
            }
        }
        Ok(read)
    }
}

/// Returns how many epochs of a night count, as a question about nights does.
fn found(_: &Recording, scores: &ScoreTable) -> usize {
    scores.query(0).filter(|score| *score >= THRESHOLD).count()
}

/// Returns the nearest prompt of each epoch.
fn labels(_: &Recording, scores: &ScoreTable) -> Vec<usize> {
    (0..scores.n_epochs()).map(|row| greatest(scores.row(row))).collect()
}

/// Returns where the greatest score is.
fn greatest(scores: &[f32]) -> usize {
    // Eight at a time, which the compiler compares at once.
    let (eights, rest) = scores.as_chunks::<8>();
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; 8];
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, score)| *lane = greater(*lane, *score));
    }
    let greatest = lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater);
    scores
        .iter()
        .position(|score| *score == greatest)
        .expect("there are scores, and all are finite")
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
