//! Tests of batch gradients in parts and rounds, of fine-tuning, and of interrupted runs.

use std::ops::Range;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::module::AutodiffModule;
use burn::tensor::{Device, Tensor, activation};
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventKind, Stage, ZScore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::batch_gradient::whole_loss;
use super::batch_part::{BatchPart, signals};
use super::lora::Lora;
use super::{
    FrozenTowers, GradientOptions, InitialModel, LoraOptions, Objective, Recipe, RunEvent,
    RunFolder, TrainScope, TrainingRun, gradient, train,
};
use crate::config::{ModelConfig, ModelParts, Preset};
use crate::data::{Batch, EPOCH_LEN, SetInfo, ShardWriter, TrainingEpoch, TrainingSet};
use crate::kernels::Dropout;
use crate::model::{CaptionConditions, NO_CONDITION, SleepLm, normalize};
use crate::objective::{CaptionVocabulary, JointBatch, LossWeights, joint_gradient};
use crate::parameters;
use crate::parameters::NamedTensors;
use crate::positive_pairs::PositivePairs;
use crate::tokens::{TokenBatch, TokenSet};
use crate::weights;
use crate::weights::Weights;

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
        conditions: CaptionConditions::new(
            &(0..n as i64).map(|row| [row % 5, NO_CONDITION]).collect::<Vec<_>>(),
        ),
        positives: PositivePairs::new(n, |epoch, text| epoch + text == 3),
    }
}

#[test]
fn parts_sum_to_the_gradient_of_the_whole_batch() {
    let device = Device::<Flex>::default();
    let mut config = small();
    config.text_cfg.vocab_size = 40;
    let batch = random_batch(7, 40);
    let model: SleepLm<Flex> = Weights::initial(&config, 5).to_model(&config, &device).unwrap();
    let objective = Objective::default();
    let vocabulary = &CaptionVocabulary::full(40);
    let gradient_options = |threads| GradientOptions {
        objective,
        vocabulary,
        threads,
        micro_batch: 0,
        dropout: 0.0,
        seed: 0,
    };
    let parts = gradient::<Tracked>(&model, &batch, gradient_options(3), &device);
    let whole = gradient::<Tracked>(&model, &batch, gradient_options(1), &device);

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

    assert!((parts.losses.contrastive - loss.into_scalar()).abs() < 1e-5);
    assert_eq!(expected.len(), parts.gradients.len());
    for (name, expected) in &expected {
        let largest = expected.clone().abs().max().into_scalar().max(1e-3);
        for found in [&parts, &whole] {
            let far = (found.gradients[name].clone() - expected.clone()).abs().max().into_scalar();
            assert!(far < 1e-4 * largest, "{name}: {far} of {largest}");
        }
    }
}

const JOINT: LossWeights = LossWeights { contrastive: 1.0, caption: 2.0, reconstruction: 0.5 };

/// A model with all parts over forty tokens, and a batch for it.
fn joint() -> (ModelConfig, SleepLm<Flex>, Batch) {
    let mut config = small();
    config.text_cfg.vocab_size = 40;
    config.multimodal_cfg.width = 16;
    config.multimodal_cfg.layers = 1;
    let parts = ModelParts::all(&config.biosignals_cfg);
    let weights = Weights::initial_parts(&config, &parts, 5);
    let model = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
    (config, model, random_batch(7, 40))
}

fn check_equal(found: &NamedTensors<Flex>, expected: &NamedTensors<Flex>) {
    let names = |of: &NamedTensors<Flex>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (name, expected) in expected {
        let largest = expected.clone().abs().max().into_scalar().max(1.0);
        let far = (found[name].clone() - expected.clone()).abs().max().into_scalar();
        assert!(far < 1e-5 * largest, "{name}: {far} of {largest}");
    }
}

#[test]
fn parts_and_rounds_sum_to_the_joint_gradient() {
    let device = Device::<Flex>::default();
    let (_, model, batch) = joint();
    let whole = JointBatch {
        signals: signals::<Tracked>(&batch, &(0..7), &device),
        texts: &batch.texts,
        conditions: Some(&batch.conditions),
        positives: &batch.positives,
    };
    let expected = joint_gradient(&model, &whole, JOINT, &mut Dropout::off());
    let objective = Objective { weights: JOINT, ..Objective::default() };
    let vocabulary = &CaptionVocabulary::full(40);
    for (threads, micro_batch) in [(1, 0), (3, 0), (1, 2), (2, 3)] {
        let gradient_options =
            GradientOptions { objective, vocabulary, threads, micro_batch, dropout: 0.0, seed: 0 };
        let found = gradient::<Tracked>(&model, &batch, gradient_options, &device);
        assert!((found.losses.total(JOINT) - expected.losses.total(JOINT)).abs() < 1e-5);
        check_equal(&found.gradients, &expected.gradients);
    }
}

#[test]
fn columns_outside_the_vocabulary_have_no_gradient() {
    let device = Device::<Flex>::default();
    let (_, model, batch) = joint();
    let mut met = TokenSet::new(40);
    met.extend(&batch.texts);
    assert!(met.len() < 40, "the batch leaves tokens out");
    let objective = Objective { weights: JOINT, ..Objective::default() };
    let gradient = |vocabulary: &CaptionVocabulary| {
        let gradient_options = GradientOptions {
            objective,
            vocabulary,
            threads: 2,
            micro_batch: 0,
            dropout: 0.0,
            seed: 0,
        };
        gradient::<Tracked>(&model, &batch, gradient_options, &device)
    };
    let found = gradient(&CaptionVocabulary::of(&met));
    let full = gradient(&CaptionVocabulary::full(40));
    let projection = |of: &NamedTensors<Flex>| {
        of["text_decoder.text_projection"].clone().into_data().into_vec::<f32>().unwrap()
    };
    let (some, all) = (projection(&found.gradients), projection(&full.gradients));
    assert_eq!(some.len(), all.len());
    for (place, gradient) in some.iter().enumerate() {
        assert_eq!(*gradient != 0.0, met.contains(place % 40), "{place}: {gradient}");
    }
    assert!(all.iter().all(|gradient| *gradient != 0.0));
    assert!(found.losses.caption < full.losses.caption);
}

#[test]
fn both_passes_of_a_round_use_the_same_masks() {
    // With other masks in the first pass, the gradient would not be that of any loss.
    let device = Device::<Flex>::default();
    let (_, model, batch) = joint();
    let objective = Objective { weights: JOINT, ..Objective::default() };
    let vocabulary = &CaptionVocabulary::full(40);
    let gradient_options = |micro_batch| GradientOptions {
        objective,
        vocabulary,
        threads: 1,
        micro_batch,
        dropout: 0.5,
        seed: 9,
    };
    let of_each = |parts: &[Range<usize>]| {
        let embedded: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(number, range)| {
                let dropout = Dropout::seeded(0.5, 9 ^ number as u64);
                let part = BatchPart { batch: &batch, range: range.clone(), dropout, vocabulary };
                part.embed(&model, &device)
            })
            .collect();
        whole_loss(&model, &embedded, &batch.positives).loss
    };
    let found = gradient::<Tracked>(&model, &batch, gradient_options(4), &device);
    assert_eq!(found.losses.contrastive, of_each(&[0..3, 3..7]));
    let again = gradient::<Tracked>(&model, &batch, gradient_options(4), &device);
    check_equal(&again.gradients, &found.gradients);
}

#[test]
fn frozen_towers_have_no_gradient_and_the_others_are_unaffected() {
    let device = Device::<Flex>::default();
    let (_, model, batch) = joint();
    let vocabulary = &CaptionVocabulary::full(40);
    let gradient_options = |frozen| GradientOptions {
        objective: Objective { weights: JOINT, frozen, ..Objective::default() },
        vocabulary,
        threads: 2,
        micro_batch: 0,
        dropout: 0.0,
        seed: 0,
    };
    let whole =
        gradient::<Tracked>(&model, &batch, gradient_options(FrozenTowers::default()), &device);
    for (signal, text) in [(true, true), (true, false), (false, true)] {
        let frozen = FrozenTowers { signal, text };
        let found = gradient::<Tracked>(&model, &batch, gradient_options(frozen), &device);
        assert_eq!(found.losses, whole.losses);
        let mut expected = whole.gradients.clone();
        expected.retain(|name, _| !frozen.contains(name));
        check_equal(&found.gradients, &expected);
    }
}

#[test]
fn a_decoder_is_trained_on_frozen_towers() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let set = || training_set(&folder.path().join("set"));
    let device = Device::<Flex>::default();
    let run = |name: &str, start: Option<InitialModel>, loss, freeze| {
        let mut training = training(&folder.path().join(name), 8, false);
        training.config.multimodal_cfg.width = 16;
        training.recipe = Recipe { loss, freeze, learning_rate: 0.02, ..training.recipe };
        training.start = start;
        train::<Tracked>(&training, set(), &device, &mut |_| {}).unwrap()
    };
    let towers = run("towers", None, LossWeights::default(), FrozenTowers::default());
    let start = InitialModel::read(&folder.path().join("towers"), None).unwrap();
    assert_eq!(start.weights, towers);
    let frozen = FrozenTowers { signal: true, text: true };
    let whole = run("whole", Some(start), JOINT, frozen);
    assert!(towers.iter().all(|(name, tensor)| whole.get(name) == Some(tensor)));
    assert!(whole.has_captioner());
    let provenance = RunFolder::new(folder.path().join("whole")).provenance().unwrap();
    assert_eq!(provenance.data(), "made up; before that: made up");

    let lines = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.path().join(name).join("metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let [before, after] = ["towers", "whole"].map(lines);
    assert!(before.iter().all(|line| line.get("caption").is_none()));
    let caption =
        |step: usize| after.iter().filter_map(|line| line["caption"].as_f64()).nth(step).unwrap();
    assert!(caption(7) < caption(0) - 0.5, "{} {}", caption(0), caption(7));
    let after = after.last().unwrap();
    assert!(after["validation_losses"]["reconstruction"].as_f64().unwrap() > 0.0);
    assert!(!after["sample"]["expected"].as_str().unwrap().is_empty());
    let kept = folder.path().join("whole/checkpoints/step-00000008/optimizer.safetensors");
    let means = Weights::read(&kept).unwrap();
    assert!(means.count("first.text_decoder.") > 0);
    assert_eq!(means.count("first.biosignals.") + means.count("first.text."), 0);
}

#[test]
fn training_only_adapters_lowers_the_loss() {
    let device = Device::<Flex>::default();
    let mut config = small();
    config.text_cfg.vocab_size = 40;
    let batch = random_batch(7, 40);
    let base: SleepLm<Flex> = Weights::initial(&config, 5).to_model(&config, &device).unwrap();
    let vocabulary = &CaptionVocabulary::full(40);
    let objective = Objective::default();
    let gradient_options = GradientOptions {
        objective,
        vocabulary,
        threads: 1,
        micro_batch: 0,
        dropout: 0.0,
        seed: 0,
    };
    let mut lora = Lora::new(LoraOptions { rank: 4, alpha: 8.0 }, &base, |_| true, 3);
    let mut losses = Vec::new();
    for _ in 0..40 {
        let mut step = gradient::<Tracked>(&lora.merged(&base), &batch, gradient_options, &device);
        losses.push(step.losses.contrastive);
        lora.chain_gradients(&base, &mut step.gradients);
        for (name, factor) in lora.factors_mut() {
            *factor = factor.clone() - step.gradients[name].clone() * 0.3;
        }
    }
    // Steps of a fixed length overshoot in the end.
    assert!(losses.iter().any(|loss| *loss < losses[0] - 0.5), "{losses:?}");
}

/// Trains towers for a few steps, and returns a set and a function that creates fine-tuning runs.
fn fine_tuning(folder: &Path) -> (TrainingSet, impl Fn(&str, Recipe) -> TrainingRun) {
    std::fs::create_dir(folder.join("set")).unwrap();
    let set = training_set(&folder.join("set"));
    let towers = training(&folder.join("towers"), 2, false);
    train::<Tracked>(
        &towers,
        training_set(&folder.join("set")),
        &Device::<Flex>::default(),
        &mut |_| {},
    )
    .unwrap();
    let start = InitialModel::read(&folder.join("towers"), None).unwrap();
    let folder = folder.to_owned();
    let tuning = move |name: &str, recipe: Recipe| TrainingRun {
        start: Some(start.clone()),
        recipe,
        ..training(&folder.join(name), recipe.steps, false)
    };
    (set, tuning)
}

#[test]
fn training_adapters_leaves_the_base_weights_bit_identical() {
    let folder = tempfile::tempdir().unwrap();
    let (set, tuning) = fine_tuning(folder.path());
    let recipe = Recipe {
        learning_rate: 0.02,
        lora: Some(LoraOptions { rank: 4, alpha: 8.0 }),
        ..training(folder.path(), 24, false).recipe
    };
    let device = Device::<Flex>::default();
    let training = tuning("adapted", recipe);
    let found = train::<Tracked>(&training, set, &device, &mut |_| {}).unwrap();
    let start = training.start.unwrap().weights;

    let run = folder.path().join("adapted");
    let kept = run.join("checkpoints/step-00000024");
    assert_eq!(Weights::read(&kept.join("weights.safetensors")).unwrap(), start);
    let adapters = Weights::read(&kept.join("adapters.safetensors")).unwrap();
    for (name, tensor) in start.iter() {
        let is_adapted = adapters.get(&format!("{name}.lora_up")).is_some();
        assert_eq!(found.get(name) != Some(tensor), is_adapted, "{name}");
    }
    let means = Weights::read(&kept.join("optimizer.safetensors")).unwrap();
    assert!(means.iter().all(|(name, _)| name.contains(".lora_")));
}

#[test]
fn a_resumed_adapter_run_matches_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let (set, tuning) = fine_tuning(folder.path());
    let lora = Some(LoraOptions { rank: 2, alpha: 4.0 });
    let recipe = Recipe { lora, loss: JOINT, ..training(folder.path(), 7, false).recipe };
    let tuning = |name: &str| {
        let mut training = tuning(name, recipe);
        training.config.multimodal_cfg.width = 16;
        training
    };
    let device = Device::<Flex>::default();
    let expected = train::<Tracked>(&tuning("through"), set, &device, &mut |_| {}).unwrap();
    let set = || TrainingSet::open(&folder.path().join("set")).unwrap();
    let killed = tuning("killed");
    let mut steps = 0;
    let kill = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        train::<Tracked>(&killed, set(), &device, &mut |event| {
            steps += usize::from(matches!(event, RunEvent::Step(_)));
            assert!(steps < 6, "killed");
        })
    }));
    assert!(kill.is_err(), "the run was killed in its sixth step");
    let resumed = TrainingRun { resume: true, ..killed };
    let found = train::<Tracked>(&resumed, set(), &device, &mut |_| {}).unwrap();
    assert_eq!(found, expected);
    assert!(found.has_captioner());
}

#[test]
fn training_projections_changes_only_them() {
    let folder = tempfile::tempdir().unwrap();
    let (set, tuning) = fine_tuning(folder.path());
    let train_alone = TrainScope::Projections;
    let recipe = Recipe { train: train_alone, ..training(folder.path(), 3, false).recipe };
    let training = tuning("projections", recipe);
    let device = Device::<Flex>::default();
    let found = train::<Tracked>(&training, set, &device, &mut |_| {}).unwrap();
    let start = training.start.unwrap().weights;
    let changed: Vec<&str> = start
        .iter()
        .filter(|(name, tensor)| found.get(name) != Some(tensor))
        .map(|(name, _)| name)
        .collect();
    // The key bias shifts all scores of a query equally: its gradient is only rounding error.
    let expected = [
        "biosignals.attn_pool.in_proj_bias",
        "biosignals.attn_pool.in_proj_weight",
        "biosignals.attn_pool.out_proj.bias",
        "biosignals.attn_pool.out_proj.weight",
        "biosignals.proj_to_embed.bias",
        "biosignals.proj_to_embed.weight",
        "logit_scale",
        "text.ln_final.bias",
        "text.ln_final.weight",
        "text.text_projection",
    ];
    assert_eq!(changed, expected);
}

/// Writes recordings whose stage can be inferred from the EEG.
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

fn training(out: &Path, steps: u64, resume: bool) -> TrainingRun {
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
    TrainingRun { config, recipe, folder, start: None, resume, command: "a test".to_owned() }
}

#[test]
fn a_killed_and_resumed_run_matches_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let set = || training_set(&folder.path().join("set"));
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let device = Device::<Flex>::default();
    let (through, killed) = (folder.path().join("through"), folder.path().join("killed"));
    // All optional contents of a checkpoint: three losses, an average, and a best validation.
    let training = |out: &Path, resume| {
        let mut training = training(out, 9, resume);
        training.config.multimodal_cfg.width = 16;
        let recipe = training.recipe;
        training.recipe = Recipe { loss: JOINT, ema: 0.9, patience: 2, micro_batch: 4, ..recipe };
        training
    };
    let expected =
        train::<Tracked>(&training(&through, false), set(), &device, &mut |_| {}).unwrap();

    let mut steps = 0;
    let until = training(&killed, false);
    let kill = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        train::<Tracked>(&until, set(), &device, &mut |event| {
            steps += usize::from(matches!(event, RunEvent::Step(_)));
            assert!(steps < 6, "killed");
        })
    }));
    assert!(kill.is_err(), "the run was killed in its sixth step");
    let found = train::<Tracked>(&training(&killed, true), set(), &device, &mut |_| {}).unwrap();

    assert_eq!(found, expected);
    let curve = |run: &Path| {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let numbers = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = line.as_object_mut().unwrap();
            fields.retain(|name, _| name != "seconds" && name != "share_of_peak");
            line
        };
        text.lines().map(numbers).collect::<Vec<_>>()
    };
    assert_eq!(curve(&killed), curve(&through));
    let read = |run: &Path, name| std::fs::read(run.join(name)).unwrap();
    for name in ["best.safetensors", "loss.svg"] {
        assert_eq!(read(&killed, name), read(&through, name), "{name}");
    }
    let kept = std::fs::read_dir(killed.join("checkpoints")).unwrap().count();
    assert_eq!(kept, 2);
}

#[test]
fn early_stopping_ends_with_the_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let set = || training_set(&folder.path().join("set"));
    let device = Device::<Flex>::default();
    let run = folder.path().join("run");
    let mut training = training(&run, 60, false);
    // A learning rate of 0 leaves the weights unchanged: no validation is better than the first.
    training.recipe = Recipe { learning_rate: 0.0, patience: 2, ..training.recipe };
    let mut seen = Vec::new();
    let found = train::<Tracked>(&training, set(), &device, &mut |event| {
        if let RunEvent::Validation(report) = event {
            seen.push(report.step);
        }
    });
    assert_eq!(seen, [3, 6, 9]);
    assert_eq!(found.unwrap(), Weights::read(&run.join("best.safetensors")).unwrap());
    training.resume = true;
    let mut steps = 0;
    let again = train::<Tracked>(&training, set(), &device, &mut |event| {
        steps += usize::from(matches!(event, RunEvent::Step(_)));
    });
    assert_eq!(
        (again.unwrap(), steps),
        (Weights::read(&run.join("weights.safetensors")).unwrap(), 0)
    );

    let none_held_out = Recipe { validation_share: 0.0, ..training.recipe };
    training = TrainingRun { recipe: none_held_out, resume: false, ..training };
    let error = train::<Tracked>(&training, set(), &device, &mut |_| {}).unwrap_err();
    let expected = "the recipe's `patience` is `2`; expected 0, because no recordings are held out";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn rejects_overwriting_a_run_or_resuming_with_another_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let set_folder = folder.path().join("set");
    std::fs::create_dir(&set_folder).unwrap();
    let set = || training_set(&set_folder);
    let device = Device::<Flex>::default();
    let run = folder.path().join("run");
    let message = |training: &TrainingRun, set: TrainingSet| {
        let error = train::<Tracked>(training, set, &device, &mut |_| {}).unwrap_err();
        error.to_string().replace(&run.display().to_string(), "run")
    };
    assert_eq!(message(&training(&run, 9, true), set()), "`run` has no run to resume");
    let first = training(&run, 2, false);
    train::<Tracked>(&first, set(), &device, &mut |_| {}).unwrap();
    assert_eq!(message(&first, set()), "`run` already contains a run");
    assert_eq!(
        message(&training(&run, 9, true), set()),
        "the run in `run` was started with another `steps`"
    );
}
