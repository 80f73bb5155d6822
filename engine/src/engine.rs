//! The engine: a collection, the bundle that filled it, and the questions it answers.

use std::sync::Arc;

use nocturne_encoder::bundle::Manifest;
use nocturne_encoder::{
    BatchOptions, Bundle, Captioner, Device, Provider, Runtime, SignalEncoder, TextEncoder,
};
use nocturne_index::Space;

use crate::generate::CaptionService;
use crate::newest::Newest;
use crate::snapshot::Snapshot;
use crate::text::TextService;
use crate::{Error, Result, Source};

/// Answers questions about the nights of a collection. It may be shared between threads.
#[derive(Debug)]
pub struct Engine {
    pub(crate) newest: Newest,
    pub(crate) texts: TextService,
    pub(crate) captions: Option<CaptionService>,
    pub(crate) manifest: Manifest,
    fingerprint: String,
    provider: Provider,
    recall: Option<f32>,
}

/// How an engine runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Where the text tower runs.
    pub device: Device,
    /// Share of the nearest epochs that a search is to find on average, above 0 and up to 1, where the search does not say;
    /// with nothing, every epoch is looked at and none is missed.
    pub recall: Option<f32>,
    /// Whether lists, with which some of the nearest may be missed, are made in the background for great collections.
    pub makes_lists: bool,
    /// How texts are worked through.
    pub batch: BatchOptions,
    /// Whether the signal tower and the caption decoder are opened too, for
    /// [`generate_caption`](Engine::generate_caption).
    pub captions: bool,
}

/// What an engine serves.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Info {
    /// Name of the bundle.
    pub bundle: String,
    /// Hash of all that changes a vector.
    pub bundle_fingerprint: String,
    /// Length of an embedding.
    pub embedding_dim: usize,
    /// Span over which signals are scaled.
    pub z_score: nocturne_psg::ZScore,
    /// Whether captions can be made.
    pub captions: bool,
    /// What the encoder runs on.
    pub provider: &'static str,
    /// Number of recordings.
    pub recordings: usize,
    /// Number of epochs.
    pub epochs: usize,
    /// Number of the collection's snapshot.
    pub generation: u64,
    /// How epochs are searched where the search does not say: `exact`, or `approximate` where some may be missed.
    pub search: &'static str,
}

impl Engine {
    /// Opens a collection with the bundle that filled it.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::OtherBundle`] where another bundle filled it, and what opening either may give;
    /// [`nocturne_encoder::Error::NoCaptioner`] where captions are wanted and the bundle makes none.
    pub fn open(
        collection: impl Into<Source>,
        bundle: &Bundle,
        runtime: Runtime,
        options: Options,
    ) -> Result<Self> {
        let snapshot = Snapshot::open(collection.into(), &Space::of(bundle))?;
        let text = TextEncoder::open(runtime, bundle, options.device, options.batch)?;
        let provider = text.provider().clone();
        let captions =
            options.captions.then(|| caption_service(bundle, runtime, options)).transpose()?;
        let recall = options.recall.map(check_recall).transpose()?;
        Ok(Self {
            newest: Newest::new(snapshot, options.makes_lists),
            texts: TextService::start(text)?,
            captions,
            manifest: bundle.manifest().clone(),
            fingerprint: bundle.fingerprint().to_owned(),
            provider,
            recall,
        })
    }

    /// Returns what the engine serves at this moment.
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub fn info(&self) -> Result<Info> {
        let snapshot = self.newest.get()?;
        Ok(Info {
            bundle: self.manifest.name.clone(),
            bundle_fingerprint: self.fingerprint.clone(),
            embedding_dim: self.manifest.embedding_dim,
            z_score: self.manifest.preprocessing.z_score,
            captions: self.makes_captions(),
            provider: self.provider.name,
            recordings: snapshot.recordings().entries().len(),
            epochs: snapshot.n_epochs(),
            generation: snapshot.generation(),
            search: if self.recall.is_some_and(|it| it < 1.0) { "approximate" } else { "exact" },
        })
    }

    /// Returns what the text tower runs on.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the share of the nearest that a search is to find; nothing where it is to miss none.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where it is no share.
    pub(crate) fn recall(&self, asked: Option<f32>) -> Result<Option<f32>> {
        asked.map_or(Ok(self.recall), |asked| check_recall(asked).map(Some))
    }

    /// Looks whether the collection can be reached, and asks once.
    pub(crate) fn look(&self) -> Result<()> {
        Ok(self.newest.held().look()?)
    }

    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        self.newest.get()
    }
}

fn caption_service(bundle: &Bundle, runtime: Runtime, options: Options) -> Result<CaptionService> {
    let captioner = Captioner::open(runtime, bundle, options.device, options.batch.threads)?;
    let signal = SignalEncoder::open(runtime, bundle, options.device, options.batch)?;
    CaptionService::start(signal, captioner)
}

fn check_recall(recall: f32) -> Result<f32> {
    if recall > 0.0 && recall <= 1.0 {
        return Ok(recall);
    }
    Err(Error::field("recall", recall, "more than 0 and at most 1"))
}
