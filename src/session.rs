//! Opens the runtime, the bundle and the encoders that a command needs.

use anyhow::Result;
use nocturne_encoder::{BatchOptions, Bundle, Captioner, Runtime, SignalEncoder, TextEncoder};
use nocturne_engine::{Engine, EngineOptions, Explainer};
use nocturne_index::Location;

use crate::args::{CollectionArguments, Common, EncoderArguments};
use crate::{bundle, console};

/// A bundle with the runtime that runs it.
pub(crate) struct Session {
    pub(crate) runtime: Runtime,
    pub(crate) bundle: Bundle,
    arguments: EncoderArguments,
}

impl Session {
    /// Opens the given bundle, or the shipped one.
    pub(crate) fn open(common: &Common, arguments: &EncoderArguments) -> Result<Self> {
        Self::with(bundle::open(arguments.bundle.as_deref())?, common, arguments)
    }

    /// Opens the given bundle, or the one that filled a collection.
    pub(crate) fn open_for(
        common: &Common,
        arguments: &EncoderArguments,
        collection: &Location,
    ) -> Result<Self> {
        let bundle = bundle::open_for(arguments.bundle.as_deref(), collection)?;
        Self::with(bundle, common, arguments)
    }

    /// Creates a session for an open bundle.
    pub(crate) fn with(
        bundle: Bundle,
        common: &Common,
        arguments: &EncoderArguments,
    ) -> Result<Self> {
        let runtime = Runtime::load(common.onnxruntime.as_deref())?;
        Ok(Self { runtime, bundle, arguments: arguments.clone() })
    }

    /// Opens both encoders and reports their execution provider.
    pub(crate) fn towers(&self) -> Result<(SignalEncoder, TextEncoder)> {
        let (device, batch) = (self.arguments.device, self.batch());
        let signal = SignalEncoder::open(self.runtime, &self.bundle, device, batch)?;
        let text = TextEncoder::open(self.runtime, &self.bundle, device, batch)?;
        self.report_provider(signal.provider());
        Ok((signal, text))
    }

    /// Opens the signal encoder and the captioner and reports their execution provider.
    pub(crate) fn captioner(&self) -> Result<(SignalEncoder, Captioner)> {
        let (device, batch) = (self.arguments.device, self.batch());
        self.bundle.expect_captioner()?;
        let signal = SignalEncoder::open(self.runtime, &self.bundle, device, batch)?;
        let captioner = Captioner::open(self.runtime, &self.bundle, device, batch.threads)?;
        self.report_provider(captioner.provider());
        Ok((signal, captioner))
    }

    /// Opens the captioner alone; `None` if the bundle has none.
    pub(crate) fn caption_decoder(&self) -> Result<Option<Captioner>> {
        if !self.bundle.has_captioner() {
            return Ok(None);
        }
        let (device, threads) = (self.arguments.device, self.batch().threads);
        Ok(Some(Captioner::open(self.runtime, &self.bundle, device, threads)?))
    }

    /// Opens an engine on a collection that was filled with this bundle.
    pub(crate) fn engine(
        &self,
        arguments: &CollectionArguments,
        recall: Option<f32>,
    ) -> Result<Engine> {
        self.engine_with(arguments, recall, false)
    }

    /// Opens an engine for a server: it generates captions if the bundle can, builds the approximate index of large
    /// collections, and follows promotions of spaces.
    pub(crate) fn serving_engine(
        &self,
        arguments: &CollectionArguments,
        recall: f32,
    ) -> Result<Engine> {
        self.engine_with(arguments, Some(recall), true)
    }

    /// Opens an explainer, which finds where in a hit a query matches.
    pub(crate) fn explainer(&self) -> Result<Explainer> {
        let (device, batch) = (self.arguments.device, self.batch());
        let signal = SignalEncoder::open(self.runtime, &self.bundle, device, batch)?;
        Ok(Explainer::new(signal))
    }

    fn engine_with(
        &self,
        arguments: &CollectionArguments,
        recall: Option<f32>,
        serves: bool,
    ) -> Result<Engine> {
        let options = EngineOptions {
            recall,
            keeps_up: serves,
            captions: serves,
            registry: arguments.concepts.registry()?,
            ..self.options()
        };
        let engine = Engine::open(arguments.location(), &self.bundle, self.runtime, options)?;
        self.report_provider(&engine.provider());
        Ok(engine)
    }

    /// Returns the options of an engine that searches exactly and generates no captions.
    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions {
            device: self.arguments.device,
            batch: self.batch(),
            ..EngineOptions::default()
        }
    }

    fn batch(&self) -> BatchOptions {
        let default = BatchOptions::default();
        let threads = self.arguments.threads.map_or(default.threads, usize::from);
        BatchOptions { batch_size: self.arguments.batch_size.into(), threads }
    }

    fn report_provider(&self, provider: &nocturne_encoder::Provider) {
        let name = &self.bundle.manifest().name;
        console::note(format_args!("encoder: {name} on {provider}"));
    }
}

/// Opens an engine for a command that queries a collection.
pub(crate) fn engine(common: &Common, arguments: &CollectionArguments) -> Result<Engine> {
    Session::open_for(common, &arguments.encoder, &arguments.location())?.engine(arguments, None)
}
