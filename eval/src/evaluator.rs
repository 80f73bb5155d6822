//! Evaluates a bundle on scored recordings.

use std::path::{Path, PathBuf};

use nocturne_concepts::Calibration;
use nocturne_encoder::bundle::{BundleManifest, VOCABULARY};
use nocturne_encoder::{Bundle, Captioner, SignalEncoder, TextEncoder, Tokenizer};

use crate::encoded_labels::EncodedLabels;
use crate::error::{Error, Result};
use crate::evaluation::{Evaluation, EvaluationOptions};
use crate::intervals::Intervals;
use crate::measure::{
    by_channels, captions, events, few_shot, localisation, nights, retrieval, stages,
};
use crate::night_reader::NightReader;
use crate::sample::caption_counts::CaptionSampler;
use crate::scored_night::ScoredNight;
use crate::{not_judged, resampling};

/// Evaluates a bundle on scored recordings.
#[expect(missing_debug_implementations, reason = "a session of ONNX Runtime has no Debug")]
pub struct Evaluator {
    signal: SignalEncoder,
    text: TextEncoder,
    captioner: Option<CaptionSampler>,
    manifest: BundleManifest,
    calibration: Option<Calibration>,
    fingerprint: String,
    options: EvaluationOptions,
}

/// The recordings that could be read, and those that could not.
struct ReadNights<'a> {
    paths: Vec<&'a Path>,
    nights: Vec<ScoredNight>,
    failed: Vec<(PathBuf, Error)>,
}

impl Evaluator {
    /// Creates an evaluator from both towers of a bundle.
    ///
    /// # Errors
    ///
    /// Those of reading its calibration.
    pub fn new(signal: SignalEncoder, text: TextEncoder, bundle: &Bundle) -> Result<Self> {
        let (manifest, fingerprint) = (bundle.manifest().clone(), bundle.fingerprint().to_owned());
        let calibration = Calibration::read(bundle.folder(), &fingerprint)?;
        let options = EvaluationOptions::default();
        Ok(Self { signal, text, captioner: None, manifest, calibration, fingerprint, options })
    }

    /// Adds the captioner of the bundle, so that generated captions are judged too.
    ///
    /// # Errors
    ///
    /// Those of [`Tokenizer::open`].
    pub fn with_captioner(self, captioner: Captioner, bundle: &Bundle) -> Result<Self> {
        let tokenizer = Tokenizer::open(&bundle.verified(VOCABULARY)?)?;
        Ok(Self { captioner: Some(CaptionSampler { captioner, tokenizer }), ..self })
    }

    /// Sets which measures are computed, and on how many samples.
    #[must_use]
    pub fn with_options(self, options: EvaluationOptions) -> Self {
        Self { options, ..self }
    }

    /// Evaluates recordings with annotations. `progress` is called with the number of recordings read so far.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecordings`], [`Error::Unreadable`] if none of the recordings can be read, and those of the encoder.
    pub fn run(&mut self, paths: &[PathBuf], progress: impl FnMut(usize)) -> Result<Evaluation> {
        let ReadNights { paths, mut nights, failed } = self.read(paths, progress);
        if nights.is_empty() {
            let first = failed.into_iter().next();
            return Err(first.map_or(Error::NoRecordings, |(path, source)| Error::Unreadable {
                path,
                source: Box::new(source),
            }));
        }
        let labels =
            EncodedLabels::encode(&mut self.text, &self.manifest, self.calibration.as_ref())?;
        let (resampling, bootstrap) = resampling::resample(&mut nights);
        let read: Vec<(&Path, &ScoredNight)> = paths.into_iter().zip(&nights).collect();
        let localisation = localisation::evaluate(
            &read,
            self.options.localisation,
            (&mut self.signal, &labels),
            self.manifest.preprocessing.z_score,
            &bootstrap,
        )?;
        let retrieval =
            retrieval::evaluate(&nights, &mut self.text, &bootstrap, self.options.gallery)?;
        let (events, events_mean) = events::evaluate(&nights, &labels.events, &bootstrap);
        let (wake_vs_deep_auroc, interval) = stages::wake_vs_deep(&nights, &labels, &bootstrap);
        let mut evaluation = Evaluation {
            bundle: self.manifest.name.clone(),
            bundle_fingerprint: self.fingerprint.clone(),
            recordings: nights.len(),
            epochs: nights.iter().map(|night| night.epochs.len()).sum(),
            resampling,
            stages: stages::evaluate(&nights, &labels, &bootstrap),
            wake_vs_deep_auroc,
            events,
            events_mean,
            retrieval,
            nights: nights::rankings(&nights, &labels.events),
            few_shot: few_shot::evaluate(&nights, &labels, (resampling, &bootstrap)),
            localisation,
            by_channels: by_channels::evaluate(&nights, &labels, &bootstrap),
            captions: captions::evaluate(&nights, &bootstrap),
            ci95: Intervals::from([("wake_vs_deep_auroc", interval)]),
            not_judged: Vec::new(),
            failed: failed.into_iter().map(|(path, error)| (path, error.to_string())).collect(),
        };
        evaluation.not_judged = not_judged::of(&evaluation);
        Ok(evaluation)
    }

    /// Reads and encodes the recordings; the order of the recordings that can be read is kept.
    fn read<'a>(
        &mut self,
        paths: &'a [PathBuf],
        mut progress: impl FnMut(usize),
    ) -> ReadNights<'a> {
        let mut read = ReadNights { paths: vec![], nights: vec![], failed: vec![] };
        // Samples are spread evenly over the recordings, rounded up.
        let share = |n: usize| n.div_ceil(paths.len().max(1));
        let mut reader = NightReader {
            encoder: &mut self.signal,
            captioner: self.captioner.as_mut(),
            z_score: self.manifest.preprocessing.z_score,
            n_hidden: share(self.options.by_channels),
            n_captioned: share(self.options.captions),
        };
        for (i, path) in paths.iter().enumerate() {
            match reader.read(path) {
                Ok(night) => {
                    read.nights.push(night);
                    read.paths.push(path);
                }
                Err(error) => read.failed.push((path.clone(), error)),
            }
            progress(i + 1);
        }
        read
    }
}
