//! A training step of a fixture: losses, gradients, and the weights after an optimizer step.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use serde_json::Value;

use super::fixture_tensors::{self, FixtureTensors, of_number};
use super::fixtures::{Fixtures, json};
use crate::error::{Error, Result};
use crate::host_tensor::{HostTensor, to_host};
use crate::kernels::Dropout;
use crate::model::{CaptionConditions, SleepLm};
use crate::objective::{JointBatch, LossWeights, Losses, joint_gradient, joint_losses};
use crate::optimizer::{AdamW, AdamWOptions, is_decayed_in_open_clip};
use crate::positive_pairs::PositivePairs;
use crate::tokens::TokenBatch;
use crate::weights::Weights;

/// The training step of the reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrainingCase {
    /// Number of epochs in the batch, the first of the inputs.
    n: usize,
    weights: LossWeights,
    options: AdamWOptions,
    learning_rate: f64,
}

const TRAIN: &str = "train.json";
const TRAIN_TENSORS: &str = "train.safetensors";

#[derive(Deserialize)]
struct TrainFixture {
    weights: TermWeights,
    batch: String,
    optimizer: OptimizerFixture,
    #[serde(default)]
    grad_norm_sum_maxabs: NumbersByName,
    #[serde(default)]
    after_step_norm_sum: NumbersByName,
}

#[derive(Deserialize)]
struct TermWeights {
    contrastive: f64,
    caption: f64,
    reconstruction: f64,
}

#[derive(Deserialize)]
struct OptimizerFixture {
    #[serde(rename = "AdamW")]
    adam_w: AdamWFixture,
}

#[derive(Deserialize)]
struct AdamWFixture {
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    /// A number, optionally followed by the weights that it applies to.
    weight_decay: Value,
}

type NumbersByName = std::collections::BTreeMap<String, Vec<f32>>;

/// Reads the step of a folder; both files may be absent.
pub(super) fn read(folder: &Path, fixtures: &mut Fixtures) -> Result<()> {
    let found = fixtures.optional(folder, TRAIN_TENSORS, fixture_tensors::read)?;
    fixtures.expect(TRAIN_TENSORS, found.unwrap_or_default());
    let Some(train) = fixtures.optional(folder, TRAIN, json::<TrainFixture>)? else {
        return Ok(());
    };
    fixtures.training = Some(case(&train, fixtures.inputs.epochs()).ok_or_else(|| {
        let problem = "its `weight_decay` or `batch` has an unknown format";
        Error::format(&folder.join(TRAIN), problem)
    })?);
    for (kind, numbers) in [
        ("grad_norm_sum_maxabs", train.grad_norm_sum_maxabs),
        ("after_step_norm_sum", train.after_step_norm_sum),
    ] {
        let row = |(name, values): (String, Vec<f32>)| {
            (format!("{kind}.{name}"), HostTensor { shape: vec![values.len()], values })
        };
        fixtures.expect(TRAIN, numbers.into_iter().map(row).collect());
    }
    Ok(())
}

fn case(train: &TrainFixture, epochs: usize) -> Option<TrainingCase> {
    let AdamWFixture { lr, betas: [beta_1, beta_2], eps, weight_decay } = &train.optimizer.adam_w;
    let weight_decay = match weight_decay.as_str() {
        Some(words) => words.split_whitespace().next()?.parse().ok()?,
        None => weight_decay.as_f64()?,
    };
    // `signals[0:5], token_ids[0:5], …`
    let (_, end) = train.batch.split_once("signals[0:")?;
    let n: usize = end.split_once(']')?.0.parse().ok()?;
    let TermWeights { contrastive, caption, reconstruction } = train.weights;
    (1..=epochs).contains(&n).then_some(TrainingCase {
        n,
        weights: LossWeights { contrastive, caption, reconstruction },
        options: AdamWOptions { beta_1: *beta_1, beta_2: *beta_2, epsilon: *eps, weight_decay },
        learning_rate: *lr,
    })
}

/// Takes the step without dropout, and returns everything that a fixture may hold of it.
pub(super) fn compute(
    weights: &Weights,
    fixtures: &Fixtures,
    case: &TrainingCase,
) -> Result<FixtureTensors> {
    type Tracked = Autodiff<Flex>;
    let device = Device::<Flex>::default();
    let model: SleepLm<Flex> = weights.to_model(&fixtures.config, &device)?;
    let inputs = &fixtures.inputs;
    let [_, channels, samples] = [0, 1, 2].map(|axis| inputs.signals.shape[axis]);
    let signals = inputs.signals.values[..case.n * channels * samples].to_vec();
    let data = TensorData::new(signals, [case.n, channels, samples]);
    let texts = TokenBatch::new(&inputs.texts[..case.n], fixtures.config.text_cfg.context_length);
    let conditions = CaptionConditions::new(&inputs.conditions[..case.n]);
    let positives = PositivePairs::pairs(case.n);
    let batch = JointBatch {
        signals: Tensor::<Tracked, 3>::from_data(data.clone(), &device),
        texts: &texts,
        conditions: Some(&conditions),
        positives: &positives,
    };
    let found = joint_gradient::<Tracked>(&model, &batch, case.weights, &mut Dropout::off());
    let mut computed = FixtureTensors::new();
    insert_losses(&mut computed, "", &found.losses);
    let total = found.losses.total(case.weights);
    computed.insert("loss_total".to_owned(), of_number(total));
    for (name, gradient) in &found.gradients {
        let values = to_host(gradient.clone());
        let [norm, sum, largest] = measures(&values);
        let shape = weights.need(name)?.shape.clone();
        let three = HostTensor { shape: vec![3], values: vec![norm, sum, largest] };
        computed.insert(format!("grad_norm_sum_maxabs.{name}"), three);
        computed.insert(format!("grad.{name}"), HostTensor { shape, values });
    }
    let mut optimizer = AdamW::new(case.options).with_decay(is_decayed_in_open_clip);
    let model = optimizer.step(model, found.gradients, case.learning_rate);
    for (name, tensor) in Weights::from_model(&model).iter() {
        let [norm, sum, _] = measures(&tensor.values);
        let two = HostTensor { shape: vec![2], values: vec![norm, sum] };
        computed.insert(format!("after_step_norm_sum.{name}"), two);
    }
    let batch = JointBatch {
        signals: Tensor::<Flex, 3>::from_data(data, &device),
        texts: &texts,
        conditions: Some(&conditions),
        positives: &positives,
    };
    insert_losses(&mut computed, "after.", &joint_losses(&model, &batch));
    Ok(computed)
}

fn insert_losses(computed: &mut FixtureTensors, when: &str, losses: &Losses) {
    let Losses { contrastive, caption, reconstruction } = *losses;
    for (what, loss) in [
        ("contrastive", Some(contrastive)),
        ("caption", caption),
        ("reconstruction", reconstruction),
    ] {
        if let Some(loss) = loss {
            computed.insert(format!("{when}loss_{what}"), of_number(loss));
        }
    }
}

/// Returns the norm, the sum and the maximum absolute value of some numbers.
fn measures(values: &[f32]) -> [f32; 3] {
    let wide = || values.iter().map(|value| f64::from(*value));
    let norm = wide().map(|value| value * value).sum::<f64>().sqrt();
    let largest = wide().fold(0.0, |most: f64, value| most.max(value.abs()));
    [norm as f32, wide().sum::<f64>() as f32, largest as f32]
}
