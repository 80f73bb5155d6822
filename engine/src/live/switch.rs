//! Switches to the space that is promoted.
//!
//! Opening a bundle takes seconds, so a thread of its own does it. Questions are answered in the previous space until
//! the promoted one is open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nocturne_encoder::{Bundle, Runtime};
use nocturne_index::{EmbeddingSpace, Location, SpaceRecord};

use crate::error::{Error, Result};
use crate::live::live_collection::{LiveCollection, LiveSpace};
use crate::live::snapshot::Snapshot;
use crate::model::opened_bundle::OpenedBundle;
use crate::options::EngineOptions;

/// Pause between two checks for a promotion.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause after a space that could not be opened.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Opens the bundle of a folder, if it filled the space of a snapshot.
type OpenBundle = dyn Fn(&Path, &Snapshot) -> Result<OpenedBundle> + Send + Sync;

/// Opens the space that a collection serves and puts questions to it.
pub(crate) struct SpaceSwitch {
    collection: Location,
    options: EngineOptions,
    live: Arc<LiveCollection>,
    open_bundle: Box<OpenBundle>,
    /// Folders of the bundles opened so far, by fingerprint, for spaces whose bundle folder is not recorded.
    folders: Mutex<BTreeMap<String, PathBuf>>,
}

impl std::fmt::Debug for SpaceSwitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpaceSwitch").field("collection", &self.collection).finish_non_exhaustive()
    }
}

impl SpaceSwitch {
    pub(crate) fn new(
        collection: Location,
        runtime: Runtime,
        options: EngineOptions,
        live: Arc<LiveCollection>,
    ) -> Self {
        let open = move |folder: &Path, snapshot: &Snapshot| {
            let bundle = Bundle::open(folder)?;
            snapshot.expect_space(&EmbeddingSpace::of(&bundle))?;
            OpenedBundle::open(&bundle, runtime, options)
        };
        Self::with(collection, options, live, Box::new(open))
    }

    /// Follows a collection with another way to open bundles; tests pass one that needs no model.
    pub(crate) fn with(
        collection: Location,
        options: EngineOptions,
        live: Arc<LiveCollection>,
        open_bundle: Box<OpenBundle>,
    ) -> Self {
        Self { collection, options, live, open_bundle, folders: Mutex::default() }
    }

    /// Switches to the served space if it is another one; returns whether it was.
    ///
    /// # Errors
    ///
    /// [`Error::BundleUnknown`], and those of opening the space and its bundle. The previous space stays live.
    pub(crate) fn follow(&self) -> Result<bool> {
        // Locked while opening, so that two callers do not open the same bundle.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.live.cached();
        if current.snapshot().is_served()? {
            return Ok(false);
        }
        folders.insert(current.bundle.fingerprint.clone(), current.bundle.folder.clone());
        let snapshot = Snapshot::open(&self.collection)?;
        let bundle = if snapshot.space().fingerprint == current.bundle.fingerprint {
            Arc::clone(&current.bundle)
        } else {
            let record = self.collection.spaces()?.record(&snapshot.space_name())?;
            Arc::new(self.open_bundle_of(&snapshot, record, &folders)?)
        };
        let (space, generation) = (snapshot.space_name(), snapshot.generation());
        self.live.replace(LiveSpace::new(bundle, snapshot, self.options));
        tracing::info!(space = space.as_str(), generation, "switched to the promoted space");
        Ok(true)
    }

    /// Opens the bundle that filled a space: from the recorded folder, or else from where it was opened before.
    fn open_bundle_of(
        &self,
        snapshot: &Snapshot,
        record: Option<SpaceRecord>,
        folders: &BTreeMap<String, PathBuf>,
    ) -> Result<OpenedBundle> {
        let space = snapshot.space();
        let recorded = record.map(|record| record.bundle_folder);
        let mut failure = None;
        for folder in recorded.iter().chain(folders.get(&space.fingerprint)) {
            match (self.open_bundle)(folder, snapshot) {
                Ok(bundle) => return Ok(bundle),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| Error::BundleUnknown {
            space: snapshot.space_name(),
            bundle: space.bundle.clone(),
            fingerprint: space.fingerprint.clone(),
        }))
    }
}

/// The thread that checks for promotions. It ends when this handle is dropped.
#[derive(Debug)]
pub(crate) struct SwitchThread {
    _stop: SyncSender<()>,
}

impl SwitchThread {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`Error::EncoderLost`] if the system refuses a thread.
    pub(crate) fn start(switch: Arc<SpaceSwitch>) -> Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let work = move || {
            let (mut last_problem, mut pause) = (String::new(), CHECK_INTERVAL);
            // Nothing is ever sent: the wait times out until the sender is dropped.
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                match switch.follow() {
                    Ok(_) => (last_problem, pause) = (String::new(), CHECK_INTERVAL),
                    Err(error) => {
                        let problem = error.to_string();
                        // A problem that lasts is logged once, not twice a minute.
                        if problem != last_problem {
                            tracing::warn!("cannot switch to the promoted space: {problem}");
                        }
                        (last_problem, pause) = (problem, RETRY_INTERVAL);
                    }
                }
            }
        };
        thread::Builder::new()
            .name("nocturne-spaces".to_owned())
            .spawn(work)
            .map_err(|_| Error::EncoderLost)?;
        Ok(Self { _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use nocturne_encoder::bundle::TokenizerSpec;
    use nocturne_index::{FolderSpaces, RequiredCoverage, SpaceName, Spaces};

    use super::*;
    use crate::tests::collections::{FINGERPRINT, fill, live, night, space};
    use crate::tests::models::{DIM, opened_bundle};

    /// A collection with a space `v2` beside `main`, and the switch that follows it.
    struct Lab {
        folder: tempfile::TempDir,
        live: Arc<LiveCollection>,
        switch: SpaceSwitch,
        n_opened: Arc<AtomicUsize>,
    }

    impl Lab {
        /// `fingerprint` is that of the bundle of `v2`, which is opened from folders called `fingerprint` only.
        fn new(fingerprint: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fill(folder.path(), [night("a", "W2")]);
            let spaces = FolderSpaces::of(folder.path());
            let v2 = SpaceName::new("v2").unwrap();
            spaces.create(&record(&v2, fingerprint)).unwrap();
            spaces.writer(&v2).unwrap().commit(night("a", "W2")).unwrap();
            let live = Arc::new(live(folder.path()));
            let n_opened = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&n_opened);
            let open = move |path: &Path, snapshot: &Snapshot| {
                counter.fetch_add(1, Ordering::Relaxed);
                let fingerprint = &snapshot.space().fingerprint;
                if path.ends_with(fingerprint) {
                    Ok(opened_bundle(fingerprint, path))
                } else {
                    Err(Error::field("bundle", path.display(), "another folder"))
                }
            };
            let switch = SpaceSwitch::with(
                folder.path().into(),
                EngineOptions::default(),
                Arc::clone(&live),
                Box::new(open),
            );
            Self { folder, live, switch, n_opened }
        }

        fn promote(&self, name: &str) {
            let name = SpaceName::new(name).unwrap();
            FolderSpaces::of(self.folder.path()).promote(&name, RequiredCoverage::Any).unwrap();
        }

        fn space_name(&self) -> String {
            self.live.cached().snapshot().space_name().to_string()
        }
    }

    fn record(name: &SpaceName, fingerprint: &str) -> SpaceRecord {
        SpaceRecord {
            name: name.clone(),
            created: None,
            bundle_folder: PathBuf::from("/bundles").join(fingerprint),
            space: EmbeddingSpace { fingerprint: fingerprint.to_owned(), ..space(DIM) },
            tokenizer: TokenizerSpec {
                kind: "clip-bpe".to_owned(),
                context: 256,
                vocabulary_size: 49_408,
            },
            vocabulary_sha256: String::new(),
        }
    }

    #[test]
    fn nothing_happens_while_the_same_space_is_served() {
        let lab = Lab::new("f00");
        assert!(!lab.switch.follow().unwrap());
        assert_eq!(lab.space_name(), "main");
    }

    #[test]
    fn promoted_space_is_served_with_its_bundle() {
        let lab = Lab::new("f00");
        let before = lab.live.newest().unwrap();
        lab.promote("v2");
        assert_eq!(lab.live.newest().unwrap().bundle.fingerprint, FINGERPRINT, "not yet switched");
        assert!(lab.switch.follow().unwrap());
        let after = lab.live.newest().unwrap();
        assert_eq!((lab.space_name().as_str(), after.bundle.fingerprint.as_str()), ("v2", "f00"));
        assert_eq!(before.bundle.fingerprint, FINGERPRINT, "a pinned space does not change");
        assert!(!lab.switch.follow().unwrap());
    }

    #[test]
    fn bundle_that_is_open_is_not_opened_again() {
        let lab = Lab::new(FINGERPRINT);
        lab.promote("v2");
        assert!(lab.switch.follow().unwrap());
        assert_eq!((lab.space_name().as_str(), lab.n_opened.load(Ordering::Relaxed)), ("v2", 0));
    }

    #[test]
    fn rolled_back_space_uses_the_folder_of_its_bundle_from_before() {
        let lab = Lab::new("f00");
        lab.promote("v2");
        lab.switch.follow().unwrap();
        lab.promote("main");
        // The record of `main` has no folder; the one of its bundle is known from the start, but does not end in the
        // fingerprint here.
        let error = lab.switch.follow().unwrap_err();
        assert!(matches!(error, Error::Field { field: "bundle", .. }), "{error}");
        assert_eq!(lab.space_name(), "v2", "the previous space is served on");
    }

    #[test]
    fn space_whose_bundle_is_not_recorded_is_an_error() {
        let lab = Lab::new("f00");
        let snapshot = Snapshot::open(&lab.folder.path().into()).unwrap();
        let error = lab.switch.open_bundle_of(&snapshot, None, &BTreeMap::new()).unwrap_err();
        let expected = "cannot find the bundle `small` (5d41) that filled the space `main`: its folder is not recorded";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn thread_ends_with_its_handle() {
        let lab = Lab::new("f00");
        let switch = Arc::new(lab.switch);
        let thread = SwitchThread::start(Arc::clone(&switch)).unwrap();
        assert_eq!(Arc::strong_count(&switch), 2);
        drop(thread);
        while Arc::strong_count(&switch) > 1 {
            thread::yield_now();
        }
    }
}
