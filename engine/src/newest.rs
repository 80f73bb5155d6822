//! The newest snapshot of a collection that grows.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use crate::Result;
use crate::snapshot::Snapshot;

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
        let newest = match current.refresh()? {
            None => current,
            Some(next) => {
                let next = Arc::new(next);
                tracing::info!(generation = next.generation(), "the collection has grown");
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
                next
            }
        };
        self.make_lists(&newest);
        Ok(newest)
    }

    /// Returns the newest snapshot that is known.
    pub(crate) fn held(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes lists for a snapshot unless that was done, or others are under way; searches go on meanwhile, and without
    /// lists they look at every epoch.
    fn make_lists(&self, snapshot: &Arc<Snapshot>) {
        let (Some(listing), Some(index)) = (&self.listing, snapshot.planned()) else { return };
        let generation = snapshot.generation();
        let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
        if listing.as_ref().is_some_and(|(of, thread)| *of == generation || !thread.is_finished()) {
            return;
        }
        let index = Arc::clone(index);
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
