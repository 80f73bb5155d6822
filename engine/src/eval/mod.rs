//! How right are the answers? Zero-shot stages and events, retrieval, and the ranking of nights, against scored nights.
//!
//! The same directions, calibrations and rates are used as for questions to a collection. What the recordings cannot
//! tell, for want of labels or channels, is said and not left out.

mod agreement;
mod by_channels;
mod captions;
mod directions;
mod events;
mod few_shot;
mod localisation;
mod neighbours;
mod nights;
mod occlusion;
mod retrieval;
mod scored_night;
mod silences;
mod stages;
mod units;

use std::collections::BTreeMap;
use std::path::PathBuf;

use nocturne_encoder::bundle::{Manifest, VOCABULARY};
use nocturne_encoder::{Captioner, SignalEncoder, TextEncoder, Tokenizer};
use serde::Serialize;

use crate::{Error, Result};
pub use agreement::Agreement;
pub use by_channels::{ByChannels, EventByChannels};
pub use captions::CaptionAgreement;
use captions::Speaker;
pub use directions::ByPrompt;
use directions::Concepts;
pub use events::{EventAgreement, MeanOverEvents};
pub use few_shot::{FewShot, FewShotAccuracy, FewShotPoint, HeldOut};
pub use localisation::Localisation;
pub use nights::NightAgreement;
pub use occlusion::Occlusion;
pub use retrieval::{LargeGallery, Retrieval, RetrievalReport};
use scored_night::{Reader, ScoredNight};
pub use stages::{CalibrationError, StageAgreement};
pub use units::{Intervals, Resampling, Unit};

/// How a bundle does on some recordings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the bundle.
    pub bundle: String,
    /// Hash of all that changes a vector.
    pub bundle_fingerprint: String,
    /// Recordings that were read.
    pub recordings: usize,
    /// Their epochs.
    pub epochs: usize,
    /// What the intervals are made of.
    pub resampling: Resampling,
    /// Zero-shot stages against the scored ones.
    pub stages: Option<StageAgreement>,
    /// Chance that an N3 epoch is nearer to the prompts of N3 than to those of wake, compared with a wake epoch.
    pub wake_vs_deep_auroc: Option<f64>,
    /// Events, by name.
    pub events: BTreeMap<String, EventAgreement>,
    /// The mean over the events that the channels show best.
    pub events_mean: Option<MeanOverEvents>,
    /// Captions to epochs and back.
    pub retrieval: Option<RetrievalReport>,
    /// What hiding what the encoder attends to does; `None` where it was not asked for.
    pub occlusion: Option<Occlusion>,
    /// Rankings of nights, by name of the concept.
    pub nights: BTreeMap<String, NightAgreement>,
    /// Stages by heads that learned from a few labelled epochs.
    pub few_shot: Option<FewShot>,
    /// Where the encoder looked in epochs with an event, by name of the event.
    pub localisation: BTreeMap<String, Localisation>,
    /// Stages and events with some channels hidden, by the choice of channels: `all`, `eeg_eog_emg`, `one_eeg` and
    /// `cardio_respiratory`.
    pub by_channels: BTreeMap<&'static str, ByChannels>,
    /// What the bundle says of epochs, by the kind of caption; empty where it has no captioner.
    pub captions: BTreeMap<&'static str, CaptionAgreement>,
    /// 95 % intervals of the figures that stand here; those of others stand beside them.
    pub ci95: Intervals,
    /// What could not be judged, and why.
    pub not_judged: Vec<String>,
    /// Recordings that could not be read, and why.
    pub failed: Vec<(PathBuf, String)>,
}

/// What is evaluated.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Evaluator {
    signal: SignalEncoder,
    text: TextEncoder,
    speaker: Option<Speaker>,
    manifest: Manifest,
    fingerprint: String,
    options: EvaluationOptions,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationOptions {
    /// Epochs in which is tried whether the attention may be believed; none by default.
    pub occlusion: usize,
    /// Captions in the large gallery.
    pub gallery: usize,
    /// Epochs that are encoded with channels hidden, once for each choice of channels.
    pub by_channels: usize,
    /// Epochs of which captions are made, one of each kind, where the bundle has a captioner.
    pub captions: usize,
}

impl Default for EvaluationOptions {
    fn default() -> Self {
        Self { occlusion: 0, gallery: 10_000, by_channels: 1200, captions: 60 }
    }
}

impl Evaluator {
    /// Makes an evaluator of both towers of a bundle.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        bundle: &nocturne_encoder::Bundle,
    ) -> Self {
        let (manifest, fingerprint) = (bundle.manifest().clone(), bundle.fingerprint().to_owned());
        let options = EvaluationOptions::default();
        Self { signal, text, speaker: None, manifest, fingerprint, options }
    }

    /// Judges captions too.
    ///
    /// # Errors
    ///
    /// Those of [`Tokenizer::open`].
    pub fn with_captioner(
        self,
        captioner: Captioner,
        bundle: &nocturne_encoder::Bundle,
    ) -> Result<Self> {
        let tokenizer = Tokenizer::open(&bundle.file(VOCABULARY))?;
        Ok(Self { speaker: Some(Speaker { captioner, tokenizer }), ..self })
    }

    /// Sets how much is tried.
    ///
    /// # Errors
    ///
    /// [`nocturne_encoder::Error::NoAttention`] where the attention is to be tried and the bundle does not tell where
    /// it looks.
    pub fn with_options(self, options: EvaluationOptions) -> Result<Self> {
        if options.occlusion > 0 {
            self.signal.expect_attention()?;
        }
        Ok(Self { options, ..self })
    }

    /// Evaluates on recordings with annotations, and tells `progress` of each that was read.
    ///
    /// # Errors
    ///
    /// [`Error::Evaluation`] where not one recording can be read, and what the encoder gives.
    pub fn run(
        &mut self,
        paths: &[PathBuf],
        mut progress: impl FnMut(usize),
    ) -> Result<Evaluation> {
        let mut nights = Vec::new();
        let mut read = Vec::new();
        let mut failed = Vec::new();
        let mut reader = Reader {
            encoder: &mut self.signal,
            speaker: self.speaker.as_mut(),
            z_score: self.manifest.preprocessing.z_score,
            // Each night gives its share of the samples.
            n_hidden: self.options.by_channels.div_ceil(paths.len().max(1)),
            n_spoken: self.options.captions.div_ceil(paths.len().max(1)),
        };
        for (i, path) in paths.iter().enumerate() {
            match reader.read(path) {
                Ok(night) => {
                    nights.push(night);
                    read.push(path);
                }
                Err(error) => failed.push((path.clone(), error.to_string())),
            }
            progress(i + 1);
        }
        if nights.is_empty() {
            let (path, problem) = failed.into_iter().next().unwrap_or_default();
            return Err(Error::Evaluation {
                path,
                problem: format!("cannot be evaluated: {problem}"),
            });
        }
        let concepts = Concepts::encode(&mut self.text, &self.manifest)?;
        let read: Vec<(&PathBuf, &ScoredNight)> = read.into_iter().zip(&nights).collect();
        let encoders = (&mut self.signal, &mut self.text);
        let z_score = self.manifest.preprocessing.z_score;
        let occlusion = occlusion::evaluate(&read, self.options.occlusion, encoders, z_score)?;
        let (resampling, bootstrap) = units::resample(&mut nights);
        let retrieval =
            retrieval::evaluate(&nights, &mut self.text, &bootstrap, self.options.gallery)?;
        let (events, events_mean) = events::evaluate(&nights, &concepts.events, &bootstrap);
        let (wake_vs_deep_auroc, interval) = stages::wake_vs_deep(&nights, &concepts, &bootstrap);
        let mut evaluation = Evaluation {
            bundle: self.manifest.name.clone(),
            bundle_fingerprint: self.fingerprint.clone(),
            recordings: nights.len(),
            epochs: nights.iter().map(|night| night.epochs.len()).sum(),
            resampling,
            stages: stages::evaluate(&nights, &concepts, &bootstrap),
            wake_vs_deep_auroc,
            events,
            events_mean,
            retrieval,
            occlusion,
            nights: nights::rankings(&nights, &concepts.events),
            few_shot: few_shot::evaluate(&nights, &concepts, (resampling, &bootstrap)),
            localisation: localisation::evaluate(&nights, &bootstrap),
            by_channels: by_channels::evaluate(&nights, &concepts, &bootstrap),
            captions: captions::evaluate(&nights, &bootstrap),
            ci95: Intervals::from([("wake_vs_deep_auroc", interval)]),
            not_judged: Vec::new(),
            failed,
        };
        evaluation.not_judged = silences::of(&evaluation);
        Ok(evaluation)
    }
}
