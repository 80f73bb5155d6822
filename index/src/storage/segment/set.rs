//! The open segments of one snapshot, which an index searches.

use std::sync::Arc;

use super::{MissingRecording, OpenSegment};
use crate::recording::EmbeddingSpace;
use crate::storage::Storage;

/// The open segments of one snapshot.
///
/// It is what a reader of a folder hands to an index, so that an index does not know how segments are listed.
#[derive(Debug, Clone)]
pub struct SegmentSet {
    pub(crate) space: EmbeddingSpace,
    /// Number of the snapshot.
    pub(crate) generation: u64,
    /// By ascending id of the recording.
    pub(crate) segments: Vec<Arc<OpenSegment>>,
    /// Recordings whose segment is lost.
    pub(crate) lost: Vec<MissingRecording>,
    /// The folder of the space, for the files of caches.
    pub(crate) storage: Arc<dyn Storage>,
}
