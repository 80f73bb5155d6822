//! Low-rank adapters (LoRA): a small trained update of each linear map, whose own weight is frozen.
//!
//! A weight `[out, in]` has the factors `down` `[rank, in]` and `up` `[out, rank]`; the model computes with `weight +
//! alpha / rank · up · down` (Hu et al., arXiv 2106.09685). The gradients of both factors follow from that of the sum
//! in closed form, so neither the model nor an export knows about adapters.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::data::derive_seed;
use crate::host_tensor::{to_device, to_host};
use crate::model::SleepLm;
use crate::parameters::{self, NamedTensors};
use crate::weights::Weights;

/// Sizes of the adapters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraOptions {
    /// Inner dimension of the two factors.
    pub rank: usize,
    /// The product of the factors is multiplied by `alpha / rank`.
    pub alpha: f64,
}

/// Suffixes of the names of linear maps in both towers, each `[out, in]`.
const LINEAR: [&str; 12] = [
    ".q_proj.weight",
    ".k_proj.weight",
    ".v_proj.weight",
    ".in_proj_weight",
    ".out_proj.weight",
    ".w1.weight",
    ".w2.weight",
    ".down_proj.weight",
    ".c_fc.weight",
    ".c_proj.weight",
    ".embed_projection.weight",
    ".proj_to_embed.weight",
];
/// The text tower's output projection, `[in, out]`; a low-rank product is symmetric in that respect.
const TEXT_PROJECTION: &str = "text.text_projection";

/// Returns whether the weight with that name has an adapter.
pub(super) fn is_adapted(name: &str) -> bool {
    let in_tower = name.starts_with("biosignals.") || name.starts_with("text.");
    in_tower && (name == TEXT_PROJECTION || LINEAR.iter().any(|end| name.ends_with(end)))
}

/// Suffixes of the names of the factors.
const DOWN: &str = ".lora_down";
const UP: &str = ".lora_up";

/// The adapters of a model.
#[derive(Debug, Clone)]
pub(super) struct Lora<B: Backend> {
    options: LoraOptions,
    /// Both factors of each adapter by name, flattened.
    factors: NamedTensors<B>,
}

impl<B: Backend> Lora<B> {
    /// Creates adapters that change nothing: `down` is random, `up` is zero.
    pub(super) fn new(
        options: LoraOptions,
        model: &SleepLm<B>,
        is_wanted: impl Fn(&str) -> bool,
        seed: u64,
    ) -> Self {
        let (mut factors, mut number) = (NamedTensors::new(), 0);
        let device = &model.logit_scale.val().device();
        for (name, shape) in parameters::shapes(model) {
            if !is_adapted(&name) || !is_wanted(&name) {
                continue;
            }
            let mut random = Pcg64Mcg::seed_from_u64(derive_seed(seed, number));
            number += 1;
            // As PyTorch initialises a linear layer.
            let bound = (shape[1] as f32).powf(-0.5);
            let n = options.rank * shape[1];
            let down: Vec<f32> = (0..n).map(|_| random.random_range(-bound..bound)).collect();
            factors.insert(format!("{name}{DOWN}"), Tensor::from_floats(down.as_slice(), device));
            factors.insert(format!("{name}{UP}"), Tensor::zeros([shape[0] * options.rank], device));
        }
        Self { options, factors }
    }

    /// Continues from a [`state`](Self::state).
    pub(super) fn resume(options: LoraOptions, state: &Weights, device: &Device<B>) -> Self {
        let factors =
            state.iter().map(|(name, tensor)| (name.to_owned(), to_device(tensor, device)));
        Self { options, factors: factors.collect() }
    }

    /// Returns both factors of every adapter by name.
    pub(super) fn state(&self) -> Weights {
        let mut state = Weights::default();
        for (name, values) in &self.factors {
            let values = to_host(values.clone());
            state.insert(name.clone(), vec![values.len()], values);
        }
        state
    }

    /// Returns the model with every adapter added to its weight.
    pub(super) fn merged(&self, base: &SleepLm<B>) -> SleepLm<B> {
        let scale = self.scale();
        parameters::map(base.clone(), |name, shape, weight| {
            let Some((down, up)) = self.pair(name, shape) else { return weight };
            weight + (up.matmul(down) * scale).reshape([shape[0] * shape[1]])
        })
    }

    /// Replaces the gradient of each weight with an adapter by those of both factors.
    pub(super) fn chain_gradients(&self, base: &SleepLm<B>, gradients: &mut NamedTensors<B>) {
        let scale = self.scale();
        for (name, shape) in parameters::shapes(base) {
            let Some((down, up)) = self.pair(&name, &shape) else { continue };
            let Some(gradient) = gradients.remove(&name) else { continue };
            let gradient = gradient.reshape([shape[0], shape[1]]) * scale;
            let of_down = up.transpose().matmul(gradient.clone());
            let of_up = gradient.matmul(down.transpose());
            let rank = self.options.rank;
            gradients.insert(format!("{name}{DOWN}"), of_down.reshape([rank * shape[1]]));
            gradients.insert(format!("{name}{UP}"), of_up.reshape([shape[0] * rank]));
        }
    }

    /// Returns both factors of every adapter, for an optimizer to update.
    pub(super) fn factors_mut(&mut self) -> &mut NamedTensors<B> {
        &mut self.factors
    }

    /// Returns `down` `[rank, in]` and `up` `[out, rank]` of a weight `[out, in]`, or `None` if it has no adapter.
    fn pair(&self, name: &str, shape: &[usize]) -> Option<(Tensor<B, 2>, Tensor<B, 2>)> {
        let rank = self.options.rank;
        let factor = |end: &str| self.factors.get(&format!("{name}{end}")).cloned();
        Some((factor(DOWN)?.reshape([rank, shape[1]]), factor(UP)?.reshape([shape[0], rank])))
    }

    fn scale(&self) -> f64 {
        self.options.alpha / self.options.rank as f64
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};

    use super::*;
    use crate::config::Preset;

    type Tracked = Autodiff<Flex>;

    const OPTIONS: LoraOptions = LoraOptions { rank: 3, alpha: 6.0 };

    fn model() -> SleepLm<Flex> {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 20;
        Weights::initial(&config, 3).to_model(&config, &Device::<Flex>::default()).unwrap()
    }

    /// Adapters with a non-zero update.
    fn trained(model: &SleepLm<Flex>) -> Lora<Flex> {
        let device = Device::<Flex>::default();
        let mut lora = Lora::new(OPTIONS, model, |_| true, 5);
        for (number, (name, values)) in lora.factors.iter_mut().enumerate() {
            if name.ends_with(UP) {
                let wave = |i: usize| ((i * (number + 3)) as f32).sin();
                let drawn: Vec<f32> = (0..values.dims()[0]).map(wave).collect();
                *values = Tensor::from_floats(drawn.as_slice(), &device);
            }
        }
        lora
    }

    #[test]
    fn only_linear_maps_have_adapters() {
        let model = model();
        let named = |name: &str| {
            let lora = Lora::new(OPTIONS, &model, |_| true, 5);
            lora.factors.contains_key(&format!("{name}{DOWN}"))
        };
        for name in [
            "biosignals.embed_projection.weight",
            "biosignals.proj_to_embed.weight",
            "biosignals.transformer_blocks.0.channel_attention.q_proj.weight",
            "biosignals.transformer_blocks.1.channel_mlp.gate_proj.w2.weight",
            "biosignals.transformer_blocks.1.temporal_mlps.0.down_proj.weight",
            "biosignals.decoder_pooler.attn.in_proj_weight",
            "text.transformer.resblocks.0.attn.out_proj.weight",
            "text.transformer.resblocks.1.mlp.c_fc.weight",
            TEXT_PROJECTION,
        ] {
            assert!(named(name), "{name}");
        }
        for name in [
            "text.token_embedding.weight",
            "text.positional_embedding",
            "biosignals.channel_id_embed.weight",
            "biosignals.ln_final.weight",
            "text.ln_final.weight",
            "logit_scale",
        ] {
            assert!(!named(name), "{name}");
        }
    }

    #[test]
    fn new_adapters_change_nothing_and_depend_on_the_seed() {
        let model = model();
        let device = Device::<Flex>::default();
        let lora = |seed| Lora::new(OPTIONS, &model, |_| true, seed);
        let merged = Weights::from_model(&lora(5).merged(&model));
        assert_eq!(merged, Weights::from_model(&model));
        assert_eq!(lora(5).state(), lora(5).state());
        assert_ne!(lora(5).state(), lora(6).state());
        let resumed = Lora::<Flex>::resume(OPTIONS, &lora(5).state(), &device);
        assert_eq!(resumed.state(), lora(5).state());
    }

    #[test]
    fn the_closed_form_gradient_matches_autodiff() {
        let (model, name) =
            (model(), "biosignals.transformer_blocks.0.channel_mlp.down_proj.weight");
        let (shape, device) = ([64, 192], Device::<Flex>::default());
        let lora = trained(&model);
        let gradient: Vec<f32> = (0..64 * 192).map(|i| (i as f32 * 0.7).cos()).collect();
        let gradient = Tensor::<Flex, 1>::from_floats(gradient.as_slice(), &device);
        let mut gradients = NamedTensors::new();
        gradients.insert(name.to_owned(), gradient.clone());
        lora.chain_gradients(&model, &mut gradients);

        let (down, up) = lora.pair(name, &shape).unwrap();
        let down = Tensor::<Tracked, 2>::from_inner(down).require_grad();
        let up = Tensor::<Tracked, 2>::from_inner(up).require_grad();
        let loss = Tensor::<Tracked, 1>::from_inner(gradient).reshape(shape)
            * (up.clone().matmul(down.clone()) * 2.0);
        let expected = loss.sum().backward();
        for (end, factor) in [(DOWN, down), (UP, up)] {
            let found = gradients[&format!("{name}{end}")].clone();
            let expected = factor.grad(&expected).unwrap();
            let n = expected.shape().num_elements();
            let far = (found - expected.reshape([n])).abs().max().into_scalar();
            assert!(far < 1e-4, "{end}: {far}");
        }
        assert_eq!(gradients.len(), 2, "the weight itself has none");
    }
}
