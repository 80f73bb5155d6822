//! How right are the answers? Zero-shot stages and events, retrieval, and the ranking of nights, against scored nights.
//!
//! The same directions, calibrations and rates are used as for questions to a collection. What the recordings cannot
//! tell, for want of labels or channels, is said and not left out.

mod nights;
mod occlusion;
mod retrieval;
mod scored_night;
mod zero_shot;

use std::collections::BTreeMap;
use std::path::PathBuf;

use nocturne_encoder::bundle::Manifest;
use nocturne_encoder::{LabelDirections, PromptSet, SignalEncoder, TextEncoder};
use serde::Serialize;

use crate::{Error, Result};
pub use nights::NightAgreement;
pub use occlusion::Occlusion;
pub use retrieval::{Retrieval, RetrievalReport};
use scored_night::ScoredNight;
pub use zero_shot::{EventAgreement, StageAgreement};

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
    /// Zero-shot stages against the scored ones.
    pub stages: Option<StageAgreement>,
    /// Chance that an N3 epoch is nearer to the prompts of N3 than to those of wake, compared with a wake epoch.
    pub wake_vs_deep_auroc: Option<f64>,
    /// Events, by name.
    pub events: BTreeMap<String, EventAgreement>,
    /// Captions to epochs and back.
    pub retrieval: Option<RetrievalReport>,
    /// What hiding what the encoder attends to does; `None` where it was not asked for.
    pub occlusion: Option<Occlusion>,
    /// Rankings of nights, by name of the concept.
    pub nights: BTreeMap<String, NightAgreement>,
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
    manifest: Manifest,
    fingerprint: String,
    /// Epochs in which the attention is tried.
    occlusion: usize,
}

/// The prompt sets of a bundle, encoded.
struct Prompts {
    stages: Vec<LabelDirections>,
    events: Vec<LabelDirections>,
}

impl Evaluator {
    /// Makes an evaluator of both towers of a bundle.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        bundle: &nocturne_encoder::Bundle,
    ) -> Self {
        let (manifest, fingerprint) = (bundle.manifest().clone(), bundle.fingerprint().to_owned());
        Self { signal, text, manifest, fingerprint, occlusion: 0 }
    }

    /// Tries in up to `epochs` epochs whether the attention may be believed.
    ///
    /// # Errors
    ///
    /// [`nocturne_encoder::Error::NoAttention`] where the bundle does not tell where it looks.
    pub fn with_occlusion(self, epochs: usize) -> Result<Self> {
        if epochs > 0 {
            self.signal.expect_attention()?;
        }
        Ok(Self { occlusion: epochs, ..self })
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
        for (i, path) in paths.iter().enumerate() {
            match ScoredNight::read(path, &mut self.signal, self.manifest.preprocessing.z_score) {
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
        let prompts = Prompts {
            stages: PromptSet::stages().encode(&mut self.text)?,
            events: PromptSet::events().encode(&mut self.text)?,
        };
        let retrieval = retrieval::evaluate(&nights, &mut self.text)?;
        let read: Vec<(&PathBuf, &ScoredNight)> = read.into_iter().zip(&nights).collect();
        let encoders = (&mut self.signal, &mut self.text);
        let z_score = self.manifest.preprocessing.z_score;
        let occlusion = occlusion::evaluate(&read, self.occlusion, encoders, z_score)?;
        let mut evaluation = Evaluation {
            bundle: self.manifest.name.clone(),
            bundle_fingerprint: self.fingerprint.clone(),
            recordings: nights.len(),
            epochs: nights.iter().map(|night| night.epochs.len()).sum(),
            stages: zero_shot::stages(&nights, &prompts.stages),
            wake_vs_deep_auroc: zero_shot::wake_vs_deep(&nights, &prompts.stages),
            events: zero_shot::events(&nights, &prompts.events),
            retrieval,
            occlusion,
            nights: nights::rankings(&nights, &prompts.events, &self.manifest),
            not_judged: Vec::new(),
            failed,
        };
        evaluation.not_judged = evaluation.silences();
        Ok(evaluation)
    }
}

impl Evaluation {
    /// Says what could not be judged.
    fn silences(&self) -> Vec<String> {
        let mut silences = Vec::new();
        let mut note = |is_missing: bool, text: &str| {
            if is_missing {
                silences.push(text.to_owned());
            }
        };
        note(self.stages.is_none(), "stages: no epoch is scored and has an EEG or EOG channel");
        note(
            self.wake_vs_deep_auroc.is_none(),
            "wake_vs_deep_auroc: the epochs are not both of wake and of N3",
        );
        note(self.events.is_empty(), "events: no recording has scored events");
        note(self.retrieval.is_none(), "retrieval: fewer than two epochs have a caption");
        note(
            self.nights.is_empty(),
            "nights: fewer than three recordings have stages, scored events and the channels for a concept",
        );
        silences
    }
}
