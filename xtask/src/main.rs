//! Chores of the repository: `cargo xtask setup`, `demo`, `test`, `check`, `bundle`, `calibrate`,
//! `judge`, `ablation`, `gpu`, `fuzz`, `crash`.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a chore reports its progress and its results on the terminal"
)]

mod ablation;
mod bundle;
mod calibrate;
mod check;
mod crash;
mod demo;
mod fuzz;
mod gpu;
mod judge;
mod python;
mod runtime;
mod test;
mod workshop;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::TypedValueParser;
use clap::{Parser, Subcommand};

/// Chores of the Nocturne repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
    /// ONNX Runtime library to use instead of the pinned one.
    #[arg(
        long,
        env = "ORT_DYLIB_PATH",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        global = true,
        hide_env_values = true,
        value_name = "FILE"
    )]
    onnxruntime: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Install the pinned ONNX Runtime library into `.ort/`, unless it is there already.
    Setup,
    /// Build the release and demonstrate it on simulated nights, or on the recordings of a folder.
    Demo {
        /// Folder with EDF or BDF recordings.
        folder: Option<PathBuf>,
    },
    /// Run every test of both workspaces and report the skipped ones.
    Test,
    /// Check format, lints and documentation of both workspaces.
    Check,
    /// Train the bundle `models/nocturne-tiny` again from seeds; takes two to three hours and 20 GB.
    Bundle {
        /// Folder for nights, training set, run and bundle; a second call resumes in it.
        work: PathBuf,
    },
    /// Learn `calibration.toml` of the shipped bundle from simulated nights, and check it on others; takes one to two hours.
    Calibrate {
        /// Folder for nights and collections; a second call resumes in it.
        work: PathBuf,
        /// Number of nights to learn from, and to check on.
        #[arg(long, default_value_t = calibrate::N_NIGHTS)]
        nights: u32,
    },
    /// Score simulated nights with YASA and psgscoring, which learned from people's nights; takes five minutes.
    Judge {
        /// Folder for nights; a second call judges those that are there.
        work: PathBuf,
    },
    /// Train small bundles with and without each part of the objective and compare them; takes hours.
    Ablation {
        /// Folder for nights, training sets, runs and bundles; a second call resumes in it.
        work: PathBuf,
        /// Training steps of each run; from random weights, a few hundred are not enough.
        #[arg(long, default_value_t = 2000)]
        steps: u32,
        /// Start from the weights of this run or bundle, trained on signals scaled over the recording.
        #[arg(long, value_name = "DIR")]
        init: Option<PathBuf>,
        /// Folder of scored recordings to evaluate on besides simulated nights; repeatable.
        #[arg(long, value_name = "DIR")]
        recordings: Vec<PathBuf>,
    },
    /// Compare training and encoding on an NVIDIA GPU with the CPU, and print the figures as JSON; takes under ten minutes.
    /// Without a GPU everything runs on the CPU. `ORT_DYLIB_PATH` names an ONNX Runtime with the CUDA provider.
    Gpu {
        /// Folder for nights, training set, runs and collections.
        work: PathBuf,
    },
    /// Feed the file readers with malformed input; needs the nightly compiler and cargo-fuzz.
    Fuzz {
        /// Seconds per target.
        #[arg(default_value_t = 10)]
        seconds: u32,
    },
    /// Kill indexers at random moments and check that no acknowledged recording is lost.
    Crash {
        /// Number of indexers to start.
        #[arg(default_value_t = 200)]
        rounds: u32,
        /// Seed of the moments at which they are killed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let library = arguments.onnxruntime.as_deref();
    let done = match arguments.chore {
        Chore::Setup => runtime::set_up(library).map(drop),
        Chore::Demo { folder } => demo::demo(library, folder.as_deref()),
        Chore::Test => test::test(library),
        Chore::Check => check::check(),
        Chore::Bundle { work } => bundle::make(library, &work),
        Chore::Calibrate { work, nights } => calibrate::calibrate(library, &work, nights),
        Chore::Judge { work } => judge::judge(library, &work),
        Chore::Ablation { work, steps, init, recordings } => {
            ablation::compare(library, &work, steps, init.as_deref(), &recordings)
        }
        Chore::Gpu { work } => gpu::measure(library, &work),
        Chore::Fuzz { seconds } => fuzz::fuzz(seconds),
        Chore::Crash { rounds, seed } => crash::crash(library, rounds, seed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
