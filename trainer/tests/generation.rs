//! Captions of an exported bundle match those of SleepLM's own generation for the same weights.
//!
//! The fixtures are not part of the repository; without them the test is recorded as skipped.

use std::path::{Path, PathBuf};

use nocturne_encoder::bundle::{
    BundleManifest, CAPTIONER, FORMAT, Preprocessing, SIGNAL_TOWER, TEXT_TOWER, TokenizerSpec,
    Training, VOCABULARY,
};
use nocturne_encoder::caption::{CaptionCondition, DecodingOptions, DecodingStrategy};
use nocturne_encoder::tokenizer::CLIP_VOCABULARY;
use nocturne_encoder::{BatchOptions, Bundle, Captioner, Device, EpochReading, SignalEncoder};
use nocturne_psg::ZScore;
use nocturne_psg::caption::CaptionKind;
use nocturne_testing::{Absent, golden, require};
use nocturne_trainer::onnx::{GraphOptions, caption_decoder, signal_tower, text_tower};
use nocturne_trainer::{Checkpoint, Import, ModelConfig};
use safetensors::SafeTensors;
use serde::Deserialize;

use crate::support::runtime;

/// Maximum difference from PyTorch in the memory and in the attention.
const TOLERANCE: f32 = 2e-5;
/// Maximum difference between two logits.
const LOGIT_TOLERANCE: f32 = 2e-4;

/// The opened bundle of the fixture's weights, and the output of its signal tower for the fixture's epochs.
struct Fixture {
    captioner: Captioner,
    readings: Vec<EpochReading>,
    files: PathBuf,
    _folder: tempfile::TempDir,
}

#[derive(Deserialize)]
struct Ended {
    cases: Vec<EndedCase>,
}

/// Texts that end with the end token.
#[derive(Deserialize)]
struct EndedCase {
    signal: serde_json::Value,
    #[serde(default)]
    channel_indices: Vec<i64>,
    eos: u32,
    seq_len: usize,
    min_seq_len: usize,
    beams: usize,
    groups: usize,
    ids: serde_json::Value,
}

#[derive(Deserialize)]
struct Meta {
    generation: Capped,
}

#[derive(Deserialize)]
struct Capped {
    seq_len: usize,
    min_seq_len: usize,
    cases: Vec<CappedCase>,
}

/// Texts that end at the maximum length.
#[derive(Deserialize)]
struct CappedCase {
    signal: usize,
    channel_indices: Vec<i64>,
    beam3x3: Vec<u32>,
    beam6x3: Vec<u32>,
    greedy: Vec<u32>,
}

impl Fixture {
    /// Exports the fixture's weights, or returns which resource is absent.
    fn open() -> Result<Self, Absent> {
        let files = golden("tiny")?;
        let runtime = runtime()?;
        let checkpoint = Checkpoint::open(&files.join("model_checkpoint.pt")).unwrap();
        let given = ModelConfig::read(&files.join("config.json")).unwrap();
        let import = Import::new(&checkpoint, Some(&given)).unwrap();
        let (config, weights) = (import.config().clone(), import.read(&mut |_| {}).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let options = GraphOptions::default();
        signal_tower(&weights, &config, options).unwrap().write(&file(SIGNAL_TOWER)).unwrap();
        text_tower(&weights, &config, None, options).unwrap().write(&file(TEXT_TOWER)).unwrap();
        caption_decoder(&weights, &config, None, options).unwrap().write(&file(CAPTIONER)).unwrap();
        std::fs::write(file(VOCABULARY), CLIP_VOCABULARY).unwrap();
        let names = [SIGNAL_TOWER, TEXT_TOWER, CAPTIONER, VOCABULARY];
        let bundle = Bundle::seal(folder.path(), manifest(&config), &names).unwrap();
        let (device, batch) = (Device::Cpu, BatchOptions::default());
        let mut signal = SignalEncoder::open(runtime, &bundle, device, batch).unwrap();
        let captioner = Captioner::open(runtime, &bundle, device, 1).unwrap();
        let (_, signals) = numbers(&files.join("inputs.safetensors"), "signals");
        let readings = signal.read_inputs(&signals).unwrap();
        Ok(Self { captioner, readings, files, _folder: folder })
    }

    fn ids(
        &mut self,
        signal: usize,
        channel_indices: &[i64],
        search: &DecodingOptions,
    ) -> Vec<u32> {
        let memory = self.readings[signal].memory.as_ref().unwrap();
        let condition = condition(channel_indices);
        self.captioner.caption(memory, condition, search, &mut |_| true).unwrap().ids
    }
}

/// Returns the manifest of the bundle; the fixture's vocabulary is smaller than that of a shipped bundle.
fn manifest(config: &ModelConfig) -> BundleManifest {
    BundleManifest {
        format: FORMAT,
        name: "fixture".to_owned(),
        embedding_dim: config.embed_dim,
        logit_scale: 1.0,
        preprocessing: Preprocessing {
            montage: nocturne_psg::montage::NAME.to_owned(),
            z_score: ZScore::Recording,
        },
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: config.text_cfg.context_length,
            vocabulary_size: config.text_cfg.vocab_size,
        },
        parameters: [].into(),
        training: Training {
            data: "nothing".to_owned(),
            licence: "none".to_owned(),
            command: "a test".to_owned(),
        },
        files: [].into(),
        precision: None,
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the shape and the values of a tensor of 32-bit floats.
fn numbers(path: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    let (floats, _) = tensor.data().as_chunks::<4>();
    (tensor.shape().to_vec(), floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn condition(channel_indices: &[i64]) -> CaptionCondition {
    let kind = |index: &i64| usize::try_from(*index).ok().map(|index| CaptionKind::ALL[index]);
    match channel_indices {
        [] => CaptionCondition::Unconditional,
        [first, second] => CaptionCondition::Kinds([kind(first), kind(second)]),
        _ => panic!("{channel_indices:?}"),
    }
}

fn assert_near(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((actual - expected).abs() < tolerance, "{actual} {expected}");
    }
}

/// Returns the options that must give the result of the reference's group beam search.
fn searches(beams: usize, groups: usize, limits: DecodingOptions) -> Vec<DecodingOptions> {
    let mut strategies = vec![DecodingStrategy::BeamSearch { beams: beams / groups }];
    if beams == groups {
        strategies.push(DecodingStrategy::Greedy);
    }
    strategies.into_iter().map(|strategy| DecodingOptions { strategy, ..limits }).collect()
}

#[test]
fn texts_with_an_end_match_the_reference() {
    let mut fixture = require!(Fixture::open());
    let Ended { cases } = read_json(&fixture.files.join("generation_eos.json"));
    assert_eq!(cases.len(), 37);
    for case in cases {
        let EndedCase { eos, seq_len, min_seq_len, beams, groups, .. } = case;
        let limits = DecodingOptions {
            min_length: min_seq_len,
            max_length: seq_len,
            end_token: Some(eos),
            ..DecodingOptions::default()
        };
        // The last case is a batch of all epochs, whose ids are padded to the longest.
        let (signals, expected): (Vec<usize>, Vec<Vec<u32>>) = match case.signal.as_u64() {
            Some(signal) => {
                (vec![signal as usize], vec![serde_json::from_value(case.ids).unwrap()])
            }
            None => ((0..5).collect(), serde_json::from_value(case.ids).unwrap()),
        };
        for (signal, expected) in signals.iter().zip(&expected) {
            let of_batch = [[4, -1], [0, -1], [4, 0], [2, 3], [-1, -1]];
            let kinds = if case.channel_indices.is_empty() {
                &of_batch[*signal][..]
            } else {
                &case.channel_indices
            };
            let end = expected.iter().position(|id| *id == eos).map_or(expected.len(), |i| i + 1);
            for search in searches(beams, groups, limits) {
                assert_eq!(fixture.ids(*signal, kinds, &search), expected[..end], "{search:?}");
            }
        }
    }
}

#[test]
fn texts_cut_at_the_maximum_length_match_the_reference() {
    let mut fixture = require!(Fixture::open());
    let Meta { generation } = read_json(&fixture.files.join("meta.json"));
    let Capped { seq_len, min_seq_len, cases } = generation;
    let limits = DecodingOptions {
        min_length: min_seq_len,
        max_length: seq_len,
        ..DecodingOptions::default()
    };
    assert_eq!(cases.len(), 5);
    for CappedCase { signal, channel_indices, beam3x3, beam6x3, greedy } in cases {
        assert_eq!(beam3x3, greedy);
        for search in searches(3, 3, limits) {
            assert_eq!(fixture.ids(signal, &channel_indices, &search), greedy);
        }
        for search in searches(6, 3, limits) {
            assert_eq!(fixture.ids(signal, &channel_indices, &search), beam6x3);
        }
    }
}

/// Without caches, the whole text is computed again for every token.
#[test]
fn caches_change_no_token() {
    let mut fixture = require!(Fixture::open());
    let search = DecodingOptions { min_length: 16, max_length: 30, ..DecodingOptions::default() };
    for signal in 0..5 {
        let cached = fixture.ids(signal, &[4, -1], &search);
        let memory = fixture.readings[signal].memory.as_ref().unwrap();
        let mut ids = vec![510];
        while ids.len() < 30 && ids.last() != Some(&511) {
            let condition = CaptionCondition::from(CaptionKind::StageEvent);
            let logits = fixture.captioner.logits(memory, condition, &ids).unwrap();
            let last = &logits[logits.len() - 512..];
            let allowed = if ids.len() < 16 { &last[..511] } else { last };
            let best = (0..allowed.len()).max_by(|a, b| allowed[*a].total_cmp(&allowed[*b]));
            ids.push(best.unwrap() as u32);
        }
        assert_eq!(cached, ids);
    }
}

#[test]
fn memory_attention_and_logits_match_the_reference() {
    let mut fixture = require!(Fixture::open());
    let outputs = fixture.files.join("outputs.safetensors");
    let (shape, expected) = numbers(&outputs, "signal_decoder_memory");
    for (reading, expected) in
        fixture.readings.iter().zip(expected.chunks_exact(shape[1] * shape[2]))
    {
        let memory = reading.memory.as_ref().unwrap();
        assert_eq!((memory.tokens(), memory.width()), (shape[1], shape[2]));
        assert_near(memory.as_slice(), expected, TOLERANCE);
        let attention = reading.attention.as_ref().unwrap();
        let sum: f32 = attention.seconds().iter().sum();
        assert!((sum - 1.0).abs() < TOLERANCE, "{sum}");
        assert_eq!(attention.patches(), 120);
    }
    let (_, expected) = numbers(&outputs, "caption_logits_nocond");
    let bytes = std::fs::read(fixture.files.join("inputs.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (tokens, _) = file.tensor("token_ids").unwrap().data().as_chunks::<8>();
    let ids: Vec<u32> = tokens.iter().map(|id| i64::from_le_bytes(*id) as u32).collect();
    let memory = fixture.readings[0].memory.clone().unwrap();
    let actual =
        fixture.captioner.logits(&memory, CaptionCondition::Unconditional, &ids[..16]).unwrap();
    assert_near(&actual, &expected, LOGIT_TOLERANCE);
}
