//! Benchmark: time and memory to open the concept tracks of a collection, in a folder and in a Qdrant double.
//!
//! `cargo bench -p nocturne-index --bench tracks -- [--nights N] [--epochs N] [--bytes N]` prints a line of JSON for each
//! store. The collection is read by a process of its own, so that its memory is that of a reader. If the system allows it,
//! the cache of files is dropped before the first of two readers of the folder.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod memory;
mod nights;

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use nocturne_index::{Location, TrackDraft};
use nocturne_psg::RecordingId;
use nocturne_qdrant_double::QdrantDouble;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

use memory::Memory;

const VERSION: &str = "bundle 5d41, registry 7, calibration 3";

/// Dimension of the vectors, of which each night has one: only tracks are measured.
const DIM: usize = 2;

#[derive(Debug, Clone, Copy)]
struct Size {
    nights: usize,
    /// Epochs of a night.
    epochs: usize,
    /// Bytes of a track for each epoch.
    bytes: usize,
}

fn main() -> Result<()> {
    let mut size = Size { nights: 12_000, epochs: 1_000, bytes: 30 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("`{argument}` has no value"));
        match argument.as_str() {
            "--nights" => size.nights = value()?.parse()?,
            "--epochs" => size.epochs = value()?.parse()?,
            "--bytes" => size.bytes = value()?.parse()?,
            "--reader" => return print_reading(&value()?.parse()?),
            // Cargo passes `--bench` to every benchmark; the output is always JSON.
            "--bench" | "--json" => {}
            _ => bail!("unknown argument `{argument}`; expected `--nights`, `--epochs`, `--bytes`"),
        }
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_string_lossy().into_owned();
    let write_s = fill(&path.parse()?, size)?;
    let is_cold = drop_cached_files();
    let first = read_elsewhere(&path)?;
    report("folder", if is_cold { "cold" } else { "unknown" }, size, write_s, &first);
    report("folder", "warm", size, write_s, &read_elsewhere(&path)?);
    let double = QdrantDouble::start();
    let address = double.url("sleep");
    let write_s = fill(&address.parse()?, size)?;
    report("qdrant double", "none", size, write_s, &read_elsewhere(&address)?);
    Ok(())
}

/// Commits nights of one epoch, and then their tracks; returns the time of the latter in seconds.
fn fill(location: &Location, size: Size) -> Result<f64> {
    let mut writer = location.open_or_create(&nights::space(DIM))?;
    let mut random = Pcg64Mcg::seed_from_u64(31);
    for night in 0..size.nights {
        let vector = nocturne_encoder::Embedding::new(vec![1.0, night as f32])?;
        writer.commit(nights::draft(night, vec![vector]))?;
    }
    let names: Vec<RecordingId> = (0..size.nights).map(nights::name).collect();
    let mut write_s = 0.0;
    for names in names.chunks(256) {
        let draft = |name: &RecordingId| {
            let mut bytes = vec![0; size.epochs * size.bytes];
            random.fill_bytes(&mut bytes);
            Ok((name.clone(), TrackDraft::new(VERSION, bytes)?))
        };
        let tracks = names.iter().map(draft).collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        writer.put_tracks(&tracks)?;
        write_s += start.elapsed().as_secs_f64();
    }
    Ok(write_s)
}

/// Opens a collection and uses every byte of its tracks twice, and prints how long it took.
fn print_reading(location: &Location) -> Result<()> {
    let reader = location.open()?;
    let before = Memory::now()?;
    let entries = reader.entries();
    let start = Instant::now();
    let tracks = reader.tracks(Some(VERSION), &entries)?;
    let open_s = start.elapsed().as_secs_f64();
    let opened = before.growth(1)?;
    let mut use_s = Vec::new();
    let mut sum = 0;
    for _ in 0..2 {
        let start = Instant::now();
        for track in &tracks {
            let bytes = track.bytes().map_err(Clone::clone)?;
            sum += bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>();
        }
        use_s.push(start.elapsed().as_secs_f64());
    }
    ensure!(sum > 0, "the tracks are random");
    let used = before.growth(1)?;
    let mib = |[own, of_files]: [f64; 2]| [own / f64::from(1 << 20), of_files / f64::from(1 << 20)];
    println!(
        "{}",
        json!({
            "open_s": open_s,
            "first_use_s": use_s[0],
            "next_use_s": use_s[1],
            "own_and_mapped_mib_opened": mib(opened),
            "own_and_mapped_mib_used": mib(used),
        })
    );
    Ok(())
}

fn read_elsewhere(location: &str) -> Result<Value> {
    let output = Command::new(std::env::current_exe()?).args(["--reader", location]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes the system forget the content of files, which it allows to its administrator alone; returns whether it did.
fn drop_cached_files() -> bool {
    let synced = Command::new("sync").status().is_ok_and(|status| status.success());
    synced && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn report(store: &str, cache: &str, size: Size, write_s: f64, reading: &Value) {
    let Size { nights, epochs, bytes } = size;
    let line = json!({
        "name": "tracks",
        "store": store,
        "cache": cache,
        "nights": nights,
        "epochs": nights * epochs,
        "bytes_per_epoch": bytes,
        "write_s": write_s,
        "reading": reading,
    });
    println!("{line}");
}
