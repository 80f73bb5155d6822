//! The space that is served now, with the bundle that filled it.
//!
//! A question pins a snapshot and its bundle together ([`PinnedSpace`]), so it never compares a vector of one space with
//! a vector of another, however often a space is promoted while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use nocturne_index::{Filter, RecordingEntry};

use crate::error::Result;
use crate::live::refresh::LiveSnapshot;
use crate::live::snapshot::Snapshot;
use crate::live::track_cache::TrackCache;
use crate::model::opened_bundle::OpenedBundle;
use crate::options::{EngineOptions, check_recall};

/// A snapshot and the bundle that filled it: what one question is answered from, from start to end.
#[derive(Debug)]
pub(crate) struct PinnedSpace {
    pub(crate) bundle: Arc<OpenedBundle>,
    snapshot: Arc<Snapshot>,
    tracks: Arc<TrackCache>,
    /// Default of [`recall`](Self::recall).
    pub(crate) default_recall: Option<f32>,
}

impl PinnedSpace {
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns the tracks of the space.
    pub(crate) fn tracks(&self) -> &TrackCache {
        &self.tracks
    }

    /// Returns which epochs of a recording a filter allows; `None` if it depends on the recording alone.
    ///
    /// # Errors
    ///
    /// Those of reading the recording.
    pub(crate) fn allowed_rows(
        &self,
        entry: &RecordingEntry,
        filter: &Filter,
    ) -> Result<Option<Vec<bool>>> {
        if !filter.depends_on_epochs(entry) {
            return Ok(None);
        }
        let recording = self.snapshot.recording(&entry.id)?;
        let rows = recording.filter(filter);
        let is_allowed = |row| rows.as_ref().is_some_and(|rows| rows.allows(row));
        Ok(Some((0..recording.n_epochs()).map(is_allowed).collect()))
    }

    /// Returns the recall of a search: the requested one, or the engine's default. `None` is an exact search.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) if the requested recall is not in (0, 1].
    pub(crate) fn recall(&self, requested: Option<f32>) -> Result<Option<f32>> {
        requested.map_or(Ok(self.default_recall), |recall| check_recall(recall).map(Some))
    }
}

/// A space that grows, and the bundle that fills it.
#[derive(Debug)]
pub(crate) struct LiveSpace {
    bundle: Arc<OpenedBundle>,
    newest: LiveSnapshot,
    tracks: Arc<TrackCache>,
    default_recall: Option<f32>,
}

impl LiveSpace {
    /// Starts with a snapshot.
    pub(crate) fn new(
        bundle: Arc<OpenedBundle>,
        snapshot: Snapshot,
        options: EngineOptions,
    ) -> Self {
        let newest = LiveSnapshot::new(snapshot, options.keeps_up);
        Self { bundle, newest, tracks: Arc::default(), default_recall: options.recall }
    }

    fn pin(&self, snapshot: Arc<Snapshot>) -> PinnedSpace {
        let (bundle, tracks) = (Arc::clone(&self.bundle), Arc::clone(&self.tracks));
        PinnedSpace { bundle, snapshot, tracks, default_recall: self.default_recall }
    }
}

/// The space that new questions are put to. Questions in progress keep the one that they pinned.
#[derive(Debug)]
pub(crate) struct LiveCollection {
    // A std lock: it is locked to copy a pointer, never across a search or an await.
    space: RwLock<Arc<LiveSpace>>,
}

impl LiveCollection {
    pub(crate) fn new(space: LiveSpace) -> Self {
        Self { space: RwLock::new(Arc::new(space)) }
    }

    /// Pins the newest generation of the space, after checking the collection for a new commit. If another space is
    /// served by now, the snapshot stays as it is until [`replace`](Self::replace).
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub(crate) fn newest(&self) -> Result<PinnedSpace> {
        let space = self.space();
        Ok(space.pin(space.newest.refreshed()?))
    }

    /// Pins the last generation that was read, without reading the collection.
    pub(crate) fn cached(&self) -> PinnedSpace {
        let space = self.space();
        space.pin(space.newest.cached())
    }

    /// Puts new questions to another space.
    pub(crate) fn replace(&self, space: LiveSpace) {
        *self.space.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(space);
    }

    fn space(&self) -> Arc<LiveSpace> {
        Arc::clone(&self.space.read().unwrap_or_else(PoisonError::into_inner))
    }
}
