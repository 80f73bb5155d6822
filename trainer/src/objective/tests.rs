//! The losses against sums in plain loops.

use burn::backend::Flex;
use burn::module::AutodiffModule;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    CaptionTargets, JointBatch, LossWeights, Vocabulary, caption_gradient, caption_loss,
    joint_losses, reconstruction_loss,
};
use crate::model::{CaptionDecoder, Conditions, SleepLm};
use crate::{ModelConfig, Parts, Positives, Preset, TokenBatch, TokenSet, Weights};

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

fn model(parts: &Parts) -> SleepLm<Flex> {
    let config = small();
    let weights = Weights::initial_parts(&config, parts, 3);
    weights.to_model(&config, &Device::<Flex>::default()).unwrap()
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn a_caption_costs_the_surprise_of_its_tokens_and_nothing_for_pads() {
    let model = model(&Parts::all(&small().biosignals_cfg));
    let decoder: &CaptionDecoder<Flex> = model.text_decoder.as_ref().unwrap();
    // The second text has a `!` inside, which is a pad by its id.
    let tokens = TokenBatch::new(&[vec![28, 3, 4, 29], vec![28, 0, 29]], 12);
    let targets = CaptionTargets::new(&tokens, &Vocabulary::full(30));
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
fn the_closed_gradient_of_captions_is_that_of_autodiff() {
    type Tracked = burn::backend::Autodiff<Flex>;
    let model = model(&Parts::all(&small().biosignals_cfg));
    let mut tokens = Pcg64Mcg::seed_from_u64(8);
    // More targets than a block holds.
    let texts: Vec<Vec<i64>> =
        (0..40).map(|_| (0..11).map(|_| tokens.random_range(1..30)).collect()).collect();
    let tokens = TokenBatch::new(&texts, 12);
    let targets = CaptionTargets::new(&tokens, &Vocabulary::full(30));
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
fn a_caption_costs_nothing_for_tokens_that_cannot_be_chosen() {
    let mut set = TokenSet::new(30);
    set.extend(&TokenBatch::new(&[[3, 4, 17, 29]], 12));
    let vocabulary = Vocabulary::of(&set);
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
fn a_drawn_signal_costs_its_mean_square_distance() {
    let (drawn, signals) = (random(1, [2, 3, 4]), random(2, [2, 3, 4]));
    let found = reconstruction_loss(drawn.clone(), signals.clone()).into_scalar() / 2.0;
    let [drawn, signals] =
        [drawn, signals].map(|tensor| tensor.into_data().into_vec::<f32>().unwrap());
    let square: f32 = drawn.iter().zip(&signals).map(|(a, b)| (a - b).powi(2)).sum();
    near(found, square / 24.0);
}

#[test]
fn parts_that_a_model_lacks_cost_nothing() {
    let tokens = TokenBatch::new(&[[28, 3, 29], [28, 7, 29]], 12);
    let conditions = Conditions::new(&[[4, -1], [0, -1]]);
    let batch = JointBatch {
        signals: random(1, [2, 10, 1920]),
        texts: &tokens,
        conditions: Some(&conditions),
        positives: &Positives::pairs(2),
    };
    let towers = joint_losses(&model(&Parts::towers()), &batch);
    let whole = joint_losses(&model(&Parts::all(&small().biosignals_cfg)), &batch);
    assert_eq!((towers.caption, towers.reconstruction), (None, None));
    assert_eq!(towers.contrastive, whole.contrastive);
    let weights = LossWeights { contrastive: 1.0, caption: 2.0, reconstruction: 0.5 };
    near(towers.total(weights), towers.contrastive);
    let (caption, reconstruction) = (whole.caption.unwrap(), whole.reconstruction.unwrap());
    assert!(caption > 0.0 && reconstruction > 0.0);
    near(whole.total(weights), whole.contrastive + 2.0 * caption + 0.5 * reconstruction);
}
