//! A bundle for tests, without ONNX Runtime: texts are encoded by a table.
//!
//! The embedding space has one axis for each stage, one for arousals, one for free words, and one for everything else.
//! A text about a stage or about arousals is on its axis, so a test composes an epoch of the meanings it is to have.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::bundle::{BundleManifest, Preprocessing, TokenizerSpec, Training};
use nocturne_encoder::{Embedding, EncodedText, PromptSet, Provider};
use nocturne_psg::{Stage, ZScore};

use crate::model::opened_bundle::OpenedBundle;
use crate::model::text_thread::TextThread;

/// Dimensions of the embedding space.
pub(crate) const DIM: usize = 8;
/// Axis of arousals; those of the stages come first.
pub(crate) const AROUSAL: usize = 5;
/// Axis of [`FREE_WORDS`].
pub(crate) const FREE: usize = 6;
/// Axis of every other text, among them the negatives.
const OTHER: usize = 7;

/// Words that are not a known concept; the last of them is unknown to the bundle.
pub(crate) const FREE_WORDS: &str = "waves like a saw";

/// Returns the unit vector along the sum of some axes with weights.
pub(crate) fn vector(parts: &[(usize, f32)]) -> Vec<f32> {
    let mut numbers = vec![0.0; DIM];
    parts.iter().for_each(|(axis, weight)| numbers[*axis] += weight);
    Embedding::new(numbers).unwrap().as_slice().to_vec()
}

/// Returns the vector of an epoch of a stage, with or without an arousal.
pub(crate) fn epoch_vector(stage: Stage, has_arousal: bool) -> Vec<f32> {
    vector(&[(stage.index(), 1.0), (AROUSAL, if has_arousal { 0.9 } else { 0.0 })])
}

fn axis(text: &str) -> usize {
    let has = |prompts: &[String]| prompts.iter().any(|prompt| prompt == text);
    let stages = &PromptSet::stages().labels;
    if let Some(stage) = stages.iter().position(|label| has(&label.prompts)) {
        return stage;
    }
    let arousal = PromptSet::events().label("arousal").expect("the set has arousals");
    match text {
        _ if has(&arousal.prompts) => AROUSAL,
        FREE_WORDS => FREE,
        _ => OTHER,
    }
}

fn encode(text: &str) -> EncodedText {
    let embedding = Embedding::new(vector(&[(axis(text), 1.0)])).unwrap();
    let unknown_words = if text == FREE_WORDS { vec!["saw".to_owned()] } else { vec![] };
    EncodedText { embedding, truncated: false, unknown_words }
}

/// Returns a calibration for the bundle with a fingerprint: an epoch has an arousal from a product of 0.45 with its axis on,
/// and a night as many an hour as 120 times the share of such epochs.
pub(crate) fn calibration(fingerprint: &str) -> nocturne_concepts::Calibration {
    use nocturne_concepts::calibration::{
        Band, Calibration, EpochModel, EpochQuality, MeasureModel, Origin, Population,
    };
    let population = Population {
        origin: Origin::Simulated,
        name: "tests".to_owned(),
        nights: 100,
        min_channels: 8,
    };
    let registry = nocturne_concepts::Registry::shipped().fingerprint().to_owned();
    let mut calibration = Calibration::new(fingerprint.to_owned(), registry, population);
    let mut weights = vec![0.0; DIM];
    weights[AROUSAL] = 200.0;
    let quality = EpochQuality { positive: 100, negative: 1000, ece: 0.01, brier_skill: 0.8 };
    let model = EpochModel { weights, bias: -90.0, threshold: 0.5, quality };
    calibration.concepts.insert("arousal".to_owned(), model);
    let measure = |measure: &str, points, refused: Option<&str>| MeasureModel {
        measure: measure.to_owned(),
        nights: 100,
        spearman: 0.95,
        relative_width: 0.3,
        refused: refused.map(str::to_owned),
        points,
        bands: vec![Band { below: None, lower: -0.5, upper: 0.5 }],
    };
    calibration.measures = vec![measure("rate(arousal)", vec![[0.0, 0.0], [120.0, 120.0]], None)];
    calibration
}

/// Returns the manifest of a bundle with embeddings of `dim` numbers and no calibration.
pub(crate) fn manifest(dim: usize) -> BundleManifest {
    BundleManifest {
        format: 1,
        name: "small".to_owned(),
        embedding_dim: dim,
        logit_scale: 20.0,
        preprocessing: Preprocessing {
            montage: "sleeplm-10".to_owned(),
            z_score: ZScore::Recording,
        },
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: 256,
            vocabulary_size: 49_408,
        },
        parameters: BTreeMap::new(),
        training: Training { data: String::new(), licence: String::new(), command: String::new() },
        files: BTreeMap::new(),
        precision: None,
    }
}

/// Returns an opened bundle with a fingerprint, in a folder that need not exist.
pub(crate) fn opened_bundle(fingerprint: &str, folder: &Path) -> OpenedBundle {
    let encode_all = |texts: &[String]| Ok(texts.iter().map(|text| encode(text)).collect());
    let manifest = manifest(DIM);
    OpenedBundle {
        texts: TextThread::spawn(encode_all).unwrap(),
        captions: None,
        manifest,
        fingerprint: fingerprint.to_owned(),
        folder: folder.to_owned(),
        provider: Provider { name: "cpu", fallback_reason: None },
        registry: nocturne_concepts::Registry::shipped(),
        calibration: Some(calibration(fingerprint)),
        track_builder: std::sync::OnceLock::new(),
    }
}
