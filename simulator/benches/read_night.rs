//! How much processor time and memory does it take to bring a night into the encoder's form, beside Python?
//!
//! A simulated night of eight hours, 14 signals in 44 MB as in SHHS, is opened, read and written out as the encoder's
//! input, epoch by epoch. Where `NOCTURNE_BENCH_PYTHON` names an interpreter with pyedflib, SciPy and MNE, `read_night.py`
//! beside this file does the same with them, and the ratios hold on any machine. `cargo bench -p
//! nocturne-simulator --bench read_night`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{Night, Recording, ZScore};
use nocturne_simulator::{NightSpec, Site, simulate};

/// Each reading is done as often, and the quickest counts.
const ROUNDS: usize = 5;
/// Most that our reading may take: a share of the processor time of others, and memory.
const BARS: [(&str, f64); 2] = [("mne", 1.0 / 10.0), ("pyedflib", 1.0 / 4.0)];
const MEMORY_BAR_MIB: f64 = 256.0;

type Failure = Box<dyn std::error::Error>;

/// What one reading took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_s: f64,
    peak_mib: f64,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        // A process of its own for each reading: its peak of memory is that of the reading alone.
        (Some("read"), Some(path)) => read(Path::new(&path)),
        (Some("--bench"), _) => measure(),
        (Some(_) | None, _) => {
            println!("skipped: run by `cargo bench`");
            Ok(())
        }
    }
}

/// Reads a recording and prints processor seconds, peak memory in MiB, and a sum over all bits of the input.
fn read(path: &Path) -> Result<(), Failure> {
    let begin = Instant::now();
    let recording = Recording::open(path)?;
    let night = Night::read(&recording, ZScore::Recording)?;
    let mut input = vec![0.0f32; INPUT_LEN];
    for epoch_idx in 0..night.epochs().len() {
        night.write_input(epoch_idx, &mut input);
    }
    let cpu_s = cpu_s().unwrap_or_else(|| begin.elapsed().as_secs_f64());
    // Once more, to see that a faster reading reads the same.
    let mut checksum = 0u64;
    for epoch_idx in 0..night.epochs().len() {
        night.write_input(epoch_idx, &mut input);
        let bits = |sum: u64, x: &f32| sum.wrapping_mul(31).wrapping_add(u64::from(x.to_bits()));
        checksum = input.iter().fold(checksum, bits);
    }
    println!("{cpu_s} {} {checksum:016x}", peak_mib().unwrap_or(f64::NAN));
    Ok(())
}

fn measure() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = simulated_night(folder.path())?;
    let bytes = std::fs::metadata(&path)?.len();
    println!("an eight-hour night of 14 signals, {:.1} MB", bytes as f64 / 1e6);
    let mut ours = Command::new(std::env::current_exe()?);
    let (ours, checksum) = quickest(ours.arg("read").arg(&path))?;
    print_cost("nocturne", ours);
    println!("{:12} input {checksum}", "");
    println!("{:12} memory {}", "", verdict(ours.peak_mib <= MEMORY_BAR_MIB, "256 MiB"));
    let Some(python) = python() else {
        println!("skipped: NOCTURNE_BENCH_PYTHON names no interpreter to compare with");
        return Ok(());
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/read_night.py");
    for (with, bar) in BARS {
        // Libraries that start a thread for each core would be charged for their waiting.
        let mut command = Command::new(&python);
        command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
        let (theirs, _) = quickest(command.arg(&script).arg(with).arg(&path))?;
        print_cost(with, theirs);
        let share = ours.cpu_s / theirs.cpu_s;
        let met = verdict(share <= bar, &format!("{bar:.2}"));
        println!("{:12} nocturne takes {share:.3} of its processor time, {met}", "");
    }
    Ok(())
}

/// Writes the night; the ECG has 250 Hz, as in the files of the later visits.
fn simulated_night(folder: &Path) -> Result<PathBuf, Failure> {
    let spec = NightSpec { seed: 1, night: 1, hours: 8.0, site: Some(Site::Shhs) };
    let mut night = simulate(&spec);
    for (header, samples) in &mut night.signals {
        if header.label == "ECG" {
            header.samples_per_record *= 2;
            let next = samples.iter().skip(1).chain(samples.last());
            let pairs = samples.iter().zip(next).map(|(a, b)| [*a, f32::midpoint(*a, *b)]);
            *samples = pairs.flatten().collect();
        }
    }
    Ok(night.write(folder)?.recording)
}

/// Runs a reading several times and returns the cost of the quickest, with the rest of what it printed.
fn quickest(command: &mut Command) -> Result<(Cost, String), Failure> {
    let mut best: Option<(Cost, String)> = None;
    for _ in 0..ROUNDS {
        let output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut words = text.split_whitespace();
        let mut number = || words.next().unwrap_or_default().parse::<f64>();
        let cost = Cost { cpu_s: number()?, peak_mib: number()? };
        if best.as_ref().is_none_or(|(best, _)| cost.cpu_s < best.cpu_s) {
            best = Some((cost, words.collect::<Vec<_>>().join(" ")));
        }
    }
    best.ok_or_else(|| "no reading was made".into())
}

fn print_cost(name: &str, Cost { cpu_s, peak_mib }: Cost) {
    println!("{name:12} {cpu_s:8.3} s of processor time, at most {peak_mib:.0} MiB");
}

fn verdict(is_met: bool, bar: &str) -> String {
    format!("{} (bar: {bar})", if is_met { "met" } else { "missed" })
}

/// Returns the processor time of this process in seconds: it has one thread.
fn cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

/// Returns the peak of resident memory in MiB.
fn peak_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no command line of its own")]
fn python() -> Option<std::ffi::OsString> {
    std::env::var_os("NOCTURNE_BENCH_PYTHON")
}
