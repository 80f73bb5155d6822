//! The recordings whose rows are in a cache file.

use nocturne_psg::RecordingId;
use serde::{Deserialize, Serialize};

use super::ExactIndex;
use crate::recording::ContentHash;
use crate::storage::segment::OpenSegment;

/// A recording whose rows are in a cache file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheMember {
    pub(super) id: RecordingId,
    pub(super) segment: ContentHash,
    pub(super) n_epochs: usize,
}

impl CacheMember {
    /// Describes a recording of a snapshot.
    pub(super) fn of(segment: &OpenSegment) -> Self {
        let entry = segment.entry();
        Self { id: entry.id.clone(), segment: entry.segment.hash, n_epochs: entry.n_epochs }
    }

    /// Returns the recording's position in a snapshot, or `None` if it was removed, replaced or damaged.
    pub(super) fn position_in(&self, exact: &ExactIndex) -> Option<usize> {
        let position = exact.position(&self.id)?;
        let segment = &exact.segments()[position];
        (segment.damage().is_none() && Self::of(segment) == *self).then_some(position)
    }
}
