//! One generation of a collection in memory, ready for questions.

use std::sync::{Arc, RwLock};

use nocturne_encoder::Embedding;
use nocturne_index::{
    Collection, ExactIndex, Filter, Hit, HnswIndex, HnswSettings, SearchRequest, VectorIndex,
};
use nocturne_psg::RecordingId;

use crate::Result;

/// How epochs are searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Search {
    /// Every epoch is looked at.
    #[default]
    Exact,
    /// A graph leads to the nearest; some may be missed.
    Graph,
}

impl Search {
    /// Returns the name: `exact` or `graph`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Graph => "graph",
        }
    }
}

/// A collection as it was at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) collection: Collection,
    pub(crate) exact: Arc<ExactIndex>,
    graph: Option<HnswIndex>,
}

impl Snapshot {
    /// Opens a generation; what a collection shares with an earlier one is not read again.
    pub(crate) fn open(collection: Collection, search: Search) -> Result<Self> {
        let exact = Arc::new(ExactIndex::open(&collection)?);
        let graph = match search {
            Search::Exact => None,
            Search::Graph => Some(HnswIndex::build(Arc::clone(&exact), HnswSettings::default())?),
        };
        Ok(Self { collection, exact, graph })
    }

    /// Returns the names of the recordings that are damaged and left out.
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

    pub(crate) fn search(&self, query: &Embedding, request: &SearchRequest) -> Result<Vec<Hit>> {
        let index: &dyn VectorIndex =
            self.graph.as_ref().map_or(self.exact.as_ref(), |graph| graph);
        Ok(index.search(query, request)?)
    }
}

/// The newest snapshot; questions that are under way keep the one that they began with.
#[derive(Debug)]
pub(crate) struct Newest {
    // A std lock: it is held to copy a pointer, never across a search or an await.
    snapshot: RwLock<Arc<Snapshot>>,
    search: Search,
}

impl Newest {
    pub(crate) fn new(snapshot: Snapshot, search: Search) -> Self {
        Self { snapshot: RwLock::new(Arc::new(snapshot)), search }
    }

    /// Returns the newest snapshot, after a look whether a writer has gone on.
    pub(crate) fn get(&self) -> Result<Arc<Snapshot>> {
        let current = self.held();
        let Some(collection) = current.collection.refresh()? else { return Ok(current) };
        let next = Arc::new(Snapshot::open(collection, self.search)?);
        tracing::info!(generation = next.collection.generation(), "the collection has grown");
        *self.snapshot.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Arc::clone(&next);
        Ok(next)
    }

    fn held(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
