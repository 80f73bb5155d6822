//! Benchmark: CPU time and memory to turn a night into encoder input, compared with Python libraries.
//!
//! A simulated night (8 h, 14 signals, 44 MB, as in SHHS) is opened, read, and written to the encoder's input buffer
//! epoch by epoch. If `NOCTURNE_BENCH_PYTHON` names an interpreter with pyedflib, SciPy and MNE, `read_night.py` does the
//! same with them; the ratios are comparable between machines. `cargo bench -p
//! nocturne-simulator --bench read_night`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{Night, Recording, ZScore};
use nocturne_simulator::{NightSpec, Site, simulate};

/// Number of runs; the fastest counts.
const ROUNDS: usize = 5;
/// Maximum CPU time of Nocturne relative to each library.
const BARS: [(&str, f64); 2] = [("mne", 1.0 / 10.0), ("pyedflib", 1.0 / 4.0)];
/// Maximum resident memory in MiB.
const MEMORY_BAR_MIB: f64 = 256.0;

type Failure = Box<dyn std::error::Error>;

/// Cost of one run.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_s: f64,
    peak_mib: f64,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        // Each run is a process of its own, so that peak memory is that of the run.
        (Some("read"), Some(path)) => read(Path::new(&path)),
        (Some("--bench"), _) => measure(),
        (Some(_) | None, _) => {
            println!("skipped: run by `cargo bench`");
            Ok(())
        }
    }
}

/// Reads a recording and prints CPU seconds, peak memory in MiB, and a checksum over the encoder input.
fn read(path: &Path) -> Result<(), Failure> {
    let start = Instant::now();
    let recording = Recording::open(path)?;
    let night = Night::read(&recording, ZScore::Recording)?;
    let mut input = vec![0.0f32; INPUT_LEN];
    for epoch_idx in 0..night.epochs().len() {
        night.write_input(epoch_idx, &mut input);
    }
    let cpu_s = cpu_s().unwrap_or_else(|| start.elapsed().as_secs_f64());
    // The checksum shows that a faster version reads the same values.
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
    let (ours, checksum) = fastest(ours.arg("read").arg(&path))?;
    print_cost("nocturne", ours);
    println!("{:12} input {checksum}", "");
    println!("{:12} memory {}", "", verdict(ours.peak_mib <= MEMORY_BAR_MIB, "256 MiB"));
    let Some(python) = python() else {
        println!("skipped: set NOCTURNE_BENCH_PYTHON to compare with Python");
        return Ok(());
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/read_night.py");
    for (with, bar) in BARS {
        // One thread, because CPU time would include the spinning of idle threads.
        let mut command = Command::new(&python);
        command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
        let (theirs, _) = fastest(command.arg(&script).arg(with).arg(&path))?;
        print_cost(with, theirs);
        let share = ours.cpu_s / theirs.cpu_s;
        let met = verdict(share <= bar, &format!("{bar:.2}"));
        println!("{:12} nocturne takes {share:.3} of its CPU time, {met}", "");
    }
    Ok(())
}

/// Writes the night; the ECG is stored at 250 Hz, as in later SHHS visits.
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

/// Runs a command several times and returns the cost of the fastest run with its checksum.
fn fastest(command: &mut Command) -> Result<(Cost, String), Failure> {
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
    best.ok_or_else(|| "no run finished".into())
}

fn print_cost(name: &str, Cost { cpu_s, peak_mib }: Cost) {
    println!("{name:12} {cpu_s:8.3} s of CPU time, peak {peak_mib:.0} MiB");
}

fn verdict(is_met: bool, bar: &str) -> String {
    format!("{} (bar: {bar})", if is_met { "met" } else { "missed" })
}

/// Returns the CPU time in seconds of this single-threaded process.
fn cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

/// Returns the peak resident memory in MiB.
fn peak_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

#[expect(clippy::disallowed_methods, reason = "Cargo passes no arguments of ours to a benchmark")]
fn python() -> Option<std::ffi::OsString> {
    std::env::var_os("NOCTURNE_BENCH_PYTHON")
}
