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
use nocturne_index::SpaceRecord;

use crate::error::{Error, Result};
use crate::live::live_collection::{LiveCollection, LiveSpace};
use crate::live::snapshot::Snapshot;
use crate::live::source::Source;
use crate::model::opened_bundle::OpenedBundle;
use crate::options::Options;

/// Pause between two checks for a promotion.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause after a space that could not be opened.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Opens the bundle of a folder, if it filled the space of a snapshot.
type OpenBundle = dyn Fn(&Path, &Snapshot) -> Result<OpenedBundle> + Send + Sync;

/// Opens the space that a collection serves and puts questions to it.
pub(crate) struct SpaceSwitch {
    collection: Source,
    options: Options,
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
        collection: Source,
        runtime: Runtime,
        options: Options,
        live: Arc<LiveCollection>,
    ) -> Self {
        let open = move |folder: &Path, snapshot: &Snapshot| {
            let bundle = Bundle::open(folder)?;
            snapshot.expect_space(&nocturne_index::Space::of(&bundle))?;
            OpenedBundle::open(&bundle, runtime, options)
        };
        Self::with(collection, options, live, Box::new(open))
    }

    fn with(
        collection: Source,
        options: Options,
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
        let recorded = record.map(|record| PathBuf::from(record.bundle_folder));
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
