//! Ablation: trains small bundles that differ in one setting each and evaluates them on the same nights.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::workshop::{InitialWeights, SimulatedNights, Workshop};

const TRAINING: SimulatedNights = SimulatedNights { folder: "training", count: 40, seed: 7001 };
const HELD_OUT: SimulatedNights = SimulatedNights { folder: "held", count: 8, seed: 7003 };

/// A training setup.
struct Variant {
    name: &'static str,
    /// Span over which a channel is scaled, as in `prepare --z-score`.
    z_score: &'static str,
    /// Lines to append to the common recipe.
    recipe: &'static str,
}

/// The first is the baseline.
const VARIANTS: [Variant; 5] = [
    Variant { name: "contrast", z_score: "recording", recipe: "" },
    Variant { name: "captions", z_score: "recording", recipe: "[loss]\ncaption = 0.5\n" },
    Variant {
        name: "reconstruction",
        z_score: "recording",
        recipe: "[loss]\ncaption = 0.5\nreconstruction = 0.5\n",
    },
    Variant {
        name: "every-channel",
        z_score: "recording",
        recipe: "[augmentation]\nhide_share = 0.0\none_eeg_share = 0.0\n",
    },
    Variant { name: "epoch-z-score", z_score: "epoch", recipe: "" },
];

/// Compared metrics: the heading and the JSON pointer into the output of `nocturne eval --json`.
const METRICS: [(&str, &str); 6] = [
    ("stages", "/stages/balanced_accuracy"),
    ("kappa", "/stages/kappa"),
    ("wake/deep", "/wake_vs_deep_auroc"),
    ("events", "/events_mean/auroc"),
    ("words→epochs", "/retrieval/text_to_epoch/r10"),
    ("epochs→words", "/retrieval/epoch_to_text/r10"),
];

/// Trains every variant for `steps` steps and prints a table for the held-out nights and for each folder of recordings.
pub(crate) fn compare(
    library: Option<&Path>,
    work: &Path,
    steps: u32,
    init: Option<&Path>,
    recordings: &[PathBuf],
) -> Result<()> {
    ensure!(steps >= 20, "invalid value `{steps}` for `--steps`; expected at least 20");
    let workshop = Workshop::open(library, work)?;
    workshop.simulate(TRAINING)?;
    workshop.simulate(HELD_OUT)?;
    let mut folders = vec![workshop.path(HELD_OUT.folder)];
    for folder in recordings {
        folders.push(std::path::absolute(folder)?);
    }
    let init = init.map(std::path::absolute).transpose()?;
    let start = init.as_deref().map_or(InitialWeights::Random("tiny"), InitialWeights::File);
    for Variant { name, z_score, recipe } in &VARIANTS {
        let set = format!("set-{z_score}");
        workshop.prepare(TRAINING, &set, z_score)?;
        let file = workshop.path(&format!("{name}.toml"));
        let (rate, weights) = match &init {
            Some(init) => (0.001, init.display().to_string()),
            None => (0.0015, "random weights".to_owned()),
        };
        let recipe = format!(
            "# Starts from {weights}.\nsteps = {steps}\nbatch_size = 64\nlearning_rate = {rate}\nwarmup_steps = {}\nseed = 7\n\
             caption_tokens = \"captions\"\n{recipe}",
            steps / 10
        );
        if fs::read_to_string(&file).is_ok_and(|existing| existing != recipe) {
            bail!("`{}` belongs to another ablation; choose another folder", file.display());
        }
        fs::write(&file, recipe).with_context(|| format!("cannot write `{}`", file.display()))?;
        workshop.train(&set, &format!("run-{name}"), start, &file)?;
        workshop.export(&format!("run-{name}"), &format!("bundle-{name}"), None)?;
    }
    for folder in folders {
        let mut rows = vec![METRICS.map(|(name, _)| name.to_owned())];
        for Variant { name, .. } in &VARIANTS {
            let card = card(&workshop, &format!("bundle-{name}"), &folder)?;
            rows.push(METRICS.map(|(_, pointer)| {
                let value = card.pointer(pointer).and_then(Value::as_f64);
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
            }));
        }
        println!("\n{}", folder.display());
        let names = std::iter::once("").chain(VARIANTS.iter().map(|variant| variant.name));
        for (name, row) in names.zip(rows) {
            println!("{name:14}{}", row.map(|cell| format!("{cell:>14}")).concat());
        }
    }
    Ok(())
}

/// Returns the evaluation of a bundle on the recordings of a folder.
fn card(workshop: &Workshop, bundle: &str, folder: &Path) -> Result<Value> {
    let mut eval = workshop.nocturne();
    eval.arg("eval").arg(folder).args(["--bundle", bundle, "--json", "--gallery", "0"]);
    eval.args(["--by-channels", "0", "--captions", "0"]);
    let output = eval.stderr(std::process::Stdio::inherit()).output()?;
    crate::python::check(output.status).with_context(|| format!("{eval:?}"))?;
    serde_json::from_slice(&output.stdout)
        .context("the output of `nocturne eval --json` is not valid JSON")
}
