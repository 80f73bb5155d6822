//! Checks a calibration on scored nights that it was not learned from.

use std::collections::BTreeMap;

use nocturne_concepts::calibration::{EpochQuality, EventLabels, Population};
use nocturne_concepts::{Calibration, EncodedNight, Registry, Source, Track};
use nocturne_encoder::metrics::spearman;
use nocturne_index::Filter;
use serde::Serialize;

use crate::calibration::coverage::{IntervalCoverage, JudgedInterval};
use crate::calibration::scored_nights::{self, LeftOutNight};
use crate::error::{Error, Result};
use crate::grammar::Quantity;
use crate::live::live_collection::PinnedSpace;
use crate::question::nights::night::{Estimates, Night};
use crate::question::nights::value::Measurement;

/// Shares of the epochs, the surest first, for which the error is reported.
const COVERAGES: [f64; 5] = [1.0, 0.8, 0.6, 0.4, 0.2];

/// A calibration against scored nights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConceptEvaluation {
    /// The nights that the calibration was learned from.
    pub population: Population,
    /// Number of nights that it was checked on.
    pub nights: usize,
    /// Probabilities of concepts in epochs.
    pub concepts: Vec<ConceptCheck>,
    /// Measures of nights.
    pub measures: Vec<MeasureCheck>,
    /// Measures with classes of severity.
    pub classes: Vec<ClassCheck>,
    /// Recordings that were not used.
    pub left_out: Vec<LeftOutNight>,
}

/// The probabilities of a concept in epochs of scored sleep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConceptCheck {
    /// Id of the concept.
    pub concept: String,
    /// How good the probabilities are.
    #[serde(flatten)]
    pub quality: EpochQuality,
    /// How the error falls if only the surest epochs are decided.
    pub risk: Vec<RiskPoint>,
}

/// The error of decisions at a probability of one half, over the surest epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RiskPoint {
    /// Share of the epochs that are decided.
    pub coverage: f64,
    /// Share of these that are decided wrongly.
    pub risk: f64,
}

/// The estimates of a measure against the scoring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasureCheck {
    /// The measure in its normal form, such as `rate(arousal)`.
    pub measure: String,
    /// Why it is not answered; nothing else is then reported.
    pub refused: Option<String>,
    /// Rank correlation of estimates and truth.
    pub spearman: Option<f64>,
    /// All nights with an interval.
    pub overall: Option<IntervalCoverage>,
    /// Nights with a true value above 0, in thirds of ascending true values.
    pub thirds: Vec<IntervalCoverage>,
    /// Nights with a true value of 0.
    pub zero: Option<IntervalCoverage>,
    /// Number of nights without an interval.
    pub without_interval: usize,
}

/// Classes of severity by the model against those by the scoring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCheck {
    /// Id of the measure, such as `ahi`.
    pub measure: String,
    /// Number of nights with a class by both.
    pub nights: usize,
    /// Number of these with the same class.
    pub right: usize,
}

/// See [`Engine::evaluate_calibration`](crate::Engine::evaluate_calibration).
pub(crate) fn evaluate(
    space: &PinnedSpace,
    filter: &Filter,
    mut progress: impl FnMut(usize),
) -> Result<ConceptEvaluation> {
    let calibration = space.bundle.calibration().ok_or_else(|| Error::Unsupported {
        bundle: space.bundle.manifest.name.clone(),
        feature: "estimates of measures, because it has no calibration",
    })?;
    let mut checker = Checker::new(space.bundle.registry(), calibration);
    let builder = space.bundle.track_builder()?;
    let left_out = scored_nights::for_each(space, filter, |_, night| {
        let track = Track::from_vec(builder.build(&night).to_bytes())?;
        checker.add(&night, &track);
        progress(checker.n_nights);
        Ok(())
    })?;
    if checker.n_nights == 0 {
        let expected = "at least one scored night with 120 min of sleep";
        return Err(Error::field("nights to check", 0, expected));
    }
    Ok(checker.finish(left_out))
}

/// An estimate, with its interval if it has one, and the truth.
struct ComparedNight {
    estimate: Measurement,
    truth: f64,
}

/// Collects nights.
struct Checker<'a> {
    registry: &'a Registry,
    calibration: &'a Calibration,
    n_nights: usize,
    measures: Vec<(Quantity, Vec<ComparedNight>)>,
    epochs: BTreeMap<String, Vec<(f64, bool)>>,
}

impl<'a> Checker<'a> {
    fn new(registry: &'a Registry, calibration: &'a Calibration) -> Self {
        let is_calibrated =
            |quantity: &Quantity| calibration.measure(&quantity.to_string()).is_some();
        let measures = scored_nights::measures(registry).into_iter().filter(is_calibrated);
        Self {
            registry,
            calibration,
            n_nights: 0,
            measures: measures.map(|quantity| (quantity, Vec::new())).collect(),
            epochs: BTreeMap::new(),
        }
    }

    fn add(&mut self, night: &EncodedNight, track: &Track) {
        self.n_nights += 1;
        let estimates = Estimates::Calibrated(Some(self.calibration));
        let model = Night::new(track, self.registry, estimates, Some(Source::Model), None);
        let scored = Night::new(track, self.registry, estimates, Some(Source::Scored), None);
        for (quantity, compared) in &mut self.measures {
            if let (Ok(estimate), Ok(truth)) = (model.measure(quantity), scored.measure(quantity)) {
                compared.push(ComparedNight { estimate, truth: truth.value });
            }
        }
        for (id, model) in &self.calibration.concepts {
            let Some(concept) = self.registry.get(id) else { continue };
            let labels = EventLabels::new(concept, self.registry);
            if !labels.is_scored(night) {
                continue;
            }
            let epochs = self.epochs.entry(id.clone()).or_default();
            let judged = labels.judged(night).into_iter();
            epochs.extend(
                judged.map(|(row, has_it)| (model.probability(&night.embeddings[row]), has_it)),
            );
        }
    }

    fn finish(self, left_out: Vec<LeftOutNight>) -> ConceptEvaluation {
        let concepts = self.epochs.iter().filter(|(_, epochs)| !epochs.is_empty());
        let concepts = concepts.map(|(id, epochs)| ConceptCheck {
            concept: id.clone(),
            quality: EpochQuality::of(epochs),
            risk: risk(epochs),
        });
        ConceptEvaluation {
            population: self.calibration.population.clone(),
            nights: self.n_nights,
            concepts: concepts.collect(),
            classes: self.classes(),
            measures: self
                .measures
                .iter()
                .map(|(quantity, nights)| self.measure_check(quantity, nights))
                .collect(),
            left_out,
        }
    }

    fn measure_check(&self, quantity: &Quantity, nights: &[ComparedNight]) -> MeasureCheck {
        let measure = quantity.to_string();
        let judged = |night: &ComparedNight| {
            let ComparedNight { estimate, truth } = night;
            Some(JudgedInterval {
                estimate: estimate.value,
                interval: estimate.interval?,
                truth: *truth,
            })
        };
        let judged: Vec<JudgedInterval> = nights.iter().filter_map(judged).collect();
        let (zero, mut above): (Vec<JudgedInterval>, Vec<JudgedInterval>) =
            judged.iter().copied().partition(|night| night.truth <= 0.0);
        above.sort_by(|a, b| a.truth.total_cmp(&b.truth));
        let third = above.len().div_ceil(3).max(1);
        let pairs: Vec<(f64, f64)> =
            nights.iter().map(|it| (it.estimate.value, it.truth)).collect();
        MeasureCheck {
            refused: self.calibration.measure(&measure).and_then(|it| it.refused.clone()),
            spearman: spearman(&pairs),
            overall: IntervalCoverage::of(&judged),
            thirds: above.chunks(third).filter_map(IntervalCoverage::of).collect(),
            zero: IntervalCoverage::of(&zero),
            without_interval: nights.len() - judged.len(),
            measure,
        }
    }

    /// Compares the classes of the measures that have some.
    fn classes(&self) -> Vec<ClassCheck> {
        let mut checks = Vec::new();
        let with_classes = self.registry.concepts().iter().filter(|it| !it.classes.is_empty());
        for concept in with_classes {
            let Some(measure) = crate::grammar::canonical_measure_of(concept, self.registry) else {
                continue;
            };
            let found = self.measures.iter().find(|(it, _)| it.measure == measure);
            let Some((_, nights)) = found.filter(|(_, nights)| !nights.is_empty()) else {
                continue;
            };
            let class = |value: f64| concept.classes.iter().position(|class| class.contains(value));
            let classes = nights.iter().map(|it| (class(it.estimate.value), class(it.truth)));
            checks.push(ClassCheck {
                measure: concept.id.clone(),
                nights: nights.len(),
                right: classes.filter(|(model, scored)| model == scored).count(),
            });
        }
        checks
    }
}

/// Returns the error over the surest epochs: those whose probability is furthest from one half.
fn risk(epochs: &[(f64, bool)]) -> Vec<RiskPoint> {
    let mut sorted = epochs.to_vec();
    sorted.sort_by(|a, b| (b.0 - 0.5).abs().total_cmp(&(a.0 - 0.5).abs()));
    let point = |coverage: f64| {
        let n = ((coverage * sorted.len() as f64).round() as usize).clamp(1, sorted.len());
        let wrong = sorted[..n].iter().filter(|(p, has_it)| (*p >= 0.5) != *has_it).count();
        RiskPoint { coverage, risk: wrong as f64 / n as f64 }
    };
    COVERAGES.map(point).to_vec()
}
