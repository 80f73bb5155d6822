//! A captioner trained on the tokens of captions only, from the first step to the captions of its bundle.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_encoder::bundle::CAPTIONER;
use nocturne_encoder::caption::{CaptionCondition, DecodingOptions, TextLimits};
use nocturne_encoder::{BatchOptions, Captioner, SignalEncoder};
use nocturne_psg::caption::{CaptionKind, EpochFacts};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{Event, EventKind, Stage, ZScore};
use nocturne_testing::require;
use nocturne_trainer::data::{EPOCH_LEN, SetInfo, ShardWriter, TrainingEpoch, TrainingSet};
use nocturne_trainer::kernels::Dropout;
use nocturne_trainer::model::{CaptionConditions, NO_CONDITION};
use nocturne_trainer::objective::LossWeights;
use nocturne_trainer::training::{
    CaptionTokens, InitialModel, Recipe, RunFolder, TrainingRun, train,
};
use nocturne_trainer::uncached_captioner::EpochCaptioner;
use nocturne_trainer::{
    BundleFacts, ModelConfig, ModelParts, Preset, TokenBatch, TokenSet, Weights, keep_weights,
    write_bundle,
};

use crate::support::runtime;

/// Maximum size of the exported captioner; over the whole vocabulary, each of its two tables alone would be 3 MB.
const MAX_BYTES: u64 = 1_000_000;

fn samples(number: u32) -> Vec<f32> {
    (0..EPOCH_LEN).map(|i| (i as f32 * (1 + number % 5) as f32 / 10.0).sin()).collect()
}

fn training_set(folder: &Path) -> TrainingSet {
    let info = SetInfo::new(ZScore::Recording, "made up".to_owned(), "none".to_owned());
    info.write(folder).unwrap();
    let path = folder.join("night.epochs");
    let mut captioner_of_model =
        ShardWriter::create(&path, "night", "night", ZScore::Recording).unwrap();
    for number in 0..20 {
        let facts = EpochFacts {
            stage: Some(Stage::ALL[number as usize % 5]),
            events: vec![Event::new(EventKind::Arousal, 2.0, 5.0)],
            events_scored: true,
            ..EpochFacts::default()
        };
        let mask = ChannelMask::ALL;
        captioner_of_model
            .push(&TrainingEpoch { number, mask, samples: samples(number), facts })
            .unwrap();
    }
    captioner_of_model.commit().unwrap();
    TrainingSet::open(folder).unwrap()
}

fn config() -> ModelConfig {
    let mut config = Preset::Tiny.config();
    config.biosignals_cfg.patch_size = 64;
    config.biosignals_cfg.transformer_width = 16;
    config.biosignals_cfg.transformer_layers = 1;
    config.multimodal_cfg.width = 16;
    config.multimodal_cfg.layers = 1;
    config.text_cfg.width = 16;
    config.text_cfg.layers = 1;
    config
}

fn facts() -> BundleFacts {
    BundleFacts {
        name: "made up".to_owned(),
        z_score: ZScore::Recording,
        data: "made up".to_owned(),
        licence: "none".to_owned(),
        command: "a test".to_owned(),
    }
}

#[test]
fn a_bundle_writes_the_captions_of_the_trained_model() {
    let runtime = require!(runtime());
    let folder = tempfile::tempdir().unwrap();
    let device = Device::<Flex>::default();
    let recipe = Recipe {
        steps: 12,
        batch_size: 8,
        learning_rate: 0.02,
        warmup_steps: 2,
        loss: LossWeights { contrastive: 1.0, caption: 1.0, reconstruction: 1.0 },
        caption_tokens: CaptionTokens::OfCaptions,
        validation_share: 0.0,
        threads: 2,
        ..Recipe::default()
    };
    let run = RunFolder::new(folder.path().join("run"));
    let training = TrainingRun {
        config: config(),
        recipe,
        folder: run.clone(),
        start: None,
        resume: false,
        command: "a test".to_owned(),
    };
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let set = training_set(&folder.path().join("set"));
    let weights = train::<Autodiff<Flex>>(&training, set, &device, &mut |_| {}).unwrap();

    let tokens = run.read_tokens(config().text_cfg.vocab_size).unwrap();
    let path = folder.path().join("bundle");
    let bundle = write_bundle(&path, &weights, &config(), Some(&tokens), &facts()).unwrap();
    let bytes = std::fs::metadata(bundle.file(CAPTIONER)).unwrap().len();
    assert!(bytes < MAX_BYTES, "{bytes}");

    let cpu = nocturne_encoder::Device::Cpu;
    let options = BatchOptions::default();
    let mut signal = SignalEncoder::open(runtime, &bundle, cpu, options).unwrap();
    let mut captioner = Captioner::open(runtime, &bundle, cpu, 1).unwrap();
    let model = weights.to_model::<Flex>(&config(), &device).unwrap();
    let search = DecodingOptions { min_length: 2, max_length: 12, ..DecodingOptions::default() };
    let limits =
        TextLimits { start_token: 49_406, end_token: 49_407, min_length: 2, max_length: 12 };
    for number in 0..3 {
        let reading = signal.read_inputs(&samples(number)).unwrap().swap_remove(0);
        let condition = CaptionCondition::from(CaptionKind::StageEvent);
        let memory = reading.memory.unwrap();
        let written = captioner.caption(&memory, condition, &search, &mut |_| true).unwrap();
        assert!(written.ids.iter().all(|id| tokens.contains(*id as usize)), "{written:?}");

        let signals = TensorData::new(samples(number), [1, 10, EPOCH_LEN / 10]);
        let signals = Tensor::from_data(signals, &device);
        let memory = model.biosignals.forward(signals, &mut Dropout::off()).memory;
        let conditions = CaptionConditions::new(&[[CaptionKind::StageEvent as i64, NO_CONDITION]]);
        let captioner_of_model = EpochCaptioner::new(&model, memory, Some(&conditions)).unwrap();
        assert_eq!(
            captioner_of_model.restricted_to(tokens.clone()).caption(&search, limits),
            written.ids
        );
    }
}

#[test]
fn training_starts_from_a_bundle_with_weights() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let parts = ModelParts::all(&config.biosignals_cfg);
    let weights = Weights::initial_parts(&config, &parts, 9);
    let mut tokens = TokenSet::new(config.text_cfg.vocab_size);
    tokens.extend(&TokenBatch::new(&[[49_406, 320, 2533, 49_407]], 256));
    let write = |name: &str, weights: &Weights| {
        write_bundle(&folder.path().join(name), weights, &config, Some(&tokens), &facts()).unwrap()
    };
    let bundle = write("bundle", &weights);
    let error = InitialModel::read(bundle.folder(), None).unwrap_err();
    assert!(error.to_string().ends_with(
        "is a bundle without weights; expected a run, a weights file or a bundle with weights"
    ));
    let kept = keep_weights(&bundle, &weights, &config, Some(&tokens)).unwrap();
    assert_eq!(kept.fingerprint(), bundle.fingerprint());

    let start = InitialModel::read(kept.folder(), None).unwrap();
    assert_eq!((&start.config, &start.tokens), (&config, &tokens));
    assert_eq!(start.provenance.unwrap().data(), "made up");
    assert_eq!(start.weights.parts(&config.biosignals_cfg), parts);
    // The rows of unseen tokens differ, and nothing exported depends on them.
    assert_ne!(start.weights, weights);
    let again = write("again", &start.weights);
    assert_eq!(again.manifest().files, bundle.manifest().files);
    let other = Preset::Tiny.config();
    let error = InitialModel::read(kept.folder(), Some(&other)).unwrap_err().to_string();
    assert!(error.ends_with("it differs from the given configuration"), "{error}");
}
