//! One of the two spaces of a comparison.

use std::collections::BTreeSet;

use nocturne_encoder::{Bundle, PromptSet, Runtime};
use nocturne_index::{EmbeddingSpace, Location, RecordingEntry, SpaceName};
use nocturne_psg::RecordingId;

use crate::error::Result;
use crate::live::snapshot::Snapshot;
use crate::model::opened_bundle::OpenedBundle;
use crate::options::EngineOptions;
use crate::question::compare::nearest_stage::NearestStage;

/// A space, and the stage prompts of its bundle.
#[derive(Debug)]
pub struct ComparedSpace {
    pub(super) snapshot: Snapshot,
    pub(super) stages: NearestStage,
}

impl ComparedSpace {
    /// Opens a space of a collection with the bundle that filled it.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::OtherBundle`] if another bundle filled it, and the errors of opening either.
    pub fn open(
        collection: &Location,
        name: &SpaceName,
        bundle: &Bundle,
        runtime: Runtime,
        options: EngineOptions,
    ) -> Result<Self> {
        let snapshot = Snapshot::of_space(collection, name)?;
        snapshot.expect_space(&EmbeddingSpace::of(bundle))?;
        let open =
            OpenedBundle::open(bundle, runtime, EngineOptions { captions: false, ..options })?;
        let stages = NearestStage::new(&open.texts.directions(PromptSet::stages())?);
        Ok(Self { snapshot, stages })
    }

    pub(super) fn entries(&self) -> Vec<&RecordingEntry> {
        self.snapshot.entries()
    }
}

/// Returns the result; if the recording is damaged, adds it to `damaged` and returns `None`.
pub(super) fn unless_damaged<T>(
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
