//! A bundle whose models are open.

use std::path::PathBuf;
use std::sync::OnceLock;

use nocturne_concepts::{Calibration, Registry, TrackBuilder};
use nocturne_encoder::bundle::BundleManifest;
use nocturne_encoder::{
    Bundle, Captioner, PromptSet, Provider, Runtime, SignalEncoder, TextEncoder,
};

use crate::error::Result;
use crate::model::caption_thread::CaptionThread;
use crate::model::text_thread::TextThread;
use crate::options::{CalibrationChoice, EngineOptions};

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
    /// The concepts that can be asked about.
    pub(crate) registry: &'static Registry,
    /// How far the bundle can be believed; `None` if that was not measured.
    pub(crate) calibration: Option<Calibration>,
    /// Made when the first question about nights comes.
    pub(crate) track_builder: OnceLock<TrackBuilder>,
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
            registry: options.registry.unwrap_or(Registry::shipped()),
            calibration: match options.calibration {
                CalibrationChoice::OfBundle => {
                    Calibration::read(bundle.folder(), bundle.fingerprint())?
                }
                CalibrationChoice::Without => None,
            },
            track_builder: OnceLock::new(),
        })
    }

    /// Returns the concepts that can be asked about.
    pub(crate) fn registry(&self) -> &'static Registry {
        self.registry
    }

    /// Returns how far the bundle can be believed.
    pub(crate) fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Returns what computes concept tracks.
    ///
    /// # Errors
    ///
    /// Those of encoding the prompts of the stages.
    pub(crate) fn track_builder(&self) -> Result<&TrackBuilder> {
        if let Some(builder) = self.track_builder.get() {
            return Ok(builder);
        }
        let builder = self.track_builder_with(self.calibration())?;
        Ok(self.track_builder.get_or_init(|| builder))
    }

    /// Returns what computes concept tracks with another calibration.
    ///
    /// # Errors
    ///
    /// Those of encoding the prompts of the stages.
    pub(crate) fn track_builder_with(
        &self,
        calibration: Option<&Calibration>,
    ) -> Result<TrackBuilder> {
        let stages = self.texts.directions(PromptSet::stages())?.to_vec();
        let scale = self.manifest.logit_scale;
        Ok(TrackBuilder::new(&self.fingerprint, scale, stages, self.registry, calibration))
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
