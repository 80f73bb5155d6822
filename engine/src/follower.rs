//! Follows a collection to the space that is promoted.
//!
//! Opening a bundle takes seconds, so a thread of its own does it; questions are answered in the space of before until
//! the other one can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nocturne_encoder::{Bundle, Runtime};
use nocturne_index::SpaceRecord;

use crate::served::{Current, OpenBundle, Space};
use crate::snapshot::Snapshot;
use crate::{Error, Options, Result, Source};

/// How often the pointer is looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a space that could not be opened is left alone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Knows how to open whatever space a collection serves.
#[derive(Debug)]
pub(crate) struct Follower {
    collection: Source,
    runtime: Runtime,
    options: Options,
    current: Arc<Current>,
    /// Folders of bundles that were open before, by fingerprint: a space may have no record of its own.
    known: Mutex<BTreeMap<String, PathBuf>>,
}

impl Follower {
    pub(crate) fn new(
        collection: Source,
        runtime: Runtime,
        options: Options,
        current: Arc<Current>,
    ) -> Self {
        Self { collection, runtime, options, current, known: Mutex::default() }
    }

    /// Goes over to the space that is served, where that is another one; returns whether it was.
    pub(crate) fn follow(&self) -> Result<bool> {
        // Held while opening, so that two do not open the same.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.current.held();
        if held.snapshot().is_served()? {
            return Ok(false);
        }
        known.insert(held.bundle.fingerprint.clone(), held.bundle.folder.clone());
        let snapshot = Snapshot::open(&self.collection)?;
        let bundle = if snapshot.space().fingerprint == held.bundle.fingerprint {
            Arc::clone(&held.bundle)
        } else {
            let record = self.collection.spaces()?.record(&snapshot.space_name())?;
            let bundle = bundle_of(&snapshot, record, &known)?;
            Arc::new(OpenBundle::open(&bundle, self.runtime, self.options)?)
        };
        let (space, generation) = (snapshot.space_name(), snapshot.generation());
        self.current.replace(Space::new(bundle, snapshot, self.options));
        tracing::info!(space = space.as_str(), generation, "another space is served");
        Ok(true)
    }
}

/// Opens the bundle that filled a space: where its record says, or where it was before.
fn bundle_of(
    snapshot: &Snapshot,
    record: Option<SpaceRecord>,
    known: &BTreeMap<String, PathBuf>,
) -> Result<Bundle> {
    let space = snapshot.space();
    let folders = record.map(|record| record.bundle_folder);
    let folders = folders.iter().chain(known.get(&space.fingerprint));
    let mut problem = None;
    for folder in folders {
        match Bundle::open(folder) {
            Err(error) => problem = Some(error.into()),
            Ok(bundle) => match snapshot.expect_space(&nocturne_index::Space::of(&bundle)) {
                Err(error) => problem = Some(error.into()),
                Ok(()) => return Ok(bundle),
            },
        }
    }
    Err(problem.unwrap_or_else(|| Error::BundleUnknown {
        space: snapshot.space_name(),
        bundle: space.bundle.clone(),
        fingerprint: space.fingerprint.clone(),
    }))
}

/// The thread that follows; it ends with this.
#[derive(Debug)]
pub(crate) struct Following {
    _until_dropped: SyncSender<()>,
}

impl Following {
    pub(crate) fn start(follower: Arc<Follower>) -> Result<Self> {
        let (sender, receiver) = sync_channel(0);
        let follow = move || {
            let (mut told, mut wait) = (String::new(), INTERVAL);
            while receiver.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                match follower.follow() {
                    Ok(_) => (told, wait) = (String::new(), INTERVAL),
                    Err(error) => {
                        let problem = error.to_string();
                        if problem != told {
                            tracing::warn!("the space of before is served on: {problem}");
                        }
                        (told, wait) = (problem, PATIENCE);
                    }
                }
            }
        };
        std::thread::Builder::new()
            .name("nocturne-spaces".to_owned())
            .spawn(follow)
            .map_err(|_| Error::EncoderLost)?;
        Ok(Self { _until_dropped: sender })
    }
}
