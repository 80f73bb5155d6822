//! Captions of an exported bundle, against the texts that SleepLM's own generation gives for the same weights.
//!
//! The fixtures are not part of the project; without them the test says so and passes.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use nocturne_encoder::bundle::{
    BundleManifest, CAPTIONER, FORMAT, Preprocessing, SIGNAL_TOWER, TEXT_TOWER, TokenizerSpec,
    Training, VOCABULARY,
};
use nocturne_encoder::caption::{CaptionCondition, DecodingOptions, DecodingStrategy};
use nocturne_encoder::runtime::Runtime;
use nocturne_encoder::tokenizer::CLIP_VOCABULARY;
use nocturne_encoder::{BatchOptions, Bundle, Captioner, Device, EpochReading, SignalEncoder};
use nocturne_psg::ZScore;
use nocturne_psg::caption::CaptionKind;
use nocturne_trainer::onnx::{GraphOptions, caption_decoder, signal_tower, text_tower};
use nocturne_trainer::{Checkpoint, Import, ModelConfig};
use safetensors::SafeTensors;
use serde::Deserialize;

/// Largest difference between a number of the memory or the attention and PyTorch's.
const TOLERANCE: f32 = 2e-5;
/// Largest difference between two logits.
const LOGIT_TOLERANCE: f32 = 2e-4;

/// The bundle of the fixture's weights, opened, and what its tower makes of the fixture's epochs.
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

/// A text that came to its end.
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

/// A text that was cut at its greatest length.
#[derive(Deserialize)]
struct CappedCase {
    signal: usize,
    channel_indices: Vec<i64>,
    beam3x3: Vec<u32>,
    beam6x3: Vec<u32>,
    greedy: Vec<u32>,
}

impl Fixture {
    /// Exports the fixture's weights, or says why the test is skipped.
    fn open() -> Option<Self> {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens/tiny");
        if !files.is_dir() {
            println!("skipped: no fixtures");
            return None;
        }
        let Ok(runtime) = Runtime::load(None) else {
            println!("skipped: no ONNX Runtime; `cargo xtask setup` gets it");
            return None;
        };
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
        Some(Self { captioner, readings, files, _folder: folder })
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

/// What a bundle says of itself; the fixture's vocabulary is smaller than that of any bundle that is shipped.
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
        calibration: [].into(),
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the shape and the numbers of a tensor of 32-bit floats.
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

fn assert_near(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }
}

/// Returns the options that must give the result of group beam search in the reference.
fn searches(beams: usize, groups: usize, limits: DecodingOptions) -> Vec<DecodingOptions> {
    let mut strategies = vec![DecodingStrategy::BeamSearch { beams: beams / groups }];
    if beams == groups {
        strategies.push(DecodingStrategy::Greedy);
    }
    strategies.into_iter().map(|strategy| DecodingOptions { strategy, ..limits }).collect()
}

#[test]
fn texts_that_end_are_those_of_the_reference() {
    let Some(mut fixture) = Fixture::open() else { return };
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
fn texts_that_are_cut_are_those_of_the_reference() {
    let Some(mut fixture) = Fixture::open() else { return };
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

/// Without caches the whole text is read for every token.
#[test]
fn caches_change_no_token() {
    let Some(mut fixture) = Fixture::open() else { return };
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
fn memory_attention_and_logits_are_those_of_the_reference() {
    let Some(mut fixture) = Fixture::open() else { return };
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
    let found =
        fixture.captioner.logits(&memory, CaptionCondition::Unconditional, &ids[..16]).unwrap();
    assert_near(&found, &expected, LOGIT_TOLERANCE);
}
