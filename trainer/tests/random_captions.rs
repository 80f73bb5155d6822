//! Captions from bundles with random weights: reported words, reproducibility, and rejected graphs.

use std::path::Path;

use nocturne_encoder::bundle::{CAPTIONER, SIGNAL_TOWER, TEXT_TOWER, VOCABULARY};
use nocturne_encoder::caption::{
    CaptionCondition, CaptionProgress, DecodingOptions, DecodingStrategy,
};
use nocturne_encoder::runtime::Runtime;
use nocturne_encoder::{BatchOptions, Bundle, Captioner, Device, Memory, SignalEncoder};
use nocturne_psg::ZScore;
use nocturne_psg::caption::CaptionKind;
use nocturne_testing::require;
use nocturne_trainer::import::{CheckpointParts, layout};
use nocturne_trainer::{BundleFacts, Preset, Weights, write_bundle};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::runtime;

/// Writes a bundle of random weights with CLIP's vocabulary; no norm is 1 and no bias 0.
fn random_bundle(folder: &Path) -> Bundle {
    let config = Preset::Tiny.config();
    let mut weights = Weights::initial(&config, 5);
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let parts = CheckpointParts { captions: true, reconstruction: false };
    for (name, shape) in layout(&config, parts) {
        if weights.get(&name).is_none() {
            let middle = if shape.len() == 1 && name.ends_with("weight") { 1.0 } else { 0.0 };
            let spread = (3.0 * shape.len() as f32 / config.multimodal_cfg.width as f32).sqrt();
            let n = shape.iter().product();
            let values = (0..n).map(|_| middle + random.random_range(-spread..spread)).collect();
            weights.insert(name, shape, values);
        }
    }
    write_bundle(folder, &weights, &config, None, &facts()).unwrap()
}

fn facts() -> BundleFacts {
    BundleFacts {
        name: "drawn".to_owned(),
        z_score: ZScore::Recording,
        data: "nothing".to_owned(),
        licence: "none".to_owned(),
        command: "a test".to_owned(),
    }
}

fn memory(runtime: Runtime, bundle: &Bundle) -> Memory {
    let options = BatchOptions::default();
    let mut signal = SignalEncoder::open(runtime, bundle, Device::Cpu, options).unwrap();
    let epoch: Vec<f32> = (0..19_200).map(|i| (i as f32 / 9.0).sin()).collect();
    signal.read_inputs(&epoch).unwrap().swap_remove(0).memory.unwrap()
}

#[test]
fn words_are_reported_as_they_are_decided_and_reproducible() {
    let runtime = require!(runtime());
    let folder = tempfile::tempdir().unwrap();
    let bundle = random_bundle(&folder.path().join("bundle"));
    let memory = memory(runtime, &bundle);
    let mut captioner = Captioner::open(runtime, &bundle, Device::Cpu, 1).unwrap();
    let mut run = |strategy: DecodingStrategy| {
        let search = DecodingOptions { strategy, max_length: 24, ..DecodingOptions::default() };
        let mut streamed = (Vec::new(), String::new());
        let mut watch = |progress: CaptionProgress<'_>| {
            if let CaptionProgress::Token { id, raw } = progress {
                streamed.0.push(id);
                streamed.1.push_str(raw);
            }
            true
        };
        let condition = CaptionCondition::from(CaptionKind::Brain);
        let caption = captioner.caption(&memory, condition, &search, &mut watch).unwrap();
        (caption, streamed)
    };
    let sample =
        |seed| DecodingStrategy::Sampling { top_k: Some(50), top_p: None, temperature: 1.0, seed };
    let beams = DecodingStrategy::BeamSearch { beams: 4 };
    for strategy in [DecodingStrategy::Greedy, beams, sample(1), sample(2)] {
        let (caption, (ids, raw)) = run(strategy);
        assert_eq!((caption.ids[0], caption.ids.len() >= 16), (49_406, true));
        let words: Vec<u32> = caption.ids[1..].iter().copied().filter(|id| *id != 49_407).collect();
        assert_eq!((&ids, &raw), (&words, &caption.raw), "{strategy:?}");
        assert_eq!(run(strategy).0, caption);
    }
    assert_eq!(run(DecodingStrategy::BeamSearch { beams: 1 }).0, run(DecodingStrategy::Greedy).0);
    assert_ne!(run(sample(1)).0, run(sample(2)).0);
}

#[test]
fn a_decoder_leaves_the_embeddings_bit_identical() {
    let runtime = require!(runtime());
    let folder = tempfile::tempdir().unwrap();
    let config = Preset::Tiny.config();
    let towers = Weights::initial(&config, 5);
    let wanted = nocturne_trainer::config::ModelParts { captions: true, reconstruction: None };
    let whole = towers.clone().with_parts(&config, &wanted, 6);
    let epoch: Vec<f32> = (0..19_200).map(|i| (i as f32 / 9.0).sin()).collect();
    let embed = |name: &str, weights: &Weights| {
        let bundle =
            write_bundle(&folder.path().join(name), weights, &config, None, &facts()).unwrap();
        let options = BatchOptions::default();
        let mut signal = SignalEncoder::open(runtime, &bundle, Device::Cpu, options).unwrap();
        let reading = signal.read_inputs(&epoch).unwrap().swap_remove(0);
        (reading.embedding, reading.memory.is_some())
    };
    let (before, had_memory) = embed("towers", &towers);
    let (after, has_memory) = embed("whole", &whole);
    assert_eq!((had_memory, has_memory), (false, true));
    assert_eq!(before.as_slice(), after.as_slice());
}

#[test]
fn rejects_a_graph_that_is_not_a_caption_decoder() {
    let runtime = require!(runtime());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    let bundle = random_bundle(&path);
    let mut captioner = Captioner::open(runtime, &bundle, Device::Cpu, 1).unwrap();
    let narrow = Memory::new(5, vec![0.5; 20]);
    let error = captioner
        .caption(&narrow, CaptionCondition::Unconditional, &DecodingOptions::default(), &mut |_| {
            true
        })
        .unwrap_err();
    let file = bundle.file(CAPTIONER);
    let width = Preset::Tiny.config().multimodal_cfg.width;
    let expected = format!("expects a memory of width {width}; the signal tower returns width 5");
    assert_eq!(error.to_string(), format!("`{}`: it {expected}", file.display()));
    std::fs::copy(bundle.file(TEXT_TOWER), &file).unwrap();
    let names = [SIGNAL_TOWER, TEXT_TOWER, CAPTIONER, VOCABULARY];
    let bundle = Bundle::seal(&path, bundle.manifest().clone(), &names).unwrap();
    let error = Captioner::open(runtime, &bundle, Device::Cpu, 1).err().unwrap();
    assert_eq!(error.to_string(), format!("`{}`: it has 1 inputs; expected 6", file.display()));
    let names = [SIGNAL_TOWER, TEXT_TOWER, VOCABULARY];
    let bundle = Bundle::seal(&path, bundle.manifest().clone(), &names).unwrap();
    let error = Captioner::open(runtime, &bundle, Device::Cpu, 1).err().unwrap();
    let expected = "has no captioner: its files do not include `caption.onnx`";
    assert_eq!(error.to_string(), format!("`{}` {expected}", path.display()));
}
