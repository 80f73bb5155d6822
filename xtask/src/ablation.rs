//! Trains small bundles that differ in one thing each, and measures them on the same nights.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::workshop::{Begin, Nights, Workshop};

const TRAINING: Nights = Nights { name: "training", number: 40, seed: 7001 };
const HELD_OUT: Nights = Nights { name: "held", number: 8, seed: 7003 };

/// One way to train.
struct Variant {
    name: &'static str,
    /// Span over which a channel is scaled.
    z_score: &'static str,
    /// What its recipe has beside what all have.
    recipe: &'static str,
}

/// The first is what the others are compared with.
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

/// Figures of a card that are compared, and where it has them.
const FIGURES: [(&str, &str); 6] = [
    ("stages", "/stages/balanced_accuracy"),
    ("kappa", "/stages/kappa"),
    ("wake/deep", "/wake_vs_deep_auroc"),
    ("events", "/events_mean/auroc"),
    ("words→epochs", "/retrieval/text_to_epoch/r10"),
    ("epochs→words", "/retrieval/epoch_to_text/r10"),
];

/// Trains every variant for so many steps and prints a table for the held-out nights and for each folder of recordings.
pub(crate) fn compare(
    library: Option<&Path>,
    work: &Path,
    steps: u32,
    init: Option<&Path>,
    recordings: &[PathBuf],
) -> Result<()> {
    ensure!(
        steps >= 20,
        "`--steps {steps}` is too few to tell ways of training apart; at least 20"
    );
    let workshop = Workshop::open(library, work)?;
    workshop.simulate(TRAINING)?;
    workshop.simulate(HELD_OUT)?;
    let mut folders = vec![workshop.path(HELD_OUT.name)];
    for folder in recordings {
        folders.push(std::path::absolute(folder)?);
    }
    let init = init.map(std::path::absolute).transpose()?;
    let begin = init.as_deref().map_or(Begin::Preset("tiny"), Begin::Weights);
    for Variant { name, z_score, recipe } in &VARIANTS {
        let set = format!("set-{z_score}");
        workshop.prepare(TRAINING, &set, z_score)?;
        let file = workshop.path(&format!("{name}.toml"));
        let (rate, weights) = match &init {
            Some(init) => (0.001, init.display().to_string()),
            None => (0.0015, "weights that are drawn".to_owned()),
        };
        let recipe = format!(
            "# Begins with {weights}.\nsteps = {steps}\nbatch_size = 64\nlearning_rate = {rate}\nwarmup_steps = {}\nseed = 7\n\
             caption_tokens = \"captions\"\n{recipe}",
            steps / 10
        );
        if fs::read_to_string(&file).is_ok_and(|before| before != recipe) {
            bail!("`{}` is of another comparison; choose another folder", file.display());
        }
        fs::write(&file, recipe).with_context(|| format!("cannot write `{}`", file.display()))?;
        workshop.train(&set, &format!("run-{name}"), begin, &file)?;
        workshop.export(&format!("run-{name}"), &format!("bundle-{name}"))?;
    }
    for folder in folders {
        let mut rows = vec![FIGURES.map(|(name, _)| name.to_owned())];
        for Variant { name, .. } in &VARIANTS {
            let card = card(&workshop, &format!("bundle-{name}"), &folder)?;
            let figure = |place: &str| card.pointer(place).and_then(Value::as_f64);
            rows.push(FIGURES.map(|(_, place)| {
                figure(place).map_or_else(|| "–".to_owned(), |figure| format!("{figure:.3}"))
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

fn card(workshop: &Workshop, bundle: &str, folder: &Path) -> Result<Value> {
    let mut eval = workshop.nocturne();
    eval.arg("eval").arg(folder).args(["--bundle", bundle, "--json", "--gallery", "0"]);
    eval.args(["--by-channels", "0", "--captions", "0"]);
    let output = eval.stderr(std::process::Stdio::inherit()).output()?;
    crate::python::check(output.status).with_context(|| format!("{eval:?}"))?;
    serde_json::from_slice(&output.stdout).context("`nocturne eval --json` has written no JSON")
}
