//! How far two spaces of a collection agree, measured before one is promoted.

mod compared_space;
mod neighbour_overlap;
mod stage_agreement;

use std::collections::BTreeSet;

use nocturne_index::Coverage;
use nocturne_psg::RecordingId;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::error::Result;
use crate::live::snapshot::MissingReason;

pub use compared_space::ComparedSpace;
pub use neighbour_overlap::NeighbourAgreement;
pub use stage_agreement::{Kappa, LabelAgreement};

/// The sample by which two spaces are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompareSettings {
    /// Number of epochs whose nearest neighbours are compared.
    pub n_epochs: usize,
    /// Number of recordings whose stages are compared.
    pub n_recordings: usize,
    /// Seed of the sample.
    pub seed: u64,
}

impl Default for CompareSettings {
    /// Takes about a second for small collections, minutes for millions of epochs.
    fn default() -> Self {
        Self { n_epochs: 200, n_recordings: 50, seed: 1 }
    }
}

/// How far two spaces agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Which recordings the second has of the first.
    pub coverage: Coverage,
    /// Overlap of nearest neighbours; `None` if the spaces have fewer than two epochs in common.
    pub neighbours: Option<NeighbourAgreement>,
    /// Agreement of zero-shot stages; `None` if the spaces have no epoch in common.
    pub labels: Option<LabelAgreement>,
    /// Recordings left out because they are damaged in one of the spaces.
    pub damaged: Vec<RecordingId>,
}

/// Compares two spaces of one collection; the first is the reference.
///
/// # Errors
///
/// Those of reading the spaces. Damaged recordings are left out and listed.
pub fn compare(
    first: &ComparedSpace,
    second: &ComparedSpace,
    settings: CompareSettings,
) -> Result<Comparison> {
    let mut random = Pcg64Mcg::seed_from_u64(settings.seed);
    let coverage = Coverage::of(first.snapshot.recordings(), second.snapshot.recordings());
    let mut damaged = BTreeSet::new();
    let common = common(first, second);
    let neighbours =
        neighbour_overlap::compare([first, second], &common, settings.n_epochs, &mut random)?;
    let mut sample = common;
    sample.shuffle(&mut random);
    sample.truncate(settings.n_recordings);
    let labels = stage_agreement::compare([first, second], &sample, &mut damaged)?;
    for ComparedSpace { snapshot, .. } in [first, second] {
        // A recording whose upload has not finished is not in the space yet; it is not damaged.
        let missing = snapshot.missing().into_iter();
        let is_damaged = |reason: &MissingReason| *reason == MissingReason::Damaged;
        damaged.extend(missing.filter(|(_, reason)| is_damaged(reason)).map(|(id, _)| id));
    }
    Ok(Comparison { coverage, neighbours, labels, damaged: damaged.into_iter().collect() })
}

/// Returns the recordings that both spaces have, read from identical files.
fn common(first: &ComparedSpace, second: &ComparedSpace) -> Vec<RecordingId> {
    let entries = first.entries().into_iter().filter(|entry| {
        let other = second.snapshot.entry(&entry.id);
        other.is_some_and(|other| other.source_sha256 == entry.source_sha256)
    });
    entries.map(|entry| entry.id.clone()).collect()
}
