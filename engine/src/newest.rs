//! One generation of a collection in memory, ready for questions.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

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

    /// Opens a later generation; what it shares with this one is not read again.
    fn followed_by(&self, collection: Collection) -> Result<Self> {
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

    pub(crate) fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        Ok(self.index.find(query, request)?)
    }
}

/// The newest snapshot; questions that are under way keep the one that they began with.
#[derive(Debug)]
pub(crate) struct Newest {
    // A std lock: it is held to copy a pointer, never across a search or an await.
    snapshot: RwLock<Arc<Snapshot>>,
    /// Makes lists for the greater collections; nothing where that is left to others.
    listing: Option<Mutex<Listing>>,
}

/// The thread that makes lists, one at a time, and the generation that it makes them for.
type Listing = Option<(u64, JoinHandle<()>)>;

impl Newest {
    /// Begins with a snapshot; `makes_lists` has lists made in the background where they are worth it.
    pub(crate) fn new(snapshot: Snapshot, makes_lists: bool) -> Self {
        let listing = makes_lists.then(Mutex::default);
        let newest = Self { snapshot: RwLock::new(Arc::new(snapshot)), listing };
        newest.make_lists(&newest.held());
        newest
    }

    /// Returns the newest snapshot, after a look whether a writer has gone on.
    pub(crate) fn get(&self) -> Result<Arc<Snapshot>> {
        let current = self.held();
        let newest = match current.collection.refresh()? {
            None => current,
            Some(collection) => {
                let next = Arc::new(current.followed_by(collection)?);
                tracing::info!(
                    generation = next.collection.generation(),
                    "the collection has grown"
                );
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
                next
            }
        };
        self.make_lists(&newest);
        Ok(newest)
    }

    fn held(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes lists for a snapshot unless that was done, or others are under way; searches go on meanwhile, and without
    /// lists they look at every epoch.
    fn make_lists(&self, snapshot: &Arc<Snapshot>) {
        let Some(listing) = &self.listing else { return };
        let generation = snapshot.collection.generation();
        let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
        if listing.as_ref().is_some_and(|(of, thread)| *of == generation || !thread.is_finished()) {
            return;
        }
        let index = Arc::clone(&snapshot.index);
        let make = move || match index.improve() {
            Ok(true) => tracing::info!(generation, "lists are made"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!("searches look at every epoch, for want of lists: {error}");
            }
        };
        match std::thread::Builder::new().name("nocturne-lists".to_owned()).spawn(make) {
            Ok(thread) => *listing = Some((generation, thread)),
            Err(error) => tracing::warn!("cannot start a thread that makes lists: {error}"),
        }
    }
}
