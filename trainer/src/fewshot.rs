//! Learns a concept from a few labelled epochs: a logistic head on frozen embeddings.

use std::collections::BTreeSet;
use std::path::Path;

use nocturne_encoder::head::LogisticHead;
use nocturne_encoder::metrics::auroc;
use nocturne_encoder::{Concept, ConceptTarget, ConceptValidation, SignalEncoder};
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::edf::durable;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use crate::data::{EPOCH_LEN, TrainingSet};
use crate::error::{Error, Result};

/// Number of epochs encoded at a time.
const BATCH: usize = 32;

/// Options of learning a concept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FewShotOptions {
    /// Maximum number of labelled epochs with the concept, and as many without it; `None` for all.
    pub shots: Option<usize>,
    /// Number of cross-validation folds over subjects.
    pub folds: usize,
    /// Ridge penalty on the weights.
    pub ridge: f64,
    /// Seed of the choice of epochs and of the folds.
    pub seed: u64,
}

impl Default for FewShotOptions {
    fn default() -> Self {
        Self { shots: None, folds: 5, ridge: 1e-3, seed: 1 }
    }
}

/// A labelled epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledEpoch {
    /// Index of the subject.
    pub subject: usize,
    /// Its embedding.
    pub embedding: Vec<f32>,
    /// Whether it has the concept.
    pub has_concept: bool,
}

/// Returns whether an epoch has the concept, or `None` if it is not labelled.
fn label(target: ConceptTarget, facts: &EpochFacts) -> Option<bool> {
    match target {
        ConceptTarget::Stage(stage) => facts.stage.map(|scored| scored == stage),
        ConceptTarget::Event(kind) => {
            let has_concept = || facts.events.iter().any(|event| event.kind == kind);
            facts.events_scored.then(has_concept)
        }
    }
}

/// Encodes the labelled epochs of a set; `see` receives the number of epochs done.
///
/// # Errors
///
/// Those of the training set and of the encoder.
pub fn encode(
    set: &TrainingSet,
    target: ConceptTarget,
    signal: &mut SignalEncoder,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<LabelledEpoch>> {
    let labelled = |epoch_idx: usize| Some((epoch_idx, label(target, set.facts(epoch_idx))?));
    let labelled: Vec<_> = (0..set.len()).filter_map(labelled).collect();
    let subjects: Vec<String> = set.subjects().into_iter().collect();
    let mut epochs = Vec::with_capacity(labelled.len());
    for some in labelled.chunks(BATCH) {
        let mut inputs = vec![0.0; some.len() * EPOCH_LEN];
        for ((epoch_idx, _), input) in some.iter().zip(inputs.chunks_exact_mut(EPOCH_LEN)) {
            set.read_samples(*epoch_idx, input)?;
        }
        for ((epoch_idx, has_concept), embedding) in some.iter().zip(signal.encode_inputs(&inputs)?)
        {
            let subject = subjects.binary_search(&set.subject(*epoch_idx));
            epochs.push(LabelledEpoch {
                subject: subject.expect("`subjects` contains the subject of each epoch"),
                embedding: embedding.as_slice().to_vec(),
                has_concept: *has_concept,
            });
        }
        progress(epochs.len());
    }
    Ok(epochs)
}

/// Learns a concept, and validates it on subjects that the heads were not fitted on.
///
/// # Errors
///
/// [`Error::TooFewEpochs`] if a fold would have no epoch with or without the concept to learn from, or if there is no
/// subject to hold out.
pub fn learn(
    epochs: &[LabelledEpoch],
    target: ConceptTarget,
    bundle: &str,
    options: FewShotOptions,
) -> Result<Concept> {
    let mut random = Pcg64Mcg::seed_from_u64(options.seed);
    let subjects: BTreeSet<usize> = epochs.iter().map(|epoch| epoch.subject).collect();
    let mut subjects: Vec<usize> = subjects.into_iter().collect();
    subjects.shuffle(&mut random);
    let folds = options.folds.min(subjects.len());
    if folds < 2 {
        return Err(too_few(target));
    }
    let mut predictions = Vec::with_capacity(epochs.len());
    for fold in 0..folds {
        let held_out: BTreeSet<usize> =
            subjects.iter().skip(fold).step_by(folds).copied().collect();
        let (held_out, rest): (Vec<_>, Vec<_>) =
            epochs.iter().partition(|epoch| held_out.contains(&epoch.subject));
        let (head, _) = fit_head(&rest, target, options, &mut random)?;
        predictions.extend(
            held_out.iter().map(|epoch| (head.probability(&epoch.embedding), epoch.has_concept)),
        );
    }
    let all: Vec<_> = epochs.iter().collect();
    let (head, counts) = fit_head(&all, target, options, &mut random)?;
    let validation = validation(folds, &predictions).ok_or_else(|| too_few(target))?;
    Ok(Concept::new(target, bundle.to_owned(), head, counts, validation))
}

/// Fits a head to some of the epochs, and returns the number used with and without the concept.
fn fit_head(
    epochs: &[&LabelledEpoch],
    target: ConceptTarget,
    options: FewShotOptions,
    random: &mut Pcg64Mcg,
) -> Result<(LogisticHead, [usize; 2])> {
    let (mut with, mut without): (Vec<&LabelledEpoch>, Vec<&LabelledEpoch>) =
        epochs.iter().copied().partition(|epoch| epoch.has_concept);
    for class in [&mut with, &mut without] {
        class.shuffle(random);
        class.truncate(options.shots.unwrap_or(usize::MAX));
    }
    if with.is_empty() || without.is_empty() {
        return Err(too_few(target));
    }
    let counts = [with.len(), without.len()];
    let chosen: Vec<(&[f32], bool)> = with
        .into_iter()
        .chain(without)
        .map(|epoch| (epoch.embedding.as_slice(), epoch.has_concept))
        .collect();
    Ok((LogisticHead::fit(&chosen, options.ridge), counts))
}

/// Compares probabilities with the truth, or returns `None` if only one class occurs.
fn validation(folds: usize, predictions: &[(f64, bool)]) -> Option<ConceptValidation> {
    let scored: Vec<(f32, bool)> = predictions
        .iter()
        .map(|(probability, has_concept)| (*probability as f32, *has_concept))
        .collect();
    let rate = |class: bool| {
        let of_class = predictions.iter().filter(|(_, has_concept)| *has_concept == class);
        let found = of_class.clone().filter(|(probability, _)| *probability >= 0.5).count();
        found as f64 / of_class.count() as f64
    };
    Some(ConceptValidation {
        folds,
        auroc: auroc(&scored)?,
        true_positive_rate: rate(true),
        false_positive_rate: rate(false),
    })
}

fn too_few(target: ConceptTarget) -> Error {
    Error::TooFewEpochs { target: target.to_string() }
}

/// Writes a concept file atomically.
///
/// # Errors
///
/// [`Error::Io`].
pub fn write(concept: &Concept, path: &Path) -> Result<()> {
    durable::write(path, concept.to_toml().as_bytes()).map_err(Error::io(path, "write"))
}

#[cfg(test)]
mod tests {
    use nocturne_psg::{EventKind, Stage};
    use rand::RngExt;

    use super::*;

    /// Two components that determine the concept in all people, and one that identifies the person.
    fn epochs(subjects: usize) -> Vec<LabelledEpoch> {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        (0..subjects * 40)
            .map(|epoch| {
                let (subject, has_concept) = (epoch / 40, epoch % 4 == 0);
                let middle = if has_concept { 0.5 } else { -0.5 };
                let noise = random.random_range(-0.7..0.7);
                let embedding = vec![middle + noise, noise, subject as f32];
                LabelledEpoch { subject, embedding, has_concept }
            })
            .collect()
    }

    #[test]
    fn a_learned_concept_round_trips() {
        let target: ConceptTarget = "arousal".parse().unwrap();
        let options = FewShotOptions { shots: Some(20), ..FewShotOptions::default() };
        let learned = learn(&epochs(6), target, "f00", options).unwrap();
        assert_eq!((learned.epochs, learned.validation.folds), ([20, 20], 5));
        assert!(learned.validation.auroc > 0.99, "{:?}", learned.validation);
        assert!(learned.validation.true_positive_rate > 0.9, "{:?}", learned.validation);
        assert!(learned.validation.false_positive_rate < 0.1, "{:?}", learned.validation);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arousal.toml");
        write(&learned, &path).unwrap();
        assert_eq!(Concept::read(&path, "f00", 3).unwrap(), learned);
    }

    #[test]
    fn person_specific_features_do_not_generalise() {
        // The label is constant per person: memorised in training, and at chance level on held-out people.
        let mut epochs = epochs(8);
        for epoch in &mut epochs {
            let mut random = Pcg64Mcg::seed_from_u64(epoch.subject as u64);
            epoch.has_concept = epoch.subject % 2 == 0;
            epoch.embedding = (0..8).map(|_| random.random_range(-1.0..1.0)).collect();
        }
        let target = ConceptTarget::Stage(Stage::N3);
        let learned = learn(&epochs, target, "f00", FewShotOptions::default()).unwrap();
        let by_heart = epochs.iter().filter(|epoch| {
            (learned.head.probability(&epoch.embedding) > 0.5) == epoch.has_concept
        });
        assert_eq!(by_heart.count(), epochs.len());
        assert!(learned.validation.auroc < 0.9, "{:?}", learned.validation);
    }

    #[test]
    fn rejects_a_single_subject() {
        let target = ConceptTarget::Event(EventKind::Arousal);
        let error = learn(&epochs(1), target, "f00", FewShotOptions::default()).unwrap_err();
        let expected = "too few labelled epochs for `arousal`; expected at least two subjects, with and without it";
        assert_eq!(error.to_string(), expected);
    }
}
