//! Sketches of nights: cluster means, multiplied with a direction, that estimate how the epochs score.

use std::collections::BTreeMap;

use nocturne_psg::{RecordingId, Stage};

/// Number of counts of a cluster: one for each stage, and one for epochs that were not scored.
pub(crate) const N_STAGE_COUNTS: usize = Stage::ALL.len() + 1;

/// The sketches of recordings, by id.
pub type NightSketches = BTreeMap<RecordingId, Vec<SketchedCluster>>;

/// A cluster of a sketch, multiplied with a direction.
#[derive(Debug, Clone, PartialEq)]
pub struct SketchedCluster {
    /// Mean of the products of the epochs' vectors with the direction.
    pub mean: f32,
    /// Standard deviation of each dimension of the epochs' vectors; that of the products is about this times the length of
    /// the direction.
    pub spread: f32,
    counts: [usize; N_STAGE_COUNTS],
}

impl SketchedCluster {
    pub(crate) fn new(mean: f32, spread: f32, counts: [usize; N_STAGE_COUNTS]) -> Self {
        Self { mean, spread, counts }
    }

    /// Returns the number of epochs of a stage, or of those not scored for `None`.
    pub fn n_epochs(&self, stage: Option<Stage>) -> usize {
        self.counts[stage.map_or(Stage::ALL.len(), Stage::index)]
    }
}
