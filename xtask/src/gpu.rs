//! Compares training and encoding on an NVIDIA GPU with the CPU, and prints the figures as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::workshop::{SimulatedNights, Workshop};
use crate::workspace::{root, run};

const NIGHTS: SimulatedNights = SimulatedNights { folder: "nights", count: 4, seed: 7301 };
const BUNDLE: &str = "models/nocturne-tiny";
/// Steps that are compared one by one.
const COMPARED_STEPS: u64 = 8;
/// Batch and steps of the run that is timed; the first half warms up.
const TIMED: (u32, u64) = (256, 20);
/// Largest accepted relative difference between the losses of a step.
const LOSS_TOLERANCE: f64 = 1e-3;
/// Largest accepted difference between the scores of an epoch, which are cosines.
const SCORE_TOLERANCE: f64 = 1e-3;
/// Texts whose scores are compared.
const TEXTS: [&str; 3] = ["deep sleep with slow waves", "an arousal", "an obstructive apnea"];

/// Trains and encodes on the GPU, or on the CPU if there is none, and prints what was measured.
///
/// # Errors
///
/// If a command fails, or if the GPU's losses or scores differ from the CPU's by more than the tolerance.
pub(crate) fn measure(library: Option<&Path>, work: &Path) -> Result<()> {
    let workshop = Workshop::open(library, work)?;
    let gpu = gpu();
    let device = if gpu.is_some() { "cuda" } else { "cpu" };
    match &gpu {
        Some(name) => eprintln!("gpu: {name}"),
        None => eprintln!("gpu: `nvidia-smi` finds none; everything runs on the CPU"),
    }
    workshop.simulate(NIGHTS)?;
    workshop.prepare(NIGHTS, "training-set", "recording")?;
    let config = without_dropout(&workshop)?;
    let trained = train(&workshop, &config, "cpu", (64, COMPARED_STEPS))?;
    let on_device = train(&workshop, &config, device, (64, COMPARED_STEPS))?;
    let loss_difference = largest_difference(&losses(&trained)?, &losses(&on_device)?);
    let timed = train(&workshop, &config, device, TIMED)?;
    let warm = &timed[timed.len() / 2..];
    let encoded = encode(&workshop, "cpu")?;
    let encoded_on_device = encode(&workshop, device)?;
    let differences: Vec<f64> = encoded
        .scores
        .iter()
        .filter_map(|(hit, score)| Some((score - encoded_on_device.scores.get(hit)?).abs()))
        .collect();
    ensure!(
        differences.len() * 10 > encoded.scores.len() * 9,
        "only {} of {} hits are the same on both devices",
        differences.len(),
        encoded.scores.len()
    );
    let score_difference = differences.iter().copied().fold(0.0, f64::max);
    let figures = json!({
        "device": device,
        "gpu": gpu,
        "training": {
            "compared_steps": trained.len(),
            "largest_relative_loss_difference": loss_difference,
            "batch_size": TIMED.0,
            "steps_per_s": mean(warm, "steps_per_s")?,
            "share_of_peak": mean(warm, "share_of_peak")?,
        },
        "encoding": {
            "compared_scores": differences.len(),
            "largest_score_difference": score_difference,
            "nights_per_h_cpu": encoded.nights_per_h,
            "nights_per_h": encoded_on_device.nights_per_h,
        },
    });
    println!("{}", serde_json::to_string_pretty(&figures)?);
    ensure!(
        loss_difference <= LOSS_TOLERANCE,
        "the losses differ by {loss_difference:.1e} of their size; expected at most {LOSS_TOLERANCE:.0e}"
    );
    ensure!(
        score_difference <= SCORE_TOLERANCE,
        "the scores differ by {score_difference:.1e}; expected at most {SCORE_TOLERANCE:.0e}"
    );
    Ok(())
}

/// Returns the name of the first NVIDIA GPU, if there is one.
fn gpu() -> Option<String> {
    let query = ["--query-gpu=name", "--format=csv,noheader"];
    let output = Command::new("nvidia-smi").args(query).stderr(Stdio::null()).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.lines().next()?.trim().to_owned();
    (output.status.success() && !name.is_empty()).then_some(name)
}

/// Writes the configuration of the shipped bundle without dropout, which draws other numbers on each device.
fn without_dropout(workshop: &Workshop) -> Result<std::path::PathBuf> {
    let path = root().join(BUNDLE).join("config.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut config: Value = serde_json::from_str(&text)?;
    config["biosignals_cfg"]["dropout"] = json!(0.0);
    let path = workshop.path("config.json");
    fs::write(&path, serde_json::to_vec(&config)?)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

/// Trains for some steps on a device and returns the metrics of each.
fn train(
    workshop: &Workshop,
    config: &Path,
    device: &str,
    (batch_size, steps): (u32, u64),
) -> Result<Vec<Value>> {
    let folder = format!("run-{device}-{batch_size}");
    let _ = fs::remove_dir_all(workshop.path(&folder));
    let (batch_size, steps) = (batch_size.to_string(), steps.to_string());
    let mut train = workshop.nocturne_train_on(device);
    train.args(["train", "--data", "training-set", "--out", &folder, "--device", device]);
    train.arg("--config").arg(config).arg("--init").arg(root().join(BUNDLE));
    train.args(["--steps", &steps, "--batch-size", &batch_size, "--warmup-steps", "1"]);
    run(train.args(["--threads", "1", "--seed", "7"]))?;
    let path = workshop.path(&folder).join("metrics.jsonl");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let lines = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    // A line of a validation has no loss of its own.
    Ok(lines.into_iter().filter(|line| line.get("loss").is_some()).collect())
}

fn losses(metrics: &[Value]) -> Result<Vec<f64>> {
    let loss = |line: &Value| line["loss"].as_f64().context("a step has no loss");
    metrics.iter().map(loss).collect()
}

/// Returns the largest relative difference; infinite if the lengths differ.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1e-9)).fold(0.0, f64::max)
}

fn mean(metrics: &[Value], field: &str) -> Result<f64> {
    let number = |line: &Value| line[field].as_f64().with_context(|| format!("no `{field}`"));
    let numbers = metrics.iter().map(number).collect::<Result<Vec<_>>>()?;
    Ok(numbers.iter().sum::<f64>() / numbers.len().max(1) as f64)
}

/// A collection that was filled on a device.
struct Encoded {
    nights_per_h: f64,
    /// Score of each text and epoch.
    scores: BTreeMap<String, f64>,
}

/// Indexes the nights on a device and searches the texts.
fn encode(workshop: &Workshop, device: &str) -> Result<Encoded> {
    let collection = format!("collection-{device}");
    let _ = fs::remove_dir_all(workshop.path(&collection));
    let bundle = root().join(BUNDLE);
    let started = Instant::now();
    let mut index = workshop.nocturne();
    index.args(["index", NIGHTS.folder, "--collection", &collection, "--device", device]);
    run(index.args(["--captions", "none", "--bundle"]).arg(&bundle))?;
    let nights_per_h = f64::from(NIGHTS.count) / started.elapsed().as_secs_f64() * 3600.0;
    let mut scores = BTreeMap::new();
    for text in TEXTS {
        let mut search = workshop.nocturne();
        search.args(["search", text, "--collection", &collection, "--json", "-k", "1000"]);
        let output = search.stderr(Stdio::inherit()).output()?;
        crate::python::check(output.status).with_context(|| format!("{search:?}"))?;
        let found: Value = serde_json::from_slice(&output.stdout)?;
        for hit in found["hits"].as_array().into_iter().flatten() {
            let score = hit["score"].as_f64().context("a hit has no score")?;
            scores.insert(format!("{text} {} {}", hit["recording"], hit["epoch"]), score);
        }
    }
    Ok(Encoded { nights_per_h, scores })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_compared_relative_to_their_size() {
        assert!((largest_difference(&[4.0, 2.0], &[4.0, 2.002]) - 0.001).abs() < 1e-9);
        assert_eq!(largest_difference(&[4.0], &[4.0, 2.0]), f64::INFINITY);
    }
}
