//! Which recordings a run learns from, and which are held out.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TrainingSet;

/// Which recordings a run learns from, and which are held out to measure it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// What it learns from.
    pub training: Side,
    /// What is held out.
    pub held_out: Side,
}

/// One side of a split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The persons; a recording of whom nothing is told counts as one.
    pub subjects: BTreeSet<String>,
    /// Their recordings.
    pub recordings: BTreeSet<String>,
    /// Epochs of all recordings.
    pub epochs: usize,
}

impl Split {
    /// Describes both sides.
    pub fn new(training: &TrainingSet, held_out: Option<&TrainingSet>) -> Self {
        let held_out = held_out.map(Side::of).unwrap_or_default();
        Self { training: Side::of(training), held_out }
    }
}

impl Side {
    fn of(set: &TrainingSet) -> Self {
        Self { subjects: set.subjects(), recordings: set.recordings(), epochs: set.len() }
    }
}

impl fmt::Display for Side {
    /// Writes `9 subjects (12 recordings, 11,000 epochs)`, without the commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subjects, recordings) = (self.subjects.len(), self.recordings.len());
        write!(f, "{subjects} subjects ({recordings} recordings, {} epochs)", self.epochs)
    }
}
