//! How far two spaces of a collection agree, before one takes the place of the other.

mod labels;
mod neighbours;

use std::collections::BTreeSet;

use nocturne_encoder::{Bundle, PromptSet, Runtime};
use nocturne_index::{Coverage, RecordingEntry, Space, SpaceName};
use nocturne_psg::RecordingId;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::question::labels::LabelJudge;
use crate::model::opened_bundle::OpenedBundle;
use crate::live::snapshot::Snapshot;
use crate::error::Result;
use crate::live::source::Source;
use crate::options::Options;

pub use labels::{Kappa, LabelAgreement};
pub use neighbours::NeighbourAgreement;

/// A space, and its bundle's reading of the stages.
#[derive(Debug)]
pub struct ComparedSpace {
    snapshot: Snapshot,
    stages: LabelJudge,
}

impl ComparedSpace {
    /// Opens a space of a collection with the bundle that filled it.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::OtherBundle`] where another bundle filled it, and what opening either may give.
    pub fn open(
        collection: &Source,
        name: &SpaceName,
        bundle: &Bundle,
        runtime: Runtime,
        options: Options,
    ) -> Result<Self> {
        let snapshot = Snapshot::of_space(collection, name)?;
        snapshot.expect_space(&Space::of(bundle))?;
        let open = OpenedBundle::open(bundle, runtime, Options { captions: false, ..options })?;
        let set = PromptSet::stages();
        let stages = LabelJudge::new(set, &open.texts.directions(set)?, &open.manifest);
        Ok(Self { snapshot, stages })
    }

    fn entries(&self) -> Vec<&RecordingEntry> {
        self.snapshot.recordings().entries()
    }
}

/// What is looked at of two spaces that are too large to be compared whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompareSettings {
    /// Epochs whose nearest neighbours are compared.
    pub n_epochs: usize,
    /// Recordings whose epochs' labels are compared.
    pub n_recordings: usize,
    /// Seed by which both are drawn.
    pub seed: u64,
}

impl Default for CompareSettings {
    /// A second or so for small collections, minutes for millions of epochs.
    fn default() -> Self {
        Self { n_epochs: 200, n_recordings: 50, seed: 1 }
    }
}

/// How far two spaces agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the second has of the first.
    pub coverage: Coverage,
    /// Whether the same epochs are near; nothing where the spaces have no two epochs in common.
    pub neighbours: Option<NeighbourAgreement>,
    /// Whether the nearest prompts say the same stages; nothing where the spaces have no epoch in common.
    pub labels: Option<LabelAgreement>,
    /// Recordings that are damaged in one of them and were left out.
    pub damaged: Vec<RecordingId>,
}

/// Compares two spaces of one collection, the first being the one that is served or was.
///
/// # Errors
///
/// Those of reading them; damaged recordings are left out and named.
pub fn compare(
    first: &ComparedSpace,
    second: &ComparedSpace,
    settings: CompareSettings,
) -> Result<Comparison> {
    let mut random = Pcg64Mcg::seed_from_u64(settings.seed);
    let coverage = Coverage::of(first.snapshot.recordings(), second.snapshot.recordings());
    let mut damaged = BTreeSet::new();
    let common = common(first, second);
    let neighbours = neighbours::compare([first, second], &common, settings.n_epochs, &mut random)?;
    let mut some = common;
    some.shuffle(&mut random);
    some.truncate(settings.n_recordings);
    let labels = labels::compare([first, second], &some, &mut damaged)?;
    for ComparedSpace { snapshot, .. } in [first, second] {
        // What was not acknowledged is not in the space yet, and not damaged.
        let missing = snapshot.missing().into_iter().map(|(recording, _)| recording);
        damaged.extend(missing.filter(|recording| snapshot.entry(recording).is_some()));
    }
    Ok(Comparison { coverage, neighbours, labels, damaged: damaged.into_iter().collect() })
}

/// Returns the recordings that both have of the same bytes.
fn common(first: &ComparedSpace, second: &ComparedSpace) -> Vec<RecordingId> {
    let entries = first.entries().into_iter().filter(|entry| {
        let twin = second.snapshot.entry(&entry.id);
        twin.is_some_and(|twin| twin.source_sha256 == entry.source_sha256)
    });
    entries.map(|entry| entry.id.clone()).collect()
}

/// Returns what a recording gave, or nothing where it is damaged.
fn unless_damaged<T>(
    result: nocturne_index::Result<T>,
    id: &RecordingId,
    damaged: &mut BTreeSet<RecordingId>,
) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_damage() => {
            damaged.insert(id.clone());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
