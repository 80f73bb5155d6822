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

#[cfg(test)]
mod tests {
    use nocturne_index::qdrant::QdrantProblem;
    use nocturne_index::qdrant::double::{Double, Fault, When};
    use nocturne_psg::Stage;

    use super::*;
    use crate::Error;
    use crate::doubles::{draft, send, settings};

    #[test]
    fn collection_in_qdrant_is_followed_as_it_grows_and_through_failures() {
        let double = Double::start();
        let night = |name| draft(name, [(Stage::N2, vec![1.0, 0.0]), (Stage::Rem, vec![0.0, 1.0])]);
        send(&double, 2, vec![night("a")]);
        let snapshot = Snapshot::open(&settings(&double).into()).unwrap();
        let newest = Newest::new(snapshot, true);
        let before = newest.get().unwrap();
        assert_eq!(before.n_epochs(), 2);
        assert!(Arc::ptr_eq(&before, &newest.get().unwrap()), "nothing was written");
        send(&double, 2, vec![night("b"), night("c")]);
        assert_eq!(newest.get().unwrap().n_epochs(), 6);
        assert_eq!(before.n_epochs(), 2, "a question goes on with what it began with");
        double.faults().plan(When::From(0), Fault::Unavailable);
        let error = newest.get().unwrap_err();
        let is_told = matches!(&error, Error::Index(nocturne_index::Error::Qdrant(problem))
            if problem.is_out_of_reach() && matches!(problem, QdrantProblem::Refused { attempts: 6, .. }));
        assert!(is_told, "{error}");
        double.faults().heal();
        assert_eq!(newest.get().unwrap().n_epochs(), 6);
    }
}
