//! What questions are answered with: a snapshot of a collection, and the bundle that filled it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;

use nocturne_encoder::bundle::Manifest;
use nocturne_encoder::{Bundle, Captioner, Provider, Runtime, SignalEncoder, TextEncoder};

use crate::engine::check_recall;
use crate::generate::CaptionService;
use crate::snapshot::Snapshot;
use crate::text::TextService;
use crate::{Options, Result};

/// What one question is answered with from its begin to its end.
///
/// Snapshot and bundle are exchanged together: whoever holds this compares no vector with one of another space, however
/// often another space is promoted meanwhile.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) bundle: Arc<OpenBundle>,
    snapshot: Arc<Snapshot>,
    /// Share of the nearest that a search is to find where it does not say.
    pub(crate) recall: Option<f32>,
}

/// The models of a bundle, and what it says of itself.
#[derive(Debug)]
pub(crate) struct OpenBundle {
    pub(crate) texts: TextService,
    pub(crate) captions: Option<CaptionService>,
    pub(crate) manifest: Manifest,
    pub(crate) fingerprint: String,
    pub(crate) folder: PathBuf,
    pub(crate) provider: Provider,
}

impl Served {
    pub(crate) fn new(bundle: Arc<OpenBundle>, snapshot: Snapshot, recall: Option<f32>) -> Self {
        Self { bundle, snapshot: Arc::new(snapshot), recall }
    }

    /// Returns the share of the nearest that a search is to find; nothing where it is to miss none.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) where it is no share.
    pub(crate) fn recall(&self, asked: Option<f32>) -> Result<Option<f32>> {
        asked.map_or(Ok(self.recall), |asked| check_recall(asked).map(Some))
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }
}

impl OpenBundle {
    /// Opens the text tower, and the captioner where `options` want one and the bundle has it.
    pub(crate) fn open(bundle: &Bundle, runtime: Runtime, options: Options) -> Result<Self> {
        let text = TextEncoder::open(runtime, bundle, options.device, options.batch)?;
        let provider = text.provider().clone();
        let captions = options.captions && bundle.has_captioner();
        Ok(Self {
            texts: TextService::start(text)?,
            captions: captions.then(|| caption_service(bundle, runtime, options)).transpose()?,
            manifest: bundle.manifest().clone(),
            fingerprint: bundle.fingerprint().to_owned(),
            folder: bundle.folder().to_owned(),
            provider,
        })
    }
}

fn caption_service(bundle: &Bundle, runtime: Runtime, options: Options) -> Result<CaptionService> {
    let captioner = Captioner::open(runtime, bundle, options.device, options.batch.threads)?;
    let signal = SignalEncoder::open(runtime, bundle, options.device, options.batch)?;
    CaptionService::start(signal, captioner)
}

/// The newest of what is served; questions that are under way keep the one that they began with.
#[derive(Debug)]
pub(crate) struct Newest {
    // A std lock: it is held to copy a pointer, never across a search or an await.
    served: RwLock<Arc<Served>>,
    /// Makes lists for the greater collections; nothing where that is left to others.
    listing: Option<Mutex<Listing>>,
}

/// The thread that makes lists, one at a time, and the snapshot that it makes them for.
type Listing = Option<(Weak<Snapshot>, JoinHandle<()>)>;

impl Newest {
    /// Begins with a snapshot; `makes_lists` has lists made in the background where they are worth it.
    pub(crate) fn new(served: Served, makes_lists: bool) -> Self {
        let listing = makes_lists.then(Mutex::default);
        let newest = Self { served: RwLock::new(Arc::new(served)), listing };
        newest.make_lists(newest.held().snapshot());
        newest
    }

    /// Returns the newest generation of the space that is held, after a look whether a writer has gone on. Where another
    /// space is served by now it stays as it is, until [`replace`](Self::replace) brings the other one.
    pub(crate) fn get(&self) -> Result<Arc<Served>> {
        let held = self.held();
        if !held.snapshot.collection.is_served()? {
            return Ok(held);
        }
        let newest = match held.snapshot.collection.refresh()? {
            // It may have been promoted since the look.
            Some(collection)
                if collection.space_name() == held.snapshot.collection.space_name() =>
            {
                let next = held.snapshot.followed_by(collection)?;
                tracing::info!(
                    generation = next.collection.generation(),
                    "the collection has grown"
                );
                let next = Served::new(Arc::clone(&held.bundle), next, held.recall);
                let next = Arc::new(next);
                self.replace_if(&held, &next);
                next
            }
            Some(_) | None => held,
        };
        self.make_lists(&newest.snapshot);
        Ok(newest)
    }

    /// Serves another space from the next question on.
    pub(crate) fn replace(&self, served: Served) {
        let served = Arc::new(served);
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&served);
        self.make_lists(&served.snapshot);
    }

    /// Puts a later generation in the place of the one that it follows; a promotion meanwhile is not undone.
    fn replace_if(&self, before: &Arc<Served>, next: &Arc<Served>) {
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&served.bundle, &before.bundle) {
            *served = Arc::clone(next);
        }
    }

    /// Returns what is held, without a look at the disk.
    pub(crate) fn held(&self) -> Arc<Served> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes lists for a snapshot unless that was done, or others are under way; searches go on meanwhile, and without
    /// lists they look at every epoch.
    fn make_lists(&self, snapshot: &Arc<Snapshot>) {
        let Some(listing) = &self.listing else { return };
        let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
        let of = Arc::downgrade(snapshot);
        let is_busy = |(known, thread): &(Weak<Snapshot>, JoinHandle<()>)| {
            Weak::ptr_eq(known, &of) || !thread.is_finished()
        };
        if listing.as_ref().is_some_and(is_busy) {
            return;
        }
        let snapshot = Arc::clone(snapshot);
        let generation = snapshot.collection.generation();
        let make = move || match snapshot.improve() {
            Ok(true) => tracing::info!(generation, "lists are made"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!("searches look at every epoch, for want of lists: {error}");
            }
        };
        match std::thread::Builder::new().name("nocturne-lists".to_owned()).spawn(make) {
            Ok(thread) => *listing = Some((of, thread)),
            Err(error) => tracing::warn!("cannot start a thread that makes lists: {error}"),
        }
    }
}
