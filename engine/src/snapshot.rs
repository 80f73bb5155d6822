//! One generation of a collection in memory, ready for questions.

use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_index::{
    Collection, ExactIndex, Filter, Found, PlannedIndex, SearchRequest, VectorIndex,
};
use nocturne_psg::RecordingId;

use crate::Result;

/// A collection as it was at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) collection: Collection,
    pub(crate) exact: Arc<ExactIndex>,
    index: Arc<PlannedIndex>,
}

impl Snapshot {
    /// Opens the first generation.
    pub(crate) fn open(collection: Collection) -> Result<Self> {
        let index = PlannedIndex::open(&collection)?;
        Ok(Self::new(collection, index))
    }

    /// Opens a later generation of the same space; what it shares with this one is not read again.
    pub(crate) fn followed_by(&self, collection: Collection) -> Result<Self> {
        let index = self.index.followed_by(&collection)?;
        Ok(Self::new(collection, index))
    }

    fn new(collection: Collection, index: PlannedIndex) -> Self {
        Self { collection, exact: Arc::clone(index.exact()), index: Arc::new(index) }
    }

    /// Returns the names of the recordings that are damaged and left out, as far as questions have met them.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.exact.missing().iter().map(|missing| missing.recording.to_string()).collect()
    }

    /// Refuses a filter that names what is not there, or what is damaged.
    pub(crate) fn check(&self, filter: &Filter) -> Result<()> {
        filter.check(&self.collection.recordings())?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.exact.recording(id).map(|_| ()))?;
        Ok(())
    }

    /// Returns whether a recording may have epochs that a filter allows.
    pub(crate) fn may_allow(&self, id: &RecordingId, filter: &Filter) -> bool {
        self.collection.entry(id).is_some_and(|entry| filter.may_allow(entry))
    }

    /// Makes lists where there are none that fit; returns whether it did.
    pub(crate) fn improve(&self) -> Result<bool> {
        Ok(self.index.improve()?)
    }

    pub(crate) fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        Ok(self.index.find(query, request)?)
    }
}
