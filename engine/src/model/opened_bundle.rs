//! A bundle whose models are open.

use std::path::PathBuf;

use nocturne_encoder::bundle::BundleManifest;
use nocturne_encoder::{Bundle, Captioner, Provider, Runtime, SignalEncoder, TextEncoder};

use crate::error::Result;
use crate::model::caption_thread::CaptionThread;
use crate::model::text_thread::TextThread;
use crate::options::EngineOptions;

/// The threads that own a bundle's models, and the bundle's manifest.
#[derive(Debug)]
pub(crate) struct OpenedBundle {
    pub(crate) texts: TextThread,
    /// `None` if the bundle has no captioner or it was not opened.
    pub(crate) captions: Option<CaptionThread>,
    pub(crate) manifest: BundleManifest,
    pub(crate) fingerprint: String,
    pub(crate) folder: PathBuf,
    pub(crate) provider: Provider,
}

impl OpenedBundle {
    /// Opens the text tower, and the captioner if `options` ask for it and the bundle has one.
    ///
    /// # Errors
    ///
    /// Those of opening the models.
    pub(crate) fn open(bundle: &Bundle, runtime: Runtime, options: EngineOptions) -> Result<Self> {
        let text = TextEncoder::open(runtime, bundle, options.device, options.batch)?;
        let provider = text.provider().clone();
        let captions = options.captions && bundle.has_captioner();
        Ok(Self {
            texts: TextThread::start(text)?,
            captions: captions.then(|| open_captioner(bundle, runtime, options)).transpose()?,
            manifest: bundle.manifest().clone(),
            fingerprint: bundle.fingerprint().to_owned(),
            folder: bundle.folder().to_owned(),
            provider,
        })
    }
}

fn open_captioner(
    bundle: &Bundle,
    runtime: Runtime,
    options: EngineOptions,
) -> Result<CaptionThread> {
    let captioner = Captioner::open(runtime, bundle, options.device, options.batch.threads)?;
    let signal = SignalEncoder::open(runtime, bundle, options.device, options.batch)?;
    CaptionThread::start(signal, captioner)
}
