//! What is in a file of annotations, for people and programs who want to see how it was read.

use std::path::Path;

use jiff::civil::DateTime;
use serde::Serialize;

use super::{AnnotationFile, AnnotationFormat, Scoring};
use crate::error::Result;

use crate::sleep::{EPOCH_S, EventInspection, Stage};
use crate::warning::{Warning, WarningCode};

/// Epochs of the longest grid of stages that is shown: thirty days.
const MOST_EPOCHS: usize = 30 * 24 * 120;

/// How a file of annotations was read, without its recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotationInspection {
    /// The dialect that was recognised.
    pub format: AnnotationFormat,
    /// Length of the file's own epochs in seconds, where it or its dialect says so.
    pub epoch_length_s: Option<f64>,
    /// Stage of every 30-second epoch from the start to the last scored one; `None` where none fills most of it.
    pub stages: Vec<Option<Stage>>,
    /// Onset in seconds, duration in seconds if there is one, and text of every annotation.
    pub annotations: Vec<(f64, Option<f64>, String)>,
    /// The events that were understood, with where they come from.
    pub events: Vec<EventInspection>,
    /// Number of annotations.
    pub n_annotations: usize,
    /// What was odd, assumed or not understood.
    pub warnings: Vec<Warning>,
}

impl AnnotationInspection {
    /// Reads a file whose recording is not at hand.
    ///
    /// # Errors
    ///
    /// Those of [`AnnotationFile::open`].
    pub fn of(path: &Path) -> Result<Self> {
        Self::with_start(path, None)
    }

    /// Reads a file whose recording begins at a wall-clock time.
    ///
    /// # Errors
    ///
    /// Those of [`AnnotationFile::open`].
    pub fn with_start(path: &Path, start: Option<DateTime>) -> Result<Self> {
        let file = AnnotationFile::open(path, start)?;
        let scoring = Scoring::from_annotations(&file.annotations);
        let n_epochs = (scoring.hypnogram.end_s() / EPOCH_S - 1e-6).ceil().max(0.0) as usize;
        let stage = |epoch| scoring.hypnogram.stage_of_epoch(epoch as f64 * EPOCH_S);
        let mut warnings = file.warnings;
        warnings.extend(scoring.warnings());
        if n_epochs > MOST_EPOCHS {
            let message = format!(
                "the last stage ends after {:.0} s; only the first {MOST_EPOCHS} epochs are shown",
                scoring.hypnogram.end_s()
            );
            warnings.push(Warning::new(WarningCode::Annotation, message));
        }
        Ok(Self {
            format: file.format,
            epoch_length_s: file.epoch_length_s,
            stages: (0..n_epochs.min(MOST_EPOCHS)).map(stage).collect(),
            events: scoring.events.iter().map(EventInspection::from).collect(),
            n_annotations: file.annotations.len(),
            annotations: file
                .annotations
                .into_iter()
                .map(|a| (a.onset_s, a.duration_s, a.text))
                .collect(),
            warnings,
        })
    }
}
