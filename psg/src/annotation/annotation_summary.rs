//! What was read of an annotation file, in numbers.

use std::path::PathBuf;

use serde::Serialize;

use super::annotation_file::AnnotationFile;
use super::format::AnnotationFormat;
use super::names::{Meaning, meaning};

/// The columns of a table, as written in its header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableColumns {
    /// Those that were read.
    pub used: Vec<String>,
    /// Those that were not; names without a meaning for a scoring are not among them.
    pub unused: Vec<String>,
}

/// What was read of an annotation file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotationSummary {
    /// The file.
    pub path: PathBuf,
    /// Its dialect.
    pub format: AnnotationFormat,
    /// Its columns, if it is a table.
    pub columns: TableColumns,
    /// Number of annotations that are stages.
    pub n_stages: usize,
    /// Number of annotations that are events.
    pub n_events: usize,
    /// Number of annotations with an unknown name.
    pub n_unknown: usize,
    /// Number of warnings about the file.
    pub n_warnings: usize,
}

impl AnnotationSummary {
    /// Counts what a file contains.
    pub fn of(file: &AnnotationFile) -> Self {
        let mut counts = [0_usize; 3];
        for annotation in &file.annotations {
            match meaning(&annotation.text) {
                Some(Meaning::Stage(_)) => counts[0] += 1,
                Some(Meaning::Event(_)) => counts[1] += 1,
                None if !annotation.text.trim().is_empty() => counts[2] += 1,
                Some(
                    Meaning::LightsOff | Meaning::LightsOn | Meaning::Other | Meaning::Ambiguous,
                )
                | None => {}
            }
        }
        let [n_stages, n_events, n_unknown] = counts;
        Self {
            path: file.path.clone(),
            format: file.format,
            columns: file.columns.clone(),
            n_stages,
            n_events,
            n_unknown,
            n_warnings: file.warnings.len(),
        }
    }
}
