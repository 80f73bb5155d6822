//! How far two spaces of a collection agree, measured before one is promoted.

mod compared_space;
mod nearest_stage;
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
    let coverage = Coverage::of(&*first.snapshot, &*second.snapshot);
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

#[cfg(test)]
mod tests {
    use nocturne_encoder::PromptSet;
    use nocturne_index::RecordingDraft;

    use super::*;
    use crate::live::snapshot::Snapshot;
    use crate::question::compare::nearest_stage::NearestStage;
    use crate::tests::collections::{damage, fill, live, night};

    /// A space to compare, in a folder of its own.
    struct Lab {
        folder: tempfile::TempDir,
    }

    impl Lab {
        fn of(drafts: impl IntoIterator<Item = RecordingDraft>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fill(folder.path(), drafts);
            Self { folder }
        }

        fn space(&self) -> ComparedSpace {
            let path = self.folder.path();
            let pinned = live(path).newest().unwrap();
            let directions = pinned.bundle.texts.directions(PromptSet::stages()).unwrap();
            let stages = NearestStage::new(&directions);
            ComparedSpace { snapshot: Snapshot::open(&path.into()).unwrap(), stages }
        }
    }

    fn compare_all(first: &Lab, second: &Lab) -> Comparison {
        compare(&first.space(), &second.space(), CompareSettings::default()).unwrap()
    }

    #[test]
    fn equal_spaces_agree() {
        let drafts = || [night("a", "WW1122!33RR"), night("b", "W2!2W3R")];
        let comparison = compare_all(&Lab::of(drafts()), &Lab::of(drafts()));
        let neighbours = comparison.neighbours.unwrap();
        assert_eq!(neighbours.mean_overlap, 1.0);
        let labels = comparison.labels.unwrap();
        assert_eq!((labels.n_recordings, labels.between.kappa), (2, Some(1.0)));
        assert_eq!((labels.first_scored.n_epochs, labels.first_scored.kappa), (16, Some(1.0)));
        assert_eq!(comparison.damaged, []);
    }

    #[test]
    fn different_vectors_agree_less() {
        let scored = || night("a", "WWWWWW222222333333");
        let mut shuffled = scored();
        let vectors: Vec<_> = shuffled.epochs.iter().map(|epoch| epoch.vector.clone()).collect();
        // Wake is encoded as N2, N2 as N3, N3 as wake.
        for (i, epoch) in shuffled.epochs.iter_mut().enumerate() {
            epoch.vector = vectors[(i + 6) % vectors.len()].clone();
        }
        let comparison = compare_all(&Lab::of([scored()]), &Lab::of([shuffled]));
        let labels = comparison.labels.unwrap();
        assert_eq!(labels.first_scored.kappa, Some(1.0));
        assert!(labels.second_scored.kappa.unwrap() < 0.0, "{labels:?}");
        assert!(labels.between.kappa.unwrap() < 0.0, "{labels:?}");
    }

    #[test]
    fn only_recordings_of_both_spaces_are_compared() {
        let first = Lab::of([night("a", "W2"), night("b", "W2")]);
        let second = Lab::of([night("b", "W2"), night("c", "W2")]);
        let comparison = compare_all(&first, &second);
        assert_eq!(comparison.labels.unwrap().n_recordings, 1);
        let comparison = compare_all(&first, &Lab::of([night("c", "W2")]));
        assert_eq!((comparison.neighbours, comparison.labels), (None, None));
    }

    #[test]
    fn damaged_recordings_are_left_out_and_listed() {
        let drafts = || [night("a", "W2"), night("b", "W2")];
        let (first, second) = (Lab::of(drafts()), Lab::of(drafts()));
        damage(second.folder.path(), "a");
        let comparison = compare_all(&first, &second);
        assert_eq!(comparison.labels.unwrap().n_recordings, 1);
        assert_eq!(comparison.damaged, ["a".parse().unwrap()]);
    }

    #[test]
    fn same_seed_draws_the_same_sample() {
        let lab = Lab::of([night("a", "W1!2233RRW2!3"), night("b", "W2!2W3R")]);
        let settings = CompareSettings { n_epochs: 5, n_recordings: 1, seed: 7 };
        let comparison = || compare(&lab.space(), &lab.space(), settings).unwrap();
        assert_eq!(comparison(), comparison());
        assert!(comparison().neighbours.unwrap().n_epochs <= 5);
    }
}
