//! The exported captioner in ONNX Runtime: steps, caches, conditions, and its vocabulary.

use nocturne_encoder::graph::{Graph, GraphInput, GraphOutput, TensorValues};
use nocturne_testing::{Absent, require};
use nocturne_trainer::ModelParts;
use nocturne_trainer::onnx::{GraphOptions, caption_decoder};
use nocturne_trainer::{ModelConfig, Preset, TokenBatch, TokenSet, Weights};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::runtime;

/// Maximum difference between two logits.
const TOLERANCE: f32 = 2e-4;
const VOCABULARY: usize = 300;

/// A captioner in a session, with the caches of the steps so far.
struct Captioner {
    graph: Graph,
    config: ModelConfig,
    caches: [GraphOutput; 3],
    _folder: tempfile::TempDir,
}

/// The texts of a batch so far, with the inputs of the first step.
#[derive(Clone, Copy)]
struct DecoderStep<'a> {
    tokens: &'a [Vec<i64>],
    conditions: &'a [Vec<i64>],
    memory: &'a [f32],
}

impl Captioner {
    /// Returns a captioner with empty caches, or why ONNX Runtime is absent.
    fn open(trained: Option<&TokenSet>) -> Result<Self, Absent> {
        let runtime = runtime()?;
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = VOCABULARY;
        config.text_cfg.heads = 4;
        config.multimodal_cfg.layers = 3;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("caption.onnx");
        caption_decoder(&weights(&config), &config, trained, GraphOptions::default())
            .unwrap()
            .write(&path)
            .unwrap();
        let graph = Graph::open(runtime, &path, 1).unwrap();
        let caches = [(2, 4), (3, 2), (3, 2)].map(|(layers, heads)| GraphOutput {
            shape: vec![2 * layers, 0, heads, 0, 64 / heads],
            values: Vec::new(),
        });
        Ok(Self { graph, config, caches, _folder: folder })
    }

    /// Runs a step with empty caches.
    fn first(&mut self, step: DecoderStep<'_>) -> Vec<f32> {
        for cache in &mut self.caches {
            cache.shape[1] = step.tokens.len();
            cache.shape[3] = 0;
            cache.values.clear();
        }
        self.next(step)
    }

    /// Runs a step and returns its logits.
    fn next(&mut self, step: DecoderStep<'_>) -> Vec<f32> {
        let batch = step.tokens.len();
        let width = self.config.multimodal_cfg.width;
        let (tokens, conditions) = (step.tokens.concat(), step.conditions.concat());
        let of_tokens = [batch, tokens.len() / batch];
        let of_conditions = [batch, conditions.len() / batch];
        let of_memory = [batch, step.memory.len() / batch / width, width];
        let [text, decoder, cross] = &self.caches;
        let input = |name, shape, values| GraphInput { name, shape, values };
        let inputs = [
            input("tokens", &of_tokens, TensorValues::I64(&tokens)),
            input("conditions", &of_conditions, TensorValues::I64(&conditions)),
            input("memory", &of_memory, TensorValues::F32(step.memory)),
            input("text_cache", &text.shape, TensorValues::F32(&text.values)),
            input("decoder_cache", &decoder.shape, TensorValues::F32(&decoder.values)),
            input("cross_cache", &cross.shape, TensorValues::F32(&cross.values)),
        ];
        let mut outputs = self.graph.run(&inputs).unwrap();
        self.caches = ["text_cache_out", "decoder_cache_out", "cross_cache_out"]
            .map(|name| outputs.remove(name).unwrap());
        outputs.remove("logits").unwrap().values
    }
}

/// Returns random weights without default values: no norm is 1 and no bias 0.
fn weights(config: &ModelConfig) -> Weights {
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let parts = ModelParts { captions: true, ..ModelParts::towers() };
    let mut weights = Weights::default();
    for (name, tensor) in Weights::initial_parts(config, &parts, 5).iter() {
        let is_moved = tensor.shape.len() == 1 || name.ends_with("_embeddings");
        let values = tensor
            .values
            .iter()
            .map(|value| if is_moved { value + random.random_range(-0.3..0.3f32) } else { *value });
        weights.insert(name, tensor.shape.clone(), values.collect());
    }
    weights
}

/// Returns two texts of 9 tokens, one with a pad inside, and the memory of two epochs.
fn batch() -> (Vec<Vec<i64>>, Vec<f32>) {
    let mut random = Pcg64Mcg::seed_from_u64(4);
    let mut texts: Vec<Vec<i64>> = (0..2)
        .map(|_| (0..9).map(|_| random.random_range(1..VOCABULARY as i64)).collect())
        .collect();
    texts[1][3] = 0;
    let memory = (0..2 * 8 * 64).map(|_| random.random_range(-1.0..1.0)).collect();
    (texts, memory)
}

fn starts(texts: &[Vec<i64>], length: usize) -> Vec<Vec<i64>> {
    texts.iter().map(|text| text[..length].to_vec()).collect()
}

/// Returns the logits of positions `range` of each text.
fn positions(logits: &[f32], texts: usize, range: std::ops::Range<usize>) -> Vec<f32> {
    let text = logits.len() / texts;
    let part = range.start * VOCABULARY..range.end * VOCABULARY;
    logits.chunks_exact(text).flat_map(|logits| logits[part.clone()].to_vec()).collect()
}

fn assert_near(actual: &[f32], expected: &[f32]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((actual - expected).abs() < TOLERANCE, "{actual} {expected}");
    }
}

fn assert_far(actual: &[f32], other: &[f32]) {
    assert_eq!(actual.len(), other.len());
    let far = actual.iter().zip(other).any(|(a, b)| (a - b).abs() > 100.0 * TOLERANCE);
    assert!(far, "nothing differs");
}

#[test]
fn cached_steps_match_the_whole_text() {
    let mut captioner = require!(Captioner::open(None));
    let (texts, memory) = batch();
    for conditions in [vec![vec![4, -1], vec![0, 2]], vec![vec![], vec![]]] {
        let whole = DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory };
        let whole = captioner.first(whole);
        let first_two = starts(&texts, 2);
        let step = DecoderStep { tokens: &first_two, conditions: &conditions, memory: &memory };
        assert_near(&captioner.first(step), &positions(&whole, 2, 0..2));
        let nothing = vec![vec![], vec![]];
        for (from, to) in [(2, 3), (3, 4), (4, 7), (7, 8), (8, 9)] {
            let tokens = starts(&texts, to);
            let step = DecoderStep { tokens: &tokens, conditions: &nothing, memory: &[] };
            assert_near(&captioner.next(step), &positions(&whole, 2, from..to));
        }
        let prefix = conditions[0].len();
        let lengths = captioner.caches.each_ref().map(|cache| cache.shape[3]);
        assert_eq!(lengths, [9, 9 + prefix, 8]);
    }
}

#[test]
fn texts_of_a_batch_are_independent() {
    let mut captioner = require!(Captioner::open(None));
    let (texts, memory) = batch();
    let conditions = [vec![4, -1], vec![0, 2]];
    let both = DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory };
    let both = captioner.first(both);
    let second = DecoderStep {
        tokens: &texts[1..],
        conditions: &conditions[1..],
        memory: &memory[memory.len() / 2..],
    };
    assert_near(&captioner.first(second), &both[both.len() / 2..]);
}

#[test]
fn conditions_matter_but_not_their_order() {
    let mut captioner = require!(Captioner::open(None));
    let (texts, memory) = batch();
    let mut under = |conditions: [i64; 2]| {
        let conditions = [conditions.to_vec(), conditions.to_vec()];
        captioner.first(DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory })
    };
    let logits = under([4, -1]);
    assert_near(&under([-1, 4]), &logits);
    assert_far(&under([3, -1]), &logits);
    assert_far(&under([4, 0]), &logits);
}

#[test]
fn a_pad_hides_the_next_position() {
    let mut captioner = require!(Captioner::open(None));
    let (mut texts, memory) = batch();
    let conditions = [vec![], vec![]];
    let logits =
        captioner.first(DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory });
    let tower = captioner.caches[0].clone();
    // The second text has a pad at 3. Position 4 does not attend to itself, and later positions do not attend to it in
    // the text tower.
    texts[1][4] = 1 + texts[1][4] % 200;
    captioner.first(DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory });
    let changed = captioner.caches[0].clone();
    // Keys of the second layer of the text tower: slot 2.
    let keys = |cache: &GraphOutput, position: usize| {
        let [_, batch, heads, length, head_dim] = cache.shape[..] else { unreachable!() };
        let mut keys = Vec::new();
        for head in 0..heads {
            let row = ((2 * batch + 1) * heads + head) * length + position;
            keys.extend_from_slice(&cache.values[row * head_dim..][..head_dim]);
        }
        keys
    };
    assert_far(&keys(&changed, 4), &keys(&tower, 4));
    for position in [0, 3, 5, 8] {
        assert_near(&keys(&changed, position), &keys(&tower, position));
    }
    assert!(logits.iter().all(|logit| logit.is_finite()));
}

#[test]
fn unseen_tokens_are_never_chosen_and_the_others_are_exact() {
    let (texts, memory) = batch();
    let mut trained = TokenSet::new(VOCABULARY);
    trained.extend(&TokenBatch::new(&texts, 256));
    let mut all = require!(Captioner::open(None));
    let mut some = require!(Captioner::open(Some(&trained)));
    let conditions = [vec![1, -1], vec![1, -1]];
    let step = DecoderStep { tokens: &texts, conditions: &conditions, memory: &memory };
    let (all, some) = (all.first(step), some.first(step));
    assert_eq!(all.len(), some.len());
    for (i, (all, some)) in all.iter().zip(&some).enumerate() {
        if trained.contains(i % VOCABULARY) {
            assert!((all - some).abs() < TOLERANCE, "{all} {some}");
        } else {
            assert_eq!(*some, -1e30);
        }
    }
}
