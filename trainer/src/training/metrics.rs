//! The metrics of a run, one JSON object per line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use nocturne_psg::edf::durable;
use serde::{Deserialize, Serialize};

use super::CaptionSample;
use crate::error::{Error, Result};
use crate::objective::Losses;

/// The metrics of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 0.
    pub step: u64,
    /// Weighted sum of the losses.
    pub loss: f32,
    /// The losses.
    #[serde(flatten)]
    pub losses: Losses,
    /// Share of the batch's epochs whose nearest text is a positive.
    pub accuracy: f32,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f32,
    /// Learning rate.
    pub learning_rate: f64,
    /// Factor between a cosine and a logit.
    pub logit_scale: f32,
    /// Wall-clock duration of the step in seconds.
    pub seconds: f64,
    /// Floating-point operations of its matrix products.
    #[serde(default)]
    pub operations: f64,
    /// Their rate over the peak rate of the device, measured at the start of the run.
    #[serde(default)]
    pub share_of_peak: f64,
}

impl StepReport {
    /// Returns the rate in steps per second.
    pub fn steps_per_s(&self) -> f64 {
        1.0 / self.seconds
    }
}

/// The metrics of one validation on held-out recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// Number of steps taken before.
    pub step: u64,
    /// Weighted sum of the losses.
    pub validation_loss: f32,
    /// The losses.
    pub validation_losses: Losses,
    /// Share of epochs whose nearest text in the batch is a positive.
    pub validation_accuracy: f32,
    /// A sample caption of a held-out epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<CaptionSample>,
}

/// The metrics file, open for appending.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file and removes lines from a step on, which a resumed run writes again.
    pub(super) fn open(path: PathBuf, step: u64) -> Result<Self> {
        if path.exists() {
            let kept = lines_before(&path, step)?;
            durable::write(&path, &kept).map_err(Error::io(&path, "write"))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io(&path, "open"))?;
        Ok(Self { path, file })
    }

    /// Appends a line.
    pub(super) fn write(&mut self, report: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(report).expect("reports are numbers");
        line.push(b'\n');
        self.file.write_all(&line).map_err(Error::io(&self.path, "write"))
    }
}

fn lines_before(path: &Path, step: u64) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct MetricsLine {
        step: u64,
        validation_loss: Option<f32>,
    }
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    let mut kept = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let mut line = line.map_err(Error::io(path, "read"))?;
        // A line truncated by a crash is dropped.
        let Ok(MetricsLine { step: at, validation_loss }) = serde_json::from_slice(&line) else {
            continue;
        };
        // A validation after `step` steps was done before the checkpoint of that step.
        if at < step || (at == step && validation_loss.is_some()) {
            line.push(b'\n');
            kept.append(&mut line);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_keeps_lines_before_its_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let text = "{\"step\":0,\"loss\":1.0}\n{\"step\":1,\"loss\":1.0}\n\
                    {\"step\":2,\"validation_loss\":1.0}\n{\"step\":2,\"loss\":1.0}\n{\"step\":3,\"lo";
        std::fs::write(&path, text).unwrap();
        let mut file = MetricsFile::open(path.clone(), 2).unwrap();
        file.write(&serde_json::json!({"step": 2})).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\":0,\"loss\":1.0}\n{\"step\":1,\"loss\":1.0}\n\
             {\"step\":2,\"validation_loss\":1.0}\n{\"step\":2}\n"
        );
    }
}
