//! Learns and checks the calibration of the shipped bundle, on nights whose seeds are fixed here.

use std::path::Path;

use anyhow::{Context, Result};

use crate::workshop::Workshop;
use crate::workspace::{root, run};

/// Nights to learn from, and other nights to check on.
const SETS: [(&str, u32); 2] = [("calibration", 8101), ("evaluation", 8202)];
/// Number of nights of each set.
pub(crate) const N_NIGHTS: u32 = 400;
/// Number of nights that are simulated and indexed at a time; recordings are deleted once they are indexed.
const CHUNK: u32 = 8;
/// Length of each night in hours.
const HOURS: &str = "7";
const BUNDLE: &str = "models/nocturne-tiny";

/// Simulates and indexes both sets, writes `calibration.toml` beside the bundle, and prints how well it holds.
///
/// A second call with the same folder resumes.
pub(crate) fn calibrate(library: Option<&Path>, work: &Path, n_nights: u32) -> Result<()> {
    let workshop = Workshop::open(library, work)?;
    let bundle = root().join(BUNDLE);
    for chunk in 0..n_nights.div_ceil(CHUNK) {
        for (set, seed) in SETS {
            index(&workshop, set, seed, chunk, &bundle)?;
        }
    }
    let [(set, seed), (others, _)] = SETS;
    let name = format!("Nocturne simulator, seed {seed}");
    let concepts = |action: &str, collection: &str| {
        let mut command = workshop.nocturne();
        command.args(["concepts", action, "--collection", collection, "--bundle"]).arg(&bundle);
        command
    };
    run(concepts("calibrate", set).args(["--name", &name]))?;
    run(&mut concepts("evaluate", others))
}

/// Simulates and indexes a chunk of nights, unless that is done.
fn index(workshop: &Workshop, set: &str, seed: u32, chunk: u32, bundle: &Path) -> Result<()> {
    let done = workshop.path(&format!("{set}.{chunk}"));
    if done.exists() {
        return Ok(());
    }
    let folder = workshop.path(&format!("{set}-nights"));
    // An interrupted call may have left a part of other nights.
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove `{}`", folder.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let (first, seed) = ((chunk * CHUNK + 1).to_string(), seed.to_string());
    let mut simulate = workshop.nocturne();
    simulate.arg("simulate").arg("--out").arg(&folder).args(["--nights", &CHUNK.to_string()]);
    run(simulate.args(["--first", &first, "--seed", &seed, "--hours", HOURS]))?;
    let mut index = workshop.nocturne();
    index.arg("index").arg(&folder).args(["--collection", set, "--captions", "none", "--bundle"]);
    run(index.arg(bundle))?;
    std::fs::remove_dir_all(&folder)
        .with_context(|| format!("cannot remove `{}`", folder.display()))?;
    std::fs::write(&done, "").with_context(|| format!("cannot write `{}`", done.display()))
}
