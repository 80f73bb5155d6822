//! The newest snapshot of a collection that grows, and the thread that builds its approximate index.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use crate::error::Result;
use crate::live::snapshot::Snapshot;

/// The newest snapshot. Questions in progress keep the one that they started with.
#[derive(Debug)]
pub(crate) struct LiveSnapshot {
    // A std lock: it is locked to copy a pointer, never across a search or an await.
    snapshot: RwLock<Arc<Snapshot>>,
    /// `None` if the approximate index is not built in the background.
    index_build: Option<Mutex<Option<IndexBuild>>>,
}

/// A thread that builds the approximate index of one generation.
#[derive(Debug)]
struct IndexBuild {
    generation: u64,
    thread: JoinHandle<()>,
}

impl LiveSnapshot {
    /// Starts with a snapshot. If `builds_index`, a background thread builds the approximate index of collections that
    /// are large enough for it.
    pub(crate) fn new(snapshot: Snapshot, builds_index: bool) -> Self {
        let index_build = builds_index.then(Mutex::default);
        let live = Self { snapshot: RwLock::new(Arc::new(snapshot)), index_build };
        live.build_index(&live.cached());
        live
    }

    /// Returns the newest snapshot, after checking the collection for a new commit.
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub(crate) fn refreshed(&self) -> Result<Arc<Snapshot>> {
        let current = self.cached();
        let newest = match current.refresh()? {
            None => current,
            Some(next) => {
                let next = Arc::new(next);
                tracing::info!(generation = next.generation(), "new commit in the collection");
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
                next
            }
        };
        self.build_index(&newest);
        Ok(newest)
    }

    /// Returns the last snapshot that was read.
    pub(crate) fn cached(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Builds the approximate index of a snapshot in the background, unless it was built or another build is running.
    /// Searches scan every epoch until it is ready.
    fn build_index(&self, snapshot: &Arc<Snapshot>) {
        let Some(build) = &self.index_build else { return };
        let generation = snapshot.generation();
        let mut build = build.lock().unwrap_or_else(PoisonError::into_inner);
        if build.as_ref().is_some_and(|it| it.generation == generation || !it.thread.is_finished())
        {
            return;
        }
        let snapshot = Arc::clone(snapshot);
        let work = move || match snapshot.build_indexes() {
            Ok(true) => tracing::info!(generation, "approximate index built"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(
                    "falling back to exact search: cannot build the approximate index: {error}"
                );
            }
        };
        match std::thread::Builder::new().name("nocturne-index".to_owned()).spawn(work) {
            Ok(thread) => *build = Some(IndexBuild { generation, thread }),
            Err(error) => {
                tracing::warn!(
                    "cannot start the thread that builds the approximate index: {error}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nocturne_index::qdrant::QdrantError;
    use nocturne_index::{CollectionWriter, FolderWriter};
    use nocturne_psg::Stage;
    use nocturne_qdrant_double::{Fault, QdrantDouble, When};

    use super::*;
    use crate::error::Error;
    use crate::tests::collections::{draft, fill, night, send, settings, space};
    use crate::tests::models::DIM;

    #[test]
    fn collection_in_qdrant_is_followed_through_commits_and_outages() {
        let double = QdrantDouble::start();
        let night = |name| draft(name, [(Stage::N2, vec![1.0, 0.0]), (Stage::Rem, vec![0.0, 1.0])]);
        send(&double, 2, vec![night("a")]);
        let snapshot = Snapshot::open(&settings(&double).into()).unwrap();
        let live = LiveSnapshot::new(snapshot, true);
        let before = live.refreshed().unwrap();
        assert_eq!(before.n_epochs(), 2);
        assert!(Arc::ptr_eq(&before, &live.refreshed().unwrap()), "there is no new commit");
        send(&double, 2, vec![night("b"), night("c")]);
        assert_eq!(live.refreshed().unwrap().n_epochs(), 6);
        assert_eq!(before.n_epochs(), 2, "a question keeps the snapshot that it started with");
        live.cached().check_reachable().unwrap();
        double.faults().plan(When::From(0), Fault::Unavailable);
        assert!(live.cached().check_reachable().is_err(), "the server does not answer");
        let error = live.refreshed().unwrap_err();
        let Error::Index(error) = &error else { panic!("{error}") };
        assert!(error.is_unreachable(), "{error}");
        let attempts = match QdrantError::of(error) {
            Some(QdrantError::Request { attempts, .. }) => *attempts,
            _ => 0,
        };
        assert_eq!(attempts, 6, "{error}");
        double.faults().clear();
        assert_eq!(live.refreshed().unwrap().n_epochs(), 6);
    }

    #[test]
    fn commit_in_a_folder_is_visible_to_the_next_question_only() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), [night("a", "W2")]);
        let live = LiveSnapshot::new(Snapshot::open(&folder.path().into()).unwrap(), false);
        let before = live.refreshed().unwrap();
        let mut writer = FolderWriter::open(folder.path(), &space(DIM)).unwrap();
        writer.commit(night("b", "333")).unwrap();
        assert_eq!(live.cached().n_epochs(), 2, "the collection is not read");
        let after = live.refreshed().unwrap();
        assert_eq!((before.n_epochs(), after.n_epochs()), (2, 5));
        assert!(after.generation() > before.generation());
        assert!(Arc::ptr_eq(&after, &live.cached()));
    }

    #[test]
    fn index_is_built_once_for_each_generation() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), [night("a", "W2")]);
        let live = LiveSnapshot::new(Snapshot::open(&folder.path().into()).unwrap(), true);
        let build = || {
            let build = live.index_build.as_ref().unwrap().lock().unwrap();
            let IndexBuild { generation, thread } = build.as_ref().unwrap();
            (*generation, thread.thread().id())
        };
        let first = build();
        live.refreshed().unwrap();
        assert_eq!(build(), first, "there is no new commit");
    }
}
