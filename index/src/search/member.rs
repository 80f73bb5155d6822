//! The recordings that a cache was made of, and where a snapshot has them.

use nocturne_psg::RecordingId;
use serde::{Deserialize, Serialize};

use crate::recording::SegmentHash;
use crate::search::ExactIndex;
use crate::storage::Handle;

/// A recording whose rows are in a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    pub(crate) id: RecordingId,
    pub(crate) segment: SegmentHash,
    pub(crate) n_epochs: usize,
}

impl Member {
    /// Names a recording of a snapshot.
    pub(crate) fn of(handle: &Handle) -> Self {
        let entry = handle.entry();
        Self { id: entry.id.clone(), segment: entry.segment.hash, n_epochs: entry.n_epochs }
    }

    /// Returns the recording's number in a snapshot, unless it was removed, replaced or damaged.
    pub(crate) fn number_in(&self, exact: &ExactIndex) -> Option<usize> {
        let number = exact.number_of(&self.id)?;
        let handle = &exact.handles()[number];
        (handle.damage().is_none() && Self::of(handle) == *self).then_some(number)
    }
}
