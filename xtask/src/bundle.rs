//! Builds the shipped bundle from scratch: simulation, training and export.

use std::path::Path;

use anyhow::Result;

use crate::workshop::{InitialWeights, SimulatedNights, Workshop};
use crate::workspace::root;

const TRAINING: SimulatedNights = SimulatedNights { folder: "training", count: 200, seed: 7001 };
const BUNDLE: &str = "nocturne-tiny";

/// Simulates nights, trains in two stages and exports; the bundle is then in the folder `work`. `cargo xtask calibrate`
/// learns how far it can be believed.
///
/// The first stage trains the towers with the contrastive loss only, the second trains a captioner with them. The bundle
/// does not contain the captioner, because at this size too many numbers in its captions are wrong.
pub(crate) fn make(library: Option<&Path>, work: &Path) -> Result<()> {
    let workshop = Workshop::open(library, work)?;
    workshop.simulate(TRAINING)?;
    workshop.prepare(TRAINING, "training-set", "recording")?;
    let recipes = root().join("trainer/recipes");
    let contrast = recipes.join("nocturne-tiny-contrast.toml");
    workshop.train("training-set", "contrast", InitialWeights::Random("tiny"), &contrast)?;
    let captions = recipes.join("nocturne-tiny-captions.toml");
    let start = InitialWeights::File(Path::new("contrast"));
    workshop.train("training-set", "run", start, &captions)?;
    workshop.export("run", BUNDLE)?;
    eprintln!("bundle: {}", workshop.path(BUNDLE).display());
    Ok(())
}
