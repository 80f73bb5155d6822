//! The gradient of a batch in parts against that of the whole, and a run that is stopped.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::module::AutodiffModule;
use burn::tensor::{Device, Tensor, activation};
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventKind, Stage, ZScore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::gradient::signals;
use super::{Event, Recipe, RunFolder, Training, Work, gradient, train};
use crate::data::{Batch, EPOCH_LEN, SetInfo, ShardWriter, TrainingEpoch, TrainingSet};
use crate::model::{Dropout, SleepLm, normalize};
use crate::{ModelConfig, Positives, Preset, TokenBatch, Weights, parameters, weights};

type Tracked = Autodiff<Flex>;

fn small() -> ModelConfig {
    let mut config = Preset::Tiny.config();
    config.biosignals_cfg.patch_size = 192;
    config.biosignals_cfg.transformer_width = 16;
    config.biosignals_cfg.transformer_layers = 1;
    config.text_cfg.width = 16;
    config.text_cfg.layers = 1;
    config
}

fn random_batch(n: usize, vocabulary: i64) -> Batch {
    let mut random = Pcg64Mcg::seed_from_u64(4);
    let signals = (0..n * EPOCH_LEN).map(|_| random.random_range(-1.5..1.5)).collect();
    let texts: Vec<Vec<i64>> = (0..n)
        .map(|text| (0..3 + text % 4).map(|_| random.random_range(1..vocabulary)).collect())
        .collect();
    Batch {
        signals,
        texts: TokenBatch::new(&texts, 256),
        positives: Positives::new(n, |epoch, text| epoch + text == 3),
    }
}

#[test]
fn parts_give_the_gradient_of_the_whole_batch() {
    let device = Device::<Flex>::default();
    let mut config = small();
    config.text_cfg.vocab_size = 40;
    let batch = random_batch(7, 40);
    let model: SleepLm<Flex> = Weights::initial(&config, 5).to_model(&config, &device).unwrap();
    let work = |threads| Work { threads, dropout: 0.0, seed: 0 };
    let parts = gradient::<Tracked>(&model, &batch, work(3), &device);
    let whole = gradient::<Tracked>(&model, &batch, work(1), &device);

    let tracked: SleepLm<Tracked> = SleepLm::from_inner(model);
    let tracked = parameters::require_gradients(tracked, |name| !weights::is_buffer(name));
    let inputs = signals(&batch, &(0..7), &device);
    let signals = normalize(tracked.biosignals.forward(inputs, &mut Dropout::off()).embedding);
    let texts = normalize(tracked.text.forward(&batch.texts).embedding);
    let scale = tracked.logit_scale.val().exp().unsqueeze::<2>();
    let logits = signals.matmul(texts.transpose()) * scale;
    let targets = |values: Vec<f32>| {
        Tensor::<Tracked, 1>::from_floats(values.as_slice(), &device).reshape([7, 7])
    };
    let loss = targets(batch.positives.row_targets()) * activation::log_softmax(logits.clone(), 1)
        + targets(batch.positives.column_targets()) * activation::log_softmax(logits, 0);
    let loss = loss.sum() * (-0.5 / 7.0);
    let expected = parameters::take_gradients(&tracked, &mut loss.backward());

    assert!((parts.loss - loss.into_scalar()).abs() < 1e-5);
    assert_eq!(expected.len(), parts.gradients.len());
    for (name, expected) in &expected {
        let largest = expected.clone().abs().max().into_scalar().max(1e-3);
        for found in [&parts, &whole] {
            let far = (found.gradients[name].clone() - expected.clone()).abs().max().into_scalar();
            assert!(far < 1e-4 * largest, "{name}: {far} of {largest}");
        }
    }
}

/// Writes recordings whose stage can be told from the EEG.
fn training_set(folder: &Path) -> TrainingSet {
    let info = SetInfo::new(ZScore::Recording, "made up".to_owned(), "none".to_owned());
    info.write(folder).unwrap();
    for recording in 0..3 {
        let name = format!("night-{recording}");
        let path = folder.join(format!("{name}.epochs"));
        let mut writer = ShardWriter::create(&path, &name, &name, ZScore::Recording).unwrap();
        for number in 0..20 {
            let stage = Stage::ALL[number as usize % 5];
            let frequency = (1 + stage.index()) as f32 / 10.0;
            let wave = |i: usize| (i as f32 * frequency + number as f32).sin();
            let event = nocturne_psg::Event::new(EventKind::Arousal, 2.0, 5.0);
            let events = if number % 3 == 0 { vec![event] } else { Vec::new() };
            let facts = EpochFacts {
                stage: Some(stage),
                events,
                events_scored: true,
                ..EpochFacts::default()
            };
            let samples = (0..EPOCH_LEN).map(wave).collect();
            let mask = ChannelMask::ALL;
            writer.push(&TrainingEpoch { number, mask, samples, facts }).unwrap();
        }
        writer.commit().unwrap();
    }
    TrainingSet::open(folder).unwrap()
}

fn training(out: &Path, steps: u64, resume: bool) -> Training {
    let recipe = Recipe {
        steps,
        batch_size: 6,
        warmup_steps: 2,
        validation_share: 0.34,
        validation_batches: 1,
        validate_every: 3,
        checkpoint_every: 2,
        threads: 2,
        ..Recipe::default()
    };
    let mut config = small();
    config.biosignals_cfg.dropout = 0.1;
    let folder = RunFolder::new(out);
    Training { config, recipe, folder, resume, command: "a test".to_owned() }
}

#[test]
fn a_run_that_is_killed_and_resumed_is_the_run_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let set = || training_set(&folder.path().join("set"));
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let device = Device::<Flex>::default();
    let (through, killed) = (folder.path().join("through"), folder.path().join("killed"));
    let expected =
        train::<Tracked>(&training(&through, 9, false), set(), &device, &mut |_| {}).unwrap();

    let mut steps = 0;
    let until = training(&killed, 9, false);
    let kill = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        train::<Tracked>(&until, set(), &device, &mut |event| {
            steps += usize::from(matches!(event, Event::Step(_)));
            assert!(steps < 6, "killed");
        })
    }));
    assert!(kill.is_err(), "the run was killed in its sixth step");
    let found = train::<Tracked>(&training(&killed, 9, true), set(), &device, &mut |_| {}).unwrap();

    assert_eq!(found, expected);
    let curve = |run: &Path| {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let number = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["step"].clone(), line["loss"].clone(), line["validation_loss"].clone())
        };
        text.lines().map(number).collect::<Vec<_>>()
    };
    assert_eq!(curve(&killed), curve(&through));
    let kept = std::fs::read_dir(killed.join("checkpoints")).unwrap().count();
    assert_eq!(kept, 2);
}

#[test]
fn a_run_is_neither_overwritten_nor_resumed_with_another_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let set_folder = folder.path().join("set");
    std::fs::create_dir(&set_folder).unwrap();
    let set = || training_set(&set_folder);
    let device = Device::<Flex>::default();
    let run = folder.path().join("run");
    let message = |training: &Training, set: TrainingSet| {
        let error = train::<Tracked>(training, set, &device, &mut |_| {}).unwrap_err();
        error.to_string().replace(&run.display().to_string(), "run")
    };
    assert_eq!(message(&training(&run, 9, true), set()), "`run` holds no run to resume");
    let first = training(&run, 2, false);
    train::<Tracked>(&first, set(), &device, &mut |_| {}).unwrap();
    assert_eq!(message(&first, set()), "`run` already holds a run");
    assert_eq!(
        message(&training(&run, 9, true), set()),
        "the run in `run` was begun with another `steps`"
    );
}
