//! Makes the shipped bundle again, from seeds to sealed files.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::chores::{cargo, run};
use crate::runtime;

/// Nights to train on, and their seed.
const TRAINING: (u32, u32) = (200, 7001);
/// Nights to calibrate concepts on, and their seed.
const CALIBRATION: (u32, u32) = (24, 7002);
/// Name of the bundle.
const NAME: &str = "nocturne-tiny";

/// Simulates, trains, exports and calibrates in a folder, and leaves the bundle in it.
///
/// A step that an earlier call has finished is not done again, and training goes on from its last checkpoint.
pub(crate) fn make(library: Option<&Path>, work: &Path) -> Result<()> {
    let library = runtime::set_up(library)?;
    let work = std::path::absolute(work)?;
    std::fs::create_dir_all(&work)
        .with_context(|| format!("cannot create `{}`", work.display()))?;
    let train = || {
        let mut program = program("nocturne-trainer");
        program.env("ORT_DYLIB_PATH", &library).current_dir(&work);
        program
    };
    for (name, (nights, seed)) in [("training", TRAINING), ("calibration", CALIBRATION)] {
        simulate(&work, name, nights, seed)?;
        let source = format!(
            "{nights} nights of the Nocturne simulator, seed {seed}: no recording of a person"
        );
        let out = format!("{name}-set");
        run(train()
            .args(["prepare", name, "--out", &out, "--source", &source])
            .args(["--licence", "Apache-2.0"]))?;
    }
    let recipe = crate::chores::root().join("trainer/recipes/nocturne-tiny.toml");
    if !work.join("run/weights.safetensors").is_file() {
        let mut training = train();
        training.args(["train", "--preset", "tiny", "--data", "training-set", "--out", "run"]);
        training.arg("--recipe").arg(recipe);
        if std::fs::read_dir(work.join("run/checkpoints"))
            .is_ok_and(|mut kept| kept.next().is_some())
        {
            training.arg("--resume");
        }
        run(&mut training)?;
    }
    if !work.join(NAME).is_dir() {
        run(train().args(["export", "run", "--out", NAME, "--trainable"]))?;
    }
    run(train().args(["calibrate", NAME, "--data", "calibration-set"]))?;
    eprintln!("bundle: {}", work.join(NAME).display());
    Ok(())
}

/// Simulates nights, unless all of them are there already.
fn simulate(work: &Path, name: &str, nights: u32, seed: u32) -> Result<()> {
    let is_there = |night| work.join(name).join(format!("night-{night:04}.truth.json")).is_file();
    if (1..=nights).all(is_there) {
        return Ok(());
    }
    let (nights, seed) = (nights.to_string(), seed.to_string());
    let mut simulate = program("nocturne");
    simulate.current_dir(work);
    run(simulate.args(["simulate", "--out", name, "--nights", &nights, "--seed", &seed]))
}

/// Returns the release build of a package's program.
fn program(package: &str) -> Command {
    let manifest = crate::chores::root().join("Cargo.toml");
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", package, "--manifest-path"]);
    command.arg(manifest).arg("--");
    command
}
