//! Builds the shipped bundle from scratch: simulation, training and export.

use std::path::Path;

use anyhow::Result;

use crate::workshop::{InitialWeights, SimulatedNights, Workshop};
use crate::workspace::root;

const TRAINING: SimulatedNights = SimulatedNights { folder: "training", count: 240, seed: 7001 };
const BUNDLE: &str = "nocturne-tiny";

/// Simulates nights, trains and exports; the bundle is then in the folder `work`. `cargo xtask calibrate` learns how far it
/// can be believed.
pub(crate) fn make(library: Option<&Path>, work: &Path) -> Result<()> {
    let workshop = Workshop::open(library, work)?;
    workshop.simulate(TRAINING)?;
    workshop.prepare(TRAINING, "training-set", "recording")?;
    let recipe = root().join("trainer/recipes/nocturne-tiny.toml");
    workshop.train("training-set", "run", InitialWeights::Random("tiny"), &recipe)?;
    workshop.export("run", BUNDLE, Some("epoch"))?;
    eprintln!("bundle: {}", workshop.path(BUNDLE).display());
    Ok(())
}
