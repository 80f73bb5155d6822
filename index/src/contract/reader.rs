//! The contract of a reader: a snapshot of one embedding space of a collection, in a folder or on a Qdrant server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use crate::contract::CaptionHit;
use crate::contract::{CacheProblem, SearchRequest, SpaceRecord, Track, TrackDraft, VectorIndex};
use crate::error::{Error, LocationName, Result};
use crate::filter::Filter;
use crate::recording::{EmbeddingSpace, EpochRow, RecordingEntry, SpaceName};
use crate::storage::segment::MissingRecording;
use crate::storage::segment::Recording;
use crate::vector::ScoreTable;

/// A recording that fails verification, and why.
pub type VerifyProblem<'a> = (&'a RecordingId, Error);

/// A snapshot of one embedding space of a collection: its recordings, and every way to search them.
///
/// A reader takes no lock. It stays in the space that it was opened in, whichever space is served later;
/// [`is_served`](Self::is_served) reports whether a reader that followed the pointer should be opened again.
pub trait CollectionReader: VectorIndex + std::fmt::Debug {
    /// Returns where the space is, for messages.
    fn location(&self) -> LocationName;

    /// Returns the name of the space.
    fn space_name(&self) -> SpaceName;

    /// Returns the number of this snapshot; every change of the space increases it.
    fn generation(&self) -> u64;

    /// Returns the record of the bundle that fills the space, or `None` if none was written.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Format`], and those of the store.
    fn record(&self) -> Result<Option<SpaceRecord>>;

    /// Returns the entries of the acknowledged recordings, by ascending id.
    fn entries(&self) -> Vec<&RecordingEntry>;

    /// Returns the entry of a recording, or `None` if there is no recording of that id.
    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry>;

    /// Returns the recordings whose upload was not completed, by ascending id. They are in no answer.
    fn unfinished(&self) -> Vec<RecordingId> {
        Vec::new()
    }

    /// Returns what is stored of the epochs of a recording beside their vectors, in order, or `None` if the recording is
    /// damaged.
    ///
    /// # Errors
    ///
    /// Those of reading the recording, except damage.
    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>>;

    /// Returns a recording for a question about its epochs. A folder keeps it in memory; a server sends it without its
    /// captions.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`]; an error for which [`Error::is_damage`] holds if the recording is not what was
    /// written; one for which [`Error::is_outdated`] holds if it was replaced or removed since; and those of the store.
    fn recording(&self, id: &RecordingId) -> Result<Arc<Recording>>;

    /// Reads a recording with its captions, and keeps nothing of it in memory.
    ///
    /// # Errors
    ///
    /// Those of [`recording`](Self::recording).
    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>>;

    /// Reads the epochs of a recording, with or without its captions, and keeps nothing of it in memory.
    ///
    /// # Errors
    ///
    /// Those of [`recording`](Self::recording).
    fn read_epochs(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        self.read_recording(id)
    }

    /// Reads the sealed segment of a recording, every byte checked, for a copy of it.
    ///
    /// # Errors
    ///
    /// Those of [`recording`](Self::recording).
    fn read_segment(&self, id: &RecordingId) -> Result<Vec<u8>>;

    /// Returns the embedding of an epoch.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEpoch`], and those of [`recording`](Self::recording).
    fn embedding(&self, epoch: &EpochRef) -> Result<Embedding>;

    /// Opens what searches need, so that the first search is as fast as the next.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn open_index(&self) -> Result<()>;

    /// Builds the approximate indexes that would make searches faster and are missing or out of date, and returns whether
    /// there was anything to do. Searches go on meanwhile. A server builds its own, so there is never anything to do.
    ///
    /// # Errors
    ///
    /// Those of the store; the indexes that exist stay in use then.
    fn build_indexes(&self) -> Result<bool>;

    /// Returns the captions nearest to a query, such as the embedding of an epoch.
    ///
    /// The filter restricts the epochs that the captions describe; `kinds` restricts the kinds of caption.
    /// Hits come by descending score, then by recording id, epoch, and position among the captions of the epoch.
    ///
    /// # Errors
    ///
    /// Those of [`search`](VectorIndex::search).
    fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>>;

    /// Scores every epoch of the recordings that `includes` accepts with every query, and calls `visit` with each
    /// recording and its scores. Several recordings are scored and visited at once. Damaged recordings are left out and
    /// reported by [`missing`](Self::missing).
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`], and those of the store.
    fn score_recordings(
        &self,
        queries: &[Embedding],
        includes: &(dyn Fn(&RecordingId) -> bool + Sync),
        visit: &(dyn Fn(&Recording, &ScoreTable) + Sync),
    ) -> Result<()>;

    /// Returns how [`score_recordings`](Self::score_recordings) reads the epochs, for the answers to questions: `scan` in a
    /// folder, `qdrant pass` on a server.
    fn scan_plan(&self) -> &'static str {
        "scan"
    }

    /// Returns the concept tracks of recordings of this snapshot, in their order: those of a version, or of any version for
    /// a copy of them.
    ///
    /// A folder opens the file of a track when it is first used; a server sends all of them, about 40 kB for a night.
    ///
    /// # Errors
    ///
    /// Those of the store. A track that is missing, of another version or damaged is not an error: [`Track::bytes`] says so.
    fn tracks(&self, version: Option<&str>, entries: &[&RecordingEntry])
    -> Result<Vec<Arc<Track>>>;

    /// Stores tracks that were computed again, of any version; each replaces the track of its recording. Like other caches,
    /// they may be stored while a writer is at work.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], before anything is stored, and those of the store.
    fn save_tracks(&self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()>;

    /// Returns the recordings that are left out of every answer, as far as questions have met them.
    fn missing(&self) -> Vec<MissingRecording>;

    /// Refuses a filter that names a recording that does not exist or is damaged, or a column that does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], [`Error::Filter`], and one for which [`Error::is_damage`] holds.
    fn check_filter(&self, filter: &Filter) -> Result<()>;

    /// Returns whether the collection still serves the space that this reader was opened in; always `true` for a reader
    /// that was opened by the name of its space.
    ///
    /// # Errors
    ///
    /// Those of reading the pointer.
    fn is_served(&self) -> Result<bool>;

    /// Returns whether the space is unchanged since this snapshot.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn is_current(&self) -> Result<bool>;

    /// Opens the newest snapshot of the same space, or returns `None` if this is the newest. Recordings that are in memory
    /// and unchanged are not read again.
    ///
    /// # Errors
    ///
    /// Those of opening the space.
    fn refresh(&self) -> Result<Option<Box<dyn CollectionReader>>>;

    /// Checks once, without retries, that the collection can be reached.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], and those of the store.
    fn check_reachable(&self) -> Result<()>;

    /// Reads every byte of every recording and returns the recordings that are not what was written.
    fn verify(&self) -> Box<dyn Iterator<Item = VerifyProblem<'_>> + '_>;

    /// Compares the approximate indexes that are stored beside the recordings with the recordings, and returns what is
    /// wrong with them. No recording depends on them.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn verify_caches(&self) -> Result<Vec<CacheProblem>> {
        Ok(Vec::new())
    }
}

impl dyn CollectionReader + '_ {
    /// Refuses a bundle that did not fill the space.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`].
    pub fn expect_space(&self, expected: &EmbeddingSpace) -> Result<()> {
        expect_space(self.location(), self.space(), expected)
    }

    /// Scores recordings as [`score_recordings`](CollectionReader::score_recordings) does, and returns what `visit` makes
    /// of each, by ascending id.
    ///
    /// # Errors
    ///
    /// Those of [`score_recordings`](CollectionReader::score_recordings).
    pub fn score_all<T: Send>(
        &self,
        queries: &[Embedding],
        includes: impl Fn(&RecordingId) -> bool + Sync,
        visit: impl Fn(&Recording, &ScoreTable) -> T + Sync,
    ) -> Result<Vec<T>> {
        // Recordings arrive in any order, because several threads score them.
        let visited = Mutex::new(Vec::new());
        self.score_recordings(queries, &includes, &|recording, scores| {
            let visit = (recording.id().clone(), visit(recording, scores));
            visited.lock().unwrap_or_else(PoisonError::into_inner).push(visit);
        })?;
        let mut visited = visited.into_inner().unwrap_or_else(PoisonError::into_inner);
        visited.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(visited.into_iter().map(|(_, visit)| visit).collect())
    }
}

/// Refuses a space whose vectors cannot be compared with those of the collection at `location`.
pub(crate) fn expect_space(
    location: LocationName,
    found: &EmbeddingSpace,
    expected: &EmbeddingSpace,
) -> Result<()> {
    if found.is_same(expected) {
        return Ok(());
    }
    Err(Error::OtherBundle {
        location,
        found: Box::new(found.clone()),
        expected: Box::new(expected.clone()),
    })
}
