//! The figures of an evaluation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::intervals::Intervals;
use crate::measure::by_channels::ByChannels;
use crate::measure::captions::CaptionAgreement;
use crate::measure::events::{EventAgreement, MeanOverEvents};
use crate::measure::few_shot::FewShot;
use crate::measure::localisation::Localisation;
use crate::measure::nights::NightAgreement;
use crate::measure::retrieval::RetrievalReport;
use crate::measure::stages::StageAgreement;
use crate::resampling::Resampling;

/// The results of a bundle on scored recordings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the bundle.
    pub bundle: String,
    /// SHA-256 over everything in the bundle that changes a vector.
    pub bundle_fingerprint: String,
    /// Number of recordings that were read.
    pub recordings: usize,
    /// Number of their epochs.
    pub epochs: usize,
    /// The method of the confidence intervals.
    pub resampling: Resampling,
    /// Zero-shot stages against the scored ones.
    pub stages: Option<StageAgreement>,
    /// Probability that an N3 epoch is nearer to the prompts of N3 than to those of wake, compared with a wake epoch.
    pub wake_vs_deep_auroc: Option<f64>,
    /// Events, by name.
    pub events: BTreeMap<String, EventAgreement>,
    /// The mean over the events that the channels show best.
    pub events_mean: Option<MeanOverEvents>,
    /// Captions to epochs and the reverse.
    pub retrieval: Option<RetrievalReport>,
    /// Rankings of nights, by name of the event.
    pub nights: BTreeMap<String, NightAgreement>,
    /// Stages by heads learned from a few labelled epochs.
    pub few_shot: Option<FewShot>,
    /// Localisation of events by their prompts, by name of the event; empty unless requested.
    pub localisation: BTreeMap<String, Localisation>,
    /// Stages and events with some channels hidden, by channel subset: `all`, `eeg_eog_emg`, `one_eeg` and
    /// `cardio_respiratory`.
    pub by_channels: BTreeMap<&'static str, ByChannels>,
    /// Generated captions, by kind; empty if the bundle has no captioner.
    pub captions: BTreeMap<&'static str, CaptionAgreement>,
    /// 95 % intervals of the figures of this object; those of nested objects are in their own `ci95`.
    pub ci95: Intervals,
    /// Sections that could not be judged, with reasons.
    pub not_judged: Vec<String>,
    /// Recordings that could not be read, and why.
    pub failed: Vec<(PathBuf, String)>,
}

/// Options of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationOptions {
    /// Number of epochs of each event in which to localise it; 0, the default, leaves this out.
    pub localisation: usize,
    /// Number of captions in the large gallery; up to 1000 leaves it out.
    pub gallery: usize,
    /// Number of epochs to encode with channels hidden, once for each subset; 0 leaves this out.
    pub by_channels: usize,
    /// Number of epochs to generate captions of, one of each kind, if the bundle has a captioner; 0 leaves this out.
    pub captions: usize,
}

impl Default for EvaluationOptions {
    fn default() -> Self {
        Self { localisation: 0, gallery: 10_000, by_channels: 1200, captions: 60 }
    }
}
