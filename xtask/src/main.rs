//! Chores of the repository: `cargo xtask setup`, `demo`, `test`, `check`, `bundle`, `ablation`, `fuzz`, `crash`.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a chore tells on the terminal what it does, and prints what it has measured"
)]

mod ablation;
mod bundle;
mod chores;
mod crash;
mod fuzz;
mod python;
mod runtime;
mod workshop;

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
    /// Gets the pinned ONNX Runtime library into `.ort/`; does nothing where it is already there.
    Setup,
    /// Sets up, builds the release and shows the main job on simulated nights, or on the recordings of a folder.
    Demo {
        /// Folder with EDF or BDF recordings.
        folder: Option<PathBuf>,
    },
    /// Sets up and runs every test of the workspace.
    Test,
    /// Checks format, lints and documentation.
    Check,
    /// Makes the bundle `models/nocturne-tiny` again, from seeds; takes two to three hours and 20 GB.
    Bundle {
        /// Folder for nights, training set, run and bundle; a second call goes on in it.
        work: PathBuf,
    },
    /// Trains small bundles with and without each part of the objective, and prints what each part does; takes some hours.
    Ablation {
        /// Folder for nights, training sets, runs and bundles; a second call goes on in it.
        work: PathBuf,
        /// Steps of each training; from drawn weights, some hundred teach nothing yet.
        #[arg(long, default_value_t = 2000)]
        steps: u32,
        /// Begins with the weights of a run or a bundle, which were trained with signals scaled over the recording.
        #[arg(long, value_name = "DIR")]
        init: Option<PathBuf>,
        /// Folders of scored recordings to measure on beside simulated nights.
        #[arg(long, value_name = "DIR")]
        recordings: Vec<PathBuf>,
    },
    /// Feeds the readers of files with what no recorder has written; needs the nightly compiler and cargo-fuzz.
    Fuzz {
        /// Seconds for each target.
        #[arg(default_value_t = 10)]
        seconds: u32,
    },
    /// Kills indexers at any moment and checks that nothing that they acknowledged is lost.
    Crash {
        /// Indexers that are started.
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
        Chore::Demo { folder } => chores::demo(library, folder.as_deref()),
        Chore::Test => chores::test(library),
        Chore::Check => chores::check(),
        Chore::Bundle { work } => bundle::make(library, &work),
        Chore::Ablation { work, steps, init, recordings } => {
            ablation::compare(library, &work, steps, init.as_deref(), &recordings)
        }
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
