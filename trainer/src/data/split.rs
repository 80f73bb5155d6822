//! The split of a training set into training and held-out recordings.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TrainingSet;

/// The recordings that a run is trained on, and those held out to validate it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The training side.
    pub training: SplitSide,
    /// The held-out side.
    pub held_out: SplitSide,
}

/// One side of a split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSide {
    /// The subjects; a recording without a known subject counts as its own.
    pub subjects: BTreeSet<String>,
    /// The recordings.
    pub recordings: BTreeSet<String>,
    /// Number of epochs of all recordings.
    pub epochs: usize,
}

impl Split {
    /// Describes both sides.
    pub fn new(training: &TrainingSet, held_out: Option<&TrainingSet>) -> Self {
        let held_out = held_out.map(SplitSide::of).unwrap_or_default();
        Self { training: SplitSide::of(training), held_out }
    }
}

impl SplitSide {
    fn of(set: &TrainingSet) -> Self {
        Self { subjects: set.subjects(), recordings: set.recordings(), epochs: set.len() }
    }
}

impl fmt::Display for SplitSide {
    /// Writes `9 subjects (12 recordings, 11000 epochs)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subjects, recordings) = (self.subjects.len(), self.recordings.len());
        write!(f, "{subjects} subjects ({recordings} recordings, {} epochs)", self.epochs)
    }
}
