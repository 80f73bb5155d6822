//! A collection in Qdrant as a place that recordings are indexed into.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_psg::RecordingId;

use super::QdrantWriter;
use crate::contract::Destination;
use crate::error::{Error, Result};
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry};

impl Destination for QdrantWriter {
    fn space(&self) -> &EmbeddingSpace {
        Self::space(self)
    }

    fn set_bundle(&mut self, bundle: &Bundle, now: Timestamp) -> Result<()> {
        Self::set_bundle(self, bundle, now)
    }

    fn recordings(&self) -> Box<dyn ExactSizeIterator<Item = &RecordingEntry> + '_> {
        Box::new(Self::recordings(self))
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        Self::entry(self, id)
    }

    /// Returns nothing: to find out, every point of the collection would have to cross the network, which
    /// [`QdrantCollection::verify`](super::QdrantCollection::verify) does.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>> {
        Ok(Vec::new())
    }

    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        Self::commit(self, draft)
    }

    fn set_metadata(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<RecordingEntry> {
        Self::set_metadata(self, id, metadata)
    }

    fn remove(&mut self, id: &RecordingId) -> Result<()> {
        Self::remove(self, id)
    }
}
