//! The initial weights of a model.
//!
//! The signal tower and the reconstruction head have PyTorch's defaults, the text tower and the caption decoder the
//! standard deviations of CLIP.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::names::{self, LOGIT_SCALE, SHARED_FREQUENCIES};
use super::{Weights, layout};
use crate::config::{ModelConfig, ModelParts};
use crate::model::temporal_frequencies;

/// Standard deviation of queries, conditions, token embeddings and learned frequencies.
const SMALL: f64 = 0.02;
/// Standard deviation of the class token and the positions.
const POSITION: f64 = 0.01;
/// Initial temperature of the logits (CLIP).
const TEMPERATURE: f64 = 0.07;

/// The initialisation of a tensor.
#[derive(Debug, Clone, Copy)]
enum InitRule {
    Constant(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform between plus and minus this bound.
    Uniform(f64),
    TemporalFrequencies,
}

impl Weights {
    /// Returns random initial weights of both towers.
    ///
    /// A tensor depends on the seed, its name and its shape, and not on other tensors.
    pub fn initial(config: &ModelConfig, seed: u64) -> Self {
        Self::initial_parts(config, &ModelParts::towers(), seed)
    }

    /// Returns random initial weights of both towers and of other parts.
    ///
    /// The towers are those of [`initial`](Self::initial) with the same seed.
    pub fn initial_parts(config: &ModelConfig, parts: &ModelParts, seed: u64) -> Self {
        let mut weights = Self::default();
        let layout = layout(config, parts);
        for (name, shape) in layout.iter().filter(|(name, _)| !names::is_alias(name)) {
            let inputs = layout.get(&weight_of(name)).map_or(1, |shape| fan_in(shape));
            let values = initialise(rule(name, shape, inputs, config), name, shape, seed);
            weights.insert(name.clone(), shape.clone(), values);
        }
        let shared = weights.tensors[SHARED_FREQUENCIES].clone();
        for block in 0..config.biosignals_cfg.transformer_layers {
            weights.tensors.insert(names::alias(block), shared.clone());
        }
        weights
    }
}

impl Weights {
    /// Initialises the parts that the weights do not have; existing weights stay.
    ///
    /// An incomplete part stays incomplete: building the model reports its missing names.
    #[must_use]
    pub fn with_parts(mut self, config: &ModelConfig, wanted: &ModelParts, seed: u64) -> Self {
        let present = self.parts(&config.biosignals_cfg);
        let missing_parts = ModelParts {
            captions: wanted.captions && !present.captions,
            reconstruction: wanted.reconstruction.filter(|_| present.reconstruction.is_none()),
        };
        let towers = layout(config, &ModelParts::towers());
        for (name, tensor) in Self::initial_parts(config, &missing_parts, seed).tensors {
            if !towers.contains_key(&name) {
                self.tensors.insert(name, tensor);
            }
        }
        self
    }
}

/// Returns the name of the weight whose fan-in bounds a tensor: its own, or the weight beside a bias.
fn weight_of(name: &str) -> String {
    name.strip_suffix("bias").map_or_else(|| name.to_owned(), |prefix| format!("{prefix}weight"))
}

fn fan_in(shape: &[usize]) -> usize {
    shape.iter().skip(1).product()
}

fn rule(name: &str, shape: &[usize], inputs: usize, config: &ModelConfig) -> InitRule {
    if name == LOGIT_SCALE {
        return InitRule::Constant((1.0 / TEMPERATURE).ln());
    }
    if is_norm(name) {
        return InitRule::Constant(if name.ends_with("weight") { 1.0 } else { 0.0 });
    }
    if names::is_buffer(name) {
        return InitRule::TemporalFrequencies;
    }
    let (text, decoder) = (&config.text_cfg, &config.multimodal_cfg);
    if name.starts_with("text.") {
        text_rule(name, inputs, text.width, text.layers)
    } else if name.starts_with("text_decoder.") {
        text_rule(name, inputs, decoder.width, decoder.layers)
    } else {
        signal_rule(name, shape, inputs)
    }
}

fn is_norm(name: &str) -> bool {
    let owner = name.rsplit_once('.').map_or("", |(owner, _)| owner);
    let is_listed =
        |field: &str| owner.rsplit_once('.').is_some_and(|(list, _)| list.ends_with(field));
    owner.ends_with("norm")
        || owner.ends_with("ln_1")
        || owner.ends_with("ln_1_kv")
        || owner.ends_with("ln_2")
        || owner.ends_with("norm1")
        || owner.ends_with("norm2")
        || owner.ends_with("ln_final")
        || is_listed("norms")
}

fn text_rule(name: &str, inputs: usize, width: usize, layers: usize) -> InitRule {
    let width = width as f64;
    let residual = width.powf(-0.5) * (2.0 * layers as f64).powf(-0.5);
    match name.rsplit('.').next().unwrap_or(name) {
        "cls_emb" | "positional_embedding" => InitRule::Normal(POSITION),
        "text_projection" | "in_proj_weight" => InitRule::Normal(width.powf(-0.5)),
        "in_proj_bias" => InitRule::Constant(0.0),
        _ if name.ends_with("token_embedding.weight") => InitRule::Normal(SMALL),
        _ if name.ends_with("out_proj.bias") => InitRule::Constant(0.0),
        _ if name.ends_with("c_fc.weight") => InitRule::Normal((2.0 * width).powf(-0.5)),
        "weight" => InitRule::Normal(residual),
        _ => InitRule::Uniform((inputs as f64).powf(-0.5)),
    }
}

fn signal_rule(name: &str, shape: &[usize], inputs: usize) -> InitRule {
    let is_packed_attention =
        ["pooler.attn.", ".attn_pool.", ".self_attn."].iter().any(|owner| name.contains(owner));
    match name.rsplit('.').next().unwrap_or(name) {
        "query_tokens" | "freqs" | "channel_embeddings" | "padding_embedding" => {
            InitRule::Normal(SMALL)
        }
        // Xavier over the packed projections.
        "in_proj_weight" => InitRule::Uniform((6.0 / (shape[0] + shape[1]) as f64).sqrt()),
        "in_proj_bias" => InitRule::Constant(0.0),
        "bias" if is_packed_attention => InitRule::Constant(0.0),
        _ if name.ends_with("channel_id_embed.weight") => InitRule::Normal(1.0),
        _ => InitRule::Uniform((inputs as f64).powf(-0.5)),
    }
}

fn initialise(how: InitRule, name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
    let n: usize = shape.iter().product();
    let mut random = Pcg64Mcg::seed_from_u64(seed ^ hash(name));
    match how {
        InitRule::Constant(value) => vec![value as f32; n],
        InitRule::Normal(deviation) => (0..n)
            .map(|_| {
                let value: f64 = StandardNormal.sample(&mut random);
                (deviation * value) as f32
            })
            .collect(),
        InitRule::Uniform(bound) => {
            (0..n).map(|_| (bound * random.random_range(-1.0..1.0)) as f32).collect()
        }
        InitRule::TemporalFrequencies => temporal_frequencies(2 * n),
    }
}

/// FNV-1a, so that the random stream of a name is the same in every build.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn missing_parts_are_initialised_and_the_others_stay() {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 50;
        let wanted = ModelParts::all(&config.biosignals_cfg);
        let towers = Weights::initial(&config, 1);
        let whole = towers.clone().with_parts(&config, &wanted, 2);
        assert_eq!(whole.parts(&config.biosignals_cfg), wanted);
        assert!(towers.iter().all(|(name, tensor)| whole.get(name) == Some(tensor)));
        assert_eq!(whole.clone().with_parts(&config, &wanted, 3), whole);
    }

    #[test]
    fn tensors_have_the_standard_deviation_of_their_rule() {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 500;
        let weights = Weights::initial_parts(&config, &ModelParts::all(&config.biosignals_cfg), 1);
        let check = |name: &str, deviation: f64| {
            let tensor = weights.get(name).unwrap();
            let n = tensor.values.len() as f64;
            let square: f64 = tensor.values.iter().map(|value| f64::from(*value).powi(2)).sum();
            let found = (square / n).sqrt();
            assert!((found / deviation - 1.0).abs() < 0.1, "{name}: {found}, {deviation}");
        };
        let uniform = |inputs: f64| inputs.powf(-0.5) / 3.0f64.sqrt();
        check("logit_scale", (1.0f64 / 0.07).ln());
        check("text.token_embedding.weight", 0.02);
        check("text.positional_embedding", 0.01);
        check("text.text_projection", 0.125);
        check("text.transformer.resblocks.0.attn.in_proj_weight", 0.125);
        check("text.transformer.resblocks.1.mlp.c_proj.weight", 0.125 / 2.0);
        check("text.transformer.resblocks.1.mlp.c_fc.weight", 0.125 / 2.0f64.sqrt());
        check("text.transformer.resblocks.0.mlp.c_proj.bias", uniform(256.0));
        check("biosignals.channel_id_embed.weight", 1.0);
        check("biosignals.patching.conv_patching.weight", uniform(32.0));
        check("biosignals.transformer_blocks.1.temporal_norms.0.weight", 1.0);
        check("biosignals.transformer_blocks.1.channel_mlp.down_proj.weight", uniform(192.0));
        check("biosignals.attn_pool.in_proj_weight", (6.0f64 / 256.0 / 3.0).sqrt());
        check("biosignals.decoder_pooler.query_tokens", 0.02);
        check("channel_embeddings", 0.02);
        check("text_decoder.text_projection", 0.125);
        check("text_decoder.cross_attn.1.attn.out_proj.weight", 0.125 / 2.0);
        check("text_decoder.cross_attn.0.ln_1_kv.weight", 1.0);
        check("text_decoder.resblocks.1.mlp.c_fc.weight", 0.125 / 2.0f64.sqrt());
        check("signal_decoder.transformer.layers.1.linear2.weight", uniform(128.0));
        check("signal_decoder.transformer.layers.1.norm2.weight", 1.0);
        check(
            "signal_decoder.transformer.layers.0.self_attn.in_proj_weight",
            (6.0f64 / 256.0 / 3.0).sqrt(),
        );
        check("signal_decoder.to_signal.2.weight", uniform(32.0));
        let towers = Weights::initial(&config, 1);
        assert!(towers.iter().all(|(name, tensor)| weights.get(name) == Some(tensor)));
        let zero = weights.get("biosignals.decoder_pooler.attn.out_proj.bias").unwrap();
        assert!(zero.values.iter().all(|value| *value == 0.0));
        let fixed = "biosignals.transformer_blocks.0.temporal_attention_layers.0.rotary_emb.freqs";
        assert_eq!(weights.get(fixed).unwrap().values[0], 1.0);
    }
}
