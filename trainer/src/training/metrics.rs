//! The numbers of a run, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CaptionSample;
use crate::objective::Losses;
use crate::{Error, Result, durable};

/// The numbers of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 0.
    pub step: u64,
    /// Weighted sum of the losses.
    pub loss: f32,
    /// Each of the losses.
    #[serde(flatten)]
    pub losses: Losses,
    /// Share of the batch's epochs whose nearest text is one of theirs.
    pub accuracy: f32,
    /// Norm of the gradient before it was clipped.
    pub gradient_norm: f32,
    /// Learning rate.
    pub learning_rate: f64,
    /// Factor between a cosine and a logit.
    pub logit_scale: f32,
    /// Wall-clock seconds that the step took.
    pub seconds: f64,
    /// Floating-point operations of its matrix products.
    #[serde(default)]
    pub operations: f64,
    /// Those of a second over what the device takes in products of large matrices, measured when the run began.
    #[serde(default)]
    pub share_of_peak: f64,
}

impl StepReport {
    /// Returns how many such steps a second has.
    pub fn steps_per_s(&self) -> f64 {
        1.0 / self.seconds
    }
}

/// The numbers of one measurement on held-out recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// Steps that were taken before.
    pub step: u64,
    /// Weighted sum of the losses.
    pub validation_loss: f32,
    /// Each of the losses.
    pub validation_losses: Losses,
    /// Share of epochs whose nearest text in the batch is one of theirs.
    pub validation_accuracy: f32,
    /// A caption that the decoder writes of a held-out epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<CaptionSample>,
}

/// The file of numbers, open for appending.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file and takes out what was written at or after a step: a resumed run writes it anew.
    pub(super) fn open(path: PathBuf, step: u64) -> Result<Self> {
        if path.exists() {
            durable::write(&path, &lines_before(&path, step)?)?;
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
    struct Line {
        step: u64,
        validation_loss: Option<f32>,
    }
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    let mut kept = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let mut line = line.map_err(Error::io(path, "read"))?;
        // A line that a crash has cut short is left out.
        let Ok(Line { step: at, validation_loss }) = serde_json::from_slice(&line) else {
            continue;
        };
        // A measurement after `step` steps was taken before the checkpoint of that step.
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
    fn a_resumed_run_keeps_what_came_before() {
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
