//! Every name of the published state dict with its shape.

use std::collections::BTreeMap;

use super::Parts;
use crate::ModelConfig;
use crate::config::TEXT_MLP_RATIO;

/// Begins of the names that belong to captions; a checkpoint has all of them or none.
pub(super) const CAPTION_PARTS: [&str; 3] =
    ["text_decoder.", "channel_embeddings", "padding_embedding"];
/// Begin of the names of the reconstruction head, whose sizes no configuration tells.
pub(super) const RECONSTRUCTION: &str = "signal_decoder.";

/// Returns the names and shapes of a model's weights, aliases and buffers with them.
///
/// The reconstruction head is left out: no configuration tells its sizes.
pub fn layout(config: &ModelConfig, parts: Parts) -> BTreeMap<String, Vec<usize>> {
    let mut layout = Layout::default();
    layout.add("logit_scale", &[]);
    layout.signal_tower(config);
    layout.text_tower(config);
    if parts.captions {
        layout.captions(config);
    }
    layout.shapes
}

#[derive(Default)]
struct Layout {
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Layout {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.shapes.insert(name.to_owned(), shape.to_vec());
    }

    /// Adds a weight `[out, in]` and its bias.
    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    fn layer_norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width]);
        self.add(&format!("{name}.bias"), &[width]);
    }

    /// Adds `PyTorch`'s attention with one weight for queries, keys and values.
    fn packed_attention(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.in_proj_weight"), &[3 * width, width]);
        self.add(&format!("{name}.in_proj_bias"), &[3 * width]);
        self.linear(&format!("{name}.out_proj"), width, width);
    }

    fn signal_tower(&mut self, config: &ModelConfig) {
        let signal = &config.biosignals_cfg;
        let width = signal.transformer_width;
        let frequencies = signal.head_dim() / 2;
        let name = |part: &str| format!("biosignals.{part}");
        self.add(
            &name("patching.conv_patching.weight"),
            &[signal.conv_embed_dim, 1, signal.patch_size],
        );
        self.add(&name("patching.conv_patching.bias"), &[signal.conv_embed_dim]);
        self.linear(&name("embed_projection"), width, signal.conv_embed_dim);
        self.add(&name("channel_id_embed.weight"), &[signal.input_channels, width]);
        self.add(&name("shared_channel_rope.freqs"), &[frequencies]);
        self.add(&name("ln_final.weight"), &[width]);
        for (pooler, queries) in
            [("contrastive_pooler", 1), ("decoder_pooler", signal.decoder_tokens)]
        {
            self.add(&name(&format!("{pooler}.query_tokens")), &[1, queries, width]);
            self.packed_attention(&name(&format!("{pooler}.attn")), width);
        }
        self.packed_attention(&name("attn_pool"), width);
        self.linear(&name("proj_to_embed"), config.embed_dim, width);
        for block in 0..signal.transformer_layers {
            let name = |part: &str| format!("biosignals.transformer_blocks.{block}.{part}");
            self.rotary_attention(&name("channel_attention"), width, frequencies);
            self.add(&name("channel_norm.weight"), &[width]);
            self.swiglu(&name("channel_mlp"), width, signal.hidden());
            self.add(&name("channel_mlp_norm.weight"), &[width]);
            for layer in 0..signal.num_temporal_layers {
                let name = |part: &str| name(&format!("{part}.{layer}"));
                self.rotary_attention(&name("temporal_attention_layers"), width, frequencies);
                self.add(&format!("{}.weight", name("temporal_norms")), &[width]);
                self.swiglu(&name("temporal_mlps"), width, signal.hidden());
                self.add(&format!("{}.weight", name("temporal_mlp_norms")), &[width]);
            }
        }
    }

    fn rotary_attention(&mut self, name: &str, width: usize, frequencies: usize) {
        for part in ["q_proj", "k_proj", "v_proj"] {
            self.add(&format!("{name}.{part}.weight"), &[width, width]);
        }
        self.linear(&format!("{name}.out_proj"), width, width);
        self.add(&format!("{name}.rotary_emb.freqs"), &[frequencies]);
    }

    fn swiglu(&mut self, name: &str, width: usize, hidden: usize) {
        self.add(&format!("{name}.gate_proj.w1.weight"), &[hidden, width]);
        self.add(&format!("{name}.gate_proj.w2.weight"), &[hidden, width]);
        self.add(&format!("{name}.down_proj.weight"), &[width, hidden]);
    }

    fn text_tower(&mut self, config: &ModelConfig) {
        let text = &config.text_cfg;
        let width = text.width;
        self.add("text.token_embedding.weight", &[text.vocab_size, width]);
        self.add("text.positional_embedding", &[text.context_length + 1, width]);
        self.add("text.cls_emb", &[width]);
        self.add("text.text_projection", &[width, config.embed_dim]);
        self.layer_norm("text.ln_final", width);
        for block in 0..text.layers {
            let name = format!("text.transformer.resblocks.{block}");
            self.residual_block(&name, width, TEXT_MLP_RATIO * width);
        }
    }

    fn residual_block(&mut self, name: &str, width: usize, hidden: usize) {
        self.layer_norm(&format!("{name}.ln_1"), width);
        self.packed_attention(&format!("{name}.attn"), width);
        self.layer_norm(&format!("{name}.ln_2"), width);
        self.linear(&format!("{name}.mlp.c_fc"), hidden, width);
        self.linear(&format!("{name}.mlp.c_proj"), width, hidden);
    }

    fn captions(&mut self, config: &ModelConfig) {
        let decoder = &config.multimodal_cfg;
        let width = decoder.width;
        let hidden = (width as f64 * decoder.mlp_ratio) as usize;
        self.add("channel_embeddings", &[config.num_caption_channels, width]);
        self.add("padding_embedding", &[width]);
        self.add("text_decoder.text_projection", &[width, config.text_cfg.vocab_size]);
        self.layer_norm("text_decoder.ln_final", width);
        for block in 0..decoder.layers {
            self.residual_block(&format!("text_decoder.resblocks.{block}"), width, hidden);
            let name = format!("text_decoder.cross_attn.{block}");
            self.residual_block(&name, width, hidden);
            self.layer_norm(&format!("{name}.ln_1_kv"), width);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Device;

    use super::*;
    use crate::model::SleepLm;
    use crate::{Preset, Weights};

    #[test]
    fn layout_of_the_towers_is_that_of_the_model() {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 50;
        config.biosignals_cfg.num_temporal_layers = 2;
        config.embed_dim = 24;
        let model = SleepLm::<Flex>::zeros(&config, &Device::<Flex>::default());
        let weights = Weights::from_model(&model);
        let expected: BTreeMap<String, Vec<usize>> =
            weights.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape.clone())).collect();
        let parts = Parts { captions: false, reconstruction: false };
        assert_eq!(layout(&config, parts), expected);
    }

    #[test]
    fn base_has_the_parameters_that_the_published_demo_prints() {
        let config = Preset::Base.config();
        let layout = layout(&config, Parts { captions: true, reconstruction: false });
        assert_eq!(layout.len(), 557);
        let trained = layout.iter().filter(|(name, _)| !crate::weights::is_buffer(name));
        let numbers: usize = trained.map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(numbers, 385_408_033);
    }
}
