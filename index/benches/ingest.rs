//! Benchmark: epochs committed per second, with every recording durable before the next one starts.
//!
//! `cargo bench -p nocturne-index --bench ingest -- [--rows N] [--dim N]` prints a line of JSON.
//! The time includes hashing, writing and synchronising, but not generating the vectors.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod clusters;
mod nights;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use nocturne_index::{CollectionWriter, FolderWriter};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde_json::json;

use clusters::NIGHT;

fn main() -> Result<()> {
    let (mut rows, mut dim) = (100_000_usize, 512_usize);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("`{argument}` has no value"));
        match argument.as_str() {
            "--rows" => rows = value()?.parse()?,
            "--dim" => dim = value()?.parse()?,
            // Cargo passes `--bench` to every benchmark; the output is always JSON.
            "--bench" | "--json" => {}
            _ => bail!("unknown argument `{argument}`; expected `--rows N`, `--dim N`"),
        }
    }
    let mut random = Pcg64Mcg::seed_from_u64(21);
    let centres = clusters::centres(dim, &mut random);
    let folder = tempfile::tempdir()?;
    let mut writer = FolderWriter::create(folder.path(), &nights::space(dim))?;
    let mut seconds: Vec<f64> = Vec::new();
    let mut n_bytes = 0;
    for night in 0..rows.div_ceil(NIGHT) {
        let epochs = clusters::epochs(NIGHT.min(rows - night * NIGHT), &centres, &mut random)?;
        let draft = nights::draft(night, epochs);
        let start = Instant::now();
        n_bytes += writer.commit(draft)?.segment.length;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let total_s: f64 = seconds.iter().sum();
    seconds.sort_by(f64::total_cmp);
    let percentile_ms =
        |share: f64| 1e3 * seconds[(share * (seconds.len() - 1) as f64).round() as usize];
    let line = json!({
        "name": "ingest",
        "rows": rows,
        "dim": dim,
        "recordings": seconds.len(),
        "rows_per_s": rows as f64 / total_s,
        "bytes_per_row": n_bytes as f64 / rows as f64,
        "commit_p50_ms": percentile_ms(0.5),
        "commit_p99_ms": percentile_ms(0.99),
    });
    println!("{line}");
    Ok(())
}
