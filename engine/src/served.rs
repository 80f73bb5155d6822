//! What questions are answered with: a snapshot of a collection, and the bundle that filled it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use nocturne_encoder::bundle::Manifest;
use nocturne_encoder::{Bundle, Captioner, Provider, Runtime, SignalEncoder, TextEncoder};

use crate::engine::check_recall;
use crate::generate::CaptionService;
use crate::newest::Newest;
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

/// A space as it grows, and the bundle that fills it.
#[derive(Debug)]
pub(crate) struct Space {
    bundle: Arc<OpenBundle>,
    newest: Newest,
    recall: Option<f32>,
}

impl Space {
    /// Begins with a snapshot; `makes_lists` has lists made in the background where they are worth it.
    pub(crate) fn new(bundle: Arc<OpenBundle>, snapshot: Snapshot, options: Options) -> Self {
        let newest = Newest::new(snapshot, options.keeps_up);
        Self { bundle, newest, recall: options.recall }
    }

    /// Returns what is known of it, without a look at the disk.
    pub(crate) fn held(&self) -> Served {
        self.with(self.newest.held())
    }

    fn with(&self, snapshot: Arc<Snapshot>) -> Served {
        Served { bundle: Arc::clone(&self.bundle), snapshot, recall: self.recall }
    }
}

/// The space that questions are put to; those that are under way keep the one that they began with.
#[derive(Debug)]
pub(crate) struct Current {
    // A std lock: it is held to copy a pointer, never across a search or an await.
    space: RwLock<Arc<Space>>,
}

impl Current {
    pub(crate) fn new(space: Space) -> Self {
        Self { space: RwLock::new(Arc::new(space)) }
    }

    /// Returns the newest generation of the space, after a look whether a writer has gone on. Where another space is
    /// served by now it stays as it is, until [`replace`](Self::replace) brings the other one.
    pub(crate) fn get(&self) -> Result<Served> {
        let space = self.space();
        Ok(space.with(space.newest.get()?))
    }

    /// Returns what is known, without a look at the disk.
    pub(crate) fn held(&self) -> Served {
        self.space().held()
    }

    /// Puts questions to another space from the next one on.
    pub(crate) fn replace(&self, space: Space) {
        *self.space.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(space);
    }

    fn space(&self) -> Arc<Space> {
        Arc::clone(&self.space.read().unwrap_or_else(PoisonError::into_inner))
    }
}
