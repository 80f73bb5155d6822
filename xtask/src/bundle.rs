//! Makes the shipped bundle again, from seeds to sealed files.

use std::path::Path;

use anyhow::Result;

use crate::workshop::{Begin, Nights, Workshop};
use crate::workspace::root;

const TRAINING: Nights = Nights { name: "training", number: 200, seed: 7001 };
const CALIBRATION: Nights = Nights { name: "calibration", number: 24, seed: 7002 };
/// Name of the bundle.
const NAME: &str = "nocturne-tiny";

/// Simulates, trains in two stages, exports and calibrates in a folder, and leaves the bundle in it.
///
/// The towers learn from contrast alone first; then a captioner learns beside them, which is left out of the bundle: at
/// this size too many of its numbers are wrong.
pub(crate) fn make(library: Option<&Path>, work: &Path) -> Result<()> {
    let workshop = Workshop::open(library, work)?;
    for (nights, set) in [(TRAINING, "training-set"), (CALIBRATION, "calibration-set")] {
        workshop.simulate(nights)?;
        workshop.prepare(nights, set, "recording")?;
    }
    let recipes = root().join("trainer/recipes");
    let contrast = recipes.join("nocturne-tiny-contrast.toml");
    workshop.train("training-set", "contrast", Begin::Preset("tiny"), &contrast)?;
    let captions = recipes.join("nocturne-tiny-captions.toml");
    workshop.train("training-set", "run", Begin::Weights(Path::new("contrast")), &captions)?;
    workshop.export("run", NAME)?;
    workshop.calibrate(NAME, "calibration-set")?;
    eprintln!("bundle: {}", workshop.path(NAME).display());
    Ok(())
}
