//! One generation of a collection, ready for questions, in a folder or in Qdrant.
//!
//! Whichever it is, a question gets the same vectors and does the same sums with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_index::qdrant::{QdrantCollection, QdrantIndex, QdrantSpaces};
use nocturne_index::{
    CaptionHit, Collection, EmbeddingSpace, Filter, PlannedIndex, Recording, RecordingEntry,
    Recordings, Result, ScoreTable, SearchAnswer, SearchRequest, SpaceName, Spaces, VectorIndex,
};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use crate::live::source::Source;

/// A collection as it was at one moment.
#[derive(Debug)]
pub(crate) enum Snapshot {
    Folder {
        collection: Box<Collection>,
        index: Arc<PlannedIndex>,
    },
    /// What was acknowledged at that moment; a recording that was replaced since ends a question with an error.
    Qdrant(Box<QdrantIndex>),
}

/// Why a recording of a snapshot cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingReason {
    /// Its part of the collection is damaged.
    Damaged,
    /// Its upload to Qdrant has not finished.
    NotUploaded,
}

impl Snapshot {
    /// Opens the newest generation of the space that is served, or that the address names.
    pub(crate) fn open(source: &Source) -> Result<Self> {
        match source {
            Source::Folder(folder) => Self::of_folder(Collection::open(folder)?),
            Source::Qdrant(settings) => {
                Ok(Self::of_qdrant(QdrantCollection::open((**settings).clone())?))
            }
        }
    }

    /// Opens the newest generation of a space, whichever is served.
    pub(crate) fn of_space(source: &Source, name: &SpaceName) -> Result<Self> {
        match source {
            Source::Folder(folder) => Self::of_folder(Spaces::of(folder).open(name)?),
            Source::Qdrant(settings) => {
                let spaces = QdrantSpaces::of((**settings).clone())?;
                Ok(Self::of_qdrant(spaces.open(name)?))
            }
        }
    }

    fn of_folder(collection: Collection) -> Result<Self> {
        let index = Arc::new(PlannedIndex::open(collection.segments()?)?);
        Ok(Self::Folder { collection: Box::new(collection), index })
    }

    fn of_qdrant(collection: QdrantCollection) -> Self {
        Self::Qdrant(Box::new(QdrantIndex::new(collection)))
    }

    /// Refuses a bundle that the space was not filled with.
    pub(crate) fn expect_space(&self, space: &EmbeddingSpace) -> Result<()> {
        match self {
            Self::Folder { collection, .. } => collection.expect_space(space),
            Self::Qdrant(index) => index.collection().expect_space(space),
        }
    }

    /// Returns which bundle the space was filled with.
    pub(crate) fn space(&self) -> &EmbeddingSpace {
        match self {
            Self::Folder { collection, .. } => collection.space(),
            Self::Qdrant(index) => index.collection().space(),
        }
    }

    /// Returns whether the collection still serves the space that this is of.
    pub(crate) fn is_served(&self) -> Result<bool> {
        match self {
            Self::Folder { collection, .. } => collection.is_served(),
            Self::Qdrant(index) => index.collection().is_served(),
        }
    }

    /// Returns the name of the space.
    pub(crate) fn space_name(&self) -> SpaceName {
        match self {
            Self::Folder { collection, .. } => collection.space_name().clone(),
            Self::Qdrant(index) => index.collection().space_name(),
        }
    }

    /// Opens the newest generation of the same space where it is a later one; what it shares with this one is not read again.
    pub(crate) fn refresh(&self) -> Result<Option<Self>> {
        match self {
            Self::Folder { collection, index } => {
                if !collection.is_served()? {
                    return Ok(None);
                }
                // It may have been promoted since the look.
                let is_same = |next: &Collection| next.space_name() == collection.space_name();
                let Some(collection) = collection.refresh()?.filter(is_same) else {
                    return Ok(None);
                };
                let index = Arc::new(index.followed_by(collection.segments()?)?);
                Ok(Some(Self::Folder { collection: Box::new(collection), index }))
            }
            Self::Qdrant(index) => {
                let newer = index.collection().refresh()?;
                Ok(newer.map(Self::of_qdrant))
            }
        }
    }

    /// Looks whether the collection can be reached, without trying again.
    pub(crate) fn look(&self) -> Result<()> {
        match self {
            Self::Folder { collection, .. } => collection.is_current().map(|_| ()),
            Self::Qdrant(index) => index.collection().reach(),
        }
    }

    /// Returns the index that can be made faster, where there is one.
    pub(crate) fn planned(&self) -> Option<&Arc<PlannedIndex>> {
        match self {
            Self::Folder { index, .. } => Some(index),
            Self::Qdrant(_) => None,
        }
    }

    /// Returns what can be listed and counted.
    pub(crate) fn recordings(&self) -> &dyn Recordings {
        match self {
            Self::Folder { collection, .. } => collection.as_ref(),
            Self::Qdrant(index) => index.collection(),
        }
    }

    pub(crate) fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        match self {
            Self::Folder { collection, .. } => collection.entry(id),
            Self::Qdrant(index) => index.collection().entry(id),
        }
    }

    pub(crate) fn n_epochs(&self) -> usize {
        match self {
            Self::Folder { index, .. } => index.n_epochs(),
            Self::Qdrant(index) => index.n_epochs(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        match self {
            Self::Folder { collection, .. } => collection.generation(),
            Self::Qdrant(index) => index.collection().generation(),
        }
    }

    /// Returns the recordings that questions found missing so far, and why.
    pub(crate) fn missing(&self) -> Vec<(RecordingId, MissingReason)> {
        let missing = match self {
            Self::Folder { index, .. } => index.exact().missing(),
            Self::Qdrant(index) => index.missing(),
        };
        // A recording in the manifest was complete once; one that is not is still being uploaded.
        let reason = |id: &RecordingId| match self.entry(id) {
            Some(_) => MissingReason::Damaged,
            None => MissingReason::NotUploaded,
        };
        missing.into_iter().map(|it| (it.recording.clone(), reason(&it.recording))).collect()
    }

    /// Refuses a filter that names what is not there, or what is damaged.
    pub(crate) fn check(&self, filter: &Filter) -> Result<()> {
        match self {
            Self::Folder { collection, index } => {
                filter.check(&collection.recordings())?;
                let mut named = filter.recordings.iter().flatten();
                named.try_for_each(|id| index.exact().recording(id).map(|_| ()))
            }
            Self::Qdrant(index) => index.expect_recordings(filter),
        }
    }

    /// Returns whether a recording may have epochs that a filter allows; of one that is not acknowledged, only its name
    /// is known.
    pub(crate) fn may_allow(&self, id: &RecordingId, filter: &Filter) -> bool {
        match self.entry(id) {
            Some(entry) => filter.may_allow(entry),
            None => filter.recordings.is_none() && !filter.excluded_recordings.contains(id),
        }
    }

    pub(crate) fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        match self {
            Self::Folder { index, .. } => index.find(query, request),
            Self::Qdrant(index) => index.find(query, request),
        }
    }

    pub(crate) fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        match self {
            Self::Folder { index, .. } => index.exact().search_captions(query, request, kinds),
            Self::Qdrant(index) => index.search_captions(query, request, kinds),
        }
    }

    pub(crate) fn embedding(&self, epoch: &EpochRef) -> Result<Embedding> {
        match self {
            Self::Folder { collection, .. } => collection.epoch(epoch)?.embedding(),
            Self::Qdrant(index) => index.collection().embedding(epoch),
        }
    }

    /// Returns a recording, which only a folder keeps in memory, and only a folder has with its captions.
    pub(crate) fn recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        match self {
            Self::Folder { index, .. } => index.exact().recording(id).cloned(),
            Self::Qdrant(index) => index.collection().recording(id),
        }
    }

    /// Scores every epoch of the recordings that are wanted, and returns what `visit` makes of each, by ascending name.
    pub(crate) fn score_all<T: Send>(
        &self,
        prompts: &[Embedding],
        is_wanted: impl Fn(&RecordingId) -> bool + Sync,
        visit: impl Fn(&Recording, &ScoreTable) -> T + Sync,
    ) -> Result<Vec<T>> {
        match self {
            Self::Folder { index, .. } => index.exact().score_all(prompts, is_wanted, visit),
            Self::Qdrant(index) => index.score_all(prompts, is_wanted, visit),
        }
    }
}
