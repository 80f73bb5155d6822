//! Tests of the losses against plain loops.

use burn::backend::Flex;
use burn::module::AutodiffModule;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    CaptionTargets, CaptionVocabulary, JointBatch, LossWeights, caption_gradient, caption_loss,
    joint_losses, reconstruction_loss,
};
use crate::config::{ModelConfig, ModelParts, Preset};
use crate::model::{CaptionConditions, CaptionDecoder, SleepLm};
use crate::positive_pairs::PositivePairs;
use crate::tokens::{TokenBatch, TokenSet};
use crate::weights::Weights;

fn small() -> ModelConfig {
    let mut config = Preset::Tiny.config();
    config.biosignals_cfg.patch_size = 192;
    config.biosignals_cfg.transformer_layers = 1;
    config.text_cfg.vocab_size = 30;
    config.text_cfg.context_length = 12;
    config.text_cfg.layers = 1;
    config.multimodal_cfg.layers = 1;
    config
}

fn random<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<Flex, D> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::<Flex>::default())
}

fn model(parts: &ModelParts) -> SleepLm<Flex> {
    let config = small();
    let weights = Weights::initial_parts(&config, parts, 3);
    weights.to_model(&config, &Device::<Flex>::default()).unwrap()
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn caption_loss_sums_the_cross_entropy_of_tokens_but_not_pads() {
    let model = model(&ModelParts::all(&small().biosignals_cfg));
    let decoder: &CaptionDecoder<Flex> = model.text_decoder.as_ref().unwrap();
    // The second text has a `!` inside, which has the id of a pad.
    let tokens = TokenBatch::new(&[vec![28, 3, 4, 29], vec![28, 0, 29]], 12);
    let targets = CaptionTargets::new(&tokens, &CaptionVocabulary::full(30));
    assert_eq!(targets.len(), 4);
    let states = random(5, [2, tokens.length() - 1, 64]);
    let logits = decoder.logits(states.clone().reshape([2 * (tokens.length() - 1), 64]));
    let logits: Vec<f32> = logits.into_data().into_vec().unwrap();
    let surprise = |row: usize, id: usize| {
        let row = &logits[row * 30..][..30];
        row.iter().map(|logit| logit.exp()).sum::<f32>().ln() - row[id]
    };
    let second = tokens.length() - 1;
    let expected = surprise(0, 3) + surprise(1, 4) + surprise(2, 29) + surprise(second + 1, 29);
    near(caption_loss(states, decoder.text_projection.val(), &targets).into_scalar(), expected);
}

#[test]
fn caption_gradient_matches_autodiff() {
    type Tracked = burn::backend::Autodiff<Flex>;
    let model = model(&ModelParts::all(&small().biosignals_cfg));
    let mut tokens = Pcg64Mcg::seed_from_u64(8);
    // More targets than fit into a block.
    let texts: Vec<Vec<i64>> =
        (0..40).map(|_| (0..11).map(|_| tokens.random_range(1..30)).collect()).collect();
    let tokens = TokenBatch::new(&texts, 12);
    let targets = CaptionTargets::new(&tokens, &CaptionVocabulary::full(30));
    let states = random(5, [40, tokens.length() - 1, 64]);
    let decoder = model.text_decoder.unwrap();
    let projection = decoder.text_projection.val();
    let found = caption_gradient(&targets.select(states.clone()), &projection, &targets);

    let decoder = CaptionDecoder::<Tracked>::from_inner(decoder);
    let decoder = crate::parameters::require_gradients(decoder, |_| true);
    let states = Tensor::<Tracked, 3>::from_inner(states).require_grad();
    let loss = caption_loss(states.clone(), decoder.text_projection.val(), &targets);
    let gradients = loss.backward();
    near(found.loss, loss.into_scalar());
    let of_states = targets.select(states.grad(&gradients).unwrap());
    let of_projection = decoder.text_projection.val().grad(&gradients).unwrap();
    for (found, expected) in [(found.states, of_states), (found.columns, of_projection)] {
        let far = (found - expected).abs().max().into_scalar();
        assert!(far < 1e-4, "{far}");
    }
}

#[test]
fn caption_loss_normalises_over_the_vocabulary_only() {
    let mut set = TokenSet::new(30);
    set.extend(&TokenBatch::new(&[[3, 4, 17, 29]], 12));
    let vocabulary = CaptionVocabulary::of(&set);
    let tokens = TokenBatch::new(&[[28, 17, 29]], 12);
    let targets = CaptionTargets::new(&tokens, &vocabulary);
    let (states, projection) = (random(5, [1, 3, 64]), random(6, [64, 30]));
    let logits = states.clone().reshape([3, 64]).matmul(projection.clone());
    let logits: Vec<f32> = logits.into_data().into_vec().unwrap();
    let surprise = |row: usize, id: usize| {
        let row = &logits[row * 30..][..30];
        let sum: f32 = [0, 3, 4, 17, 29].map(|token: usize| row[token].exp()).iter().sum();
        sum.ln() - row[id]
    };
    let expected = surprise(0, 17) + surprise(1, 29);
    let columns = vocabulary.columns(projection);
    near(caption_loss(states.clone(), columns.clone(), &targets).into_scalar(), expected);
    near(caption_gradient(&targets.select(states), &columns, &targets).loss, expected);
}

#[test]
fn reconstruction_loss_is_the_mean_squared_error() {
    let (drawn, signals) = (random(1, [2, 3, 4]), random(2, [2, 3, 4]));
    let found = reconstruction_loss(drawn.clone(), signals.clone()).into_scalar() / 2.0;
    let [drawn, signals] =
        [drawn, signals].map(|tensor| tensor.into_data().into_vec::<f32>().unwrap());
    let square: f32 = drawn.iter().zip(&signals).map(|(a, b)| (a - b).powi(2)).sum();
    near(found, square / 24.0);
}

#[test]
fn missing_parts_have_no_loss() {
    let tokens = TokenBatch::new(&[[28, 3, 29], [28, 7, 29]], 12);
    let conditions = CaptionConditions::new(&[[4, -1], [0, -1]]);
    let batch = JointBatch {
        signals: random(1, [2, 10, 1920]),
        texts: &tokens,
        conditions: Some(&conditions),
        positives: &PositivePairs::pairs(2),
    };
    let towers = joint_losses(&model(&ModelParts::towers()), &batch);
    let whole = joint_losses(&model(&ModelParts::all(&small().biosignals_cfg)), &batch);
    assert_eq!((towers.caption, towers.reconstruction), (None, None));
    assert_eq!(towers.contrastive, whole.contrastive);
    let weights = LossWeights { contrastive: 1.0, caption: 2.0, reconstruction: 0.5 };
    near(towers.total(weights), towers.contrastive);
    let (caption, reconstruction) = (whole.caption.unwrap(), whole.reconstruction.unwrap());
    assert!(caption > 0.0 && reconstruction > 0.0);
    near(whole.total(weights), whole.contrastive + 2.0 * caption + 0.5 * reconstruction);
}
