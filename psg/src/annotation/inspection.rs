//! Describes how an annotation file was read, for people and programs.

use std::path::Path;

use jiff::civil::DateTime;
use serde::Serialize;

use super::annotation_file::{AnnotationFile, RecordingSpan};
use super::format::AnnotationFormat;
use super::scoring::Scoring;
use super::scoring_options::ScoringOptions;
use crate::error::Result;
use crate::sleep::{EPOCH_S, EventInspection, Stage};
use crate::warning::{Warning, WarningCode};

/// Maximum number of epochs that are listed: thirty days.
const MAX_EPOCHS: usize = 30 * 24 * 120;

/// How an annotation file was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotationInspection {
    /// The dialect.
    pub format: AnnotationFormat,
    /// Length of an epoch of the file in seconds, if it or its dialect defines it.
    pub epoch_length_s: Option<f64>,
    /// Stage of every 30-second epoch up to the last scored one; `None` if no stage fills most of the epoch.
    pub stages: Vec<Option<Stage>>,
    /// Onset in seconds, duration in seconds if known, and text of every annotation.
    pub annotations: Vec<(f64, Option<f64>, String)>,
    /// The events with their origin.
    pub events: Vec<EventInspection>,
    /// Number of annotations.
    pub n_annotations: usize,
    /// What is wrong with the file, was assumed, or was ignored.
    pub warnings: Vec<Warning>,
}

impl AnnotationInspection {
    /// Reads a file without its recording.
    ///
    /// # Errors
    ///
    /// Those of [`AnnotationFile::open`].
    pub fn of(path: &Path) -> Result<Self> {
        Self::with_start(path, None)
    }

    /// Reads a file whose recording starts at a given time.
    ///
    /// # Errors
    ///
    /// Those of [`AnnotationFile::open`].
    pub fn with_start(path: &Path, start: Option<DateTime>) -> Result<Self> {
        Self::with_options(path, start, &ScoringOptions::default())
    }

    /// Reads a file whose recording starts at a given time, with the user's options.
    ///
    /// # Errors
    ///
    /// Those of [`AnnotationFile::open_for`].
    pub fn with_options(
        path: &Path,
        start: Option<DateTime>,
        options: &ScoringOptions,
    ) -> Result<Self> {
        let span = RecordingSpan { start, length_s: None };
        let file = AnnotationFile::open_for(path, span, options)?;
        let scoring = Scoring::from_annotations(&file.annotations);
        // The tolerance keeps rounding errors of the end from adding an empty epoch.
        let n_epochs = (scoring.hypnogram.end_s() / EPOCH_S - 1e-6).ceil().max(0.0) as usize;
        let stage = |epoch| scoring.hypnogram.stage_of_epoch(epoch as f64 * EPOCH_S);
        let mut warnings = file.warnings;
        warnings.extend(scoring.warnings());
        if n_epochs > MAX_EPOCHS {
            let message = format!(
                "the last stage ends after {:.0} s; only the first {MAX_EPOCHS} epochs are listed",
                scoring.hypnogram.end_s()
            );
            warnings.push(Warning::new(WarningCode::Annotation, message));
        }
        Ok(Self {
            format: file.format,
            epoch_length_s: file.epoch_length_s,
            stages: (0..n_epochs.min(MAX_EPOCHS)).map(stage).collect(),
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
