//! Derives a model's configuration from the shapes of its weights.

use std::ops::Bound;

use super::{CheckpointParts, TensorShapes};
use crate::config::{ModelConfig, Preset};
use crate::error::{Disagreement, Error, Result};

/// Condition tokens before a caption, as in the published demo; its configuration states 1, and the weights do not
/// determine it.
const PREFIX: usize = 2;

/// Weights that determine sizes, with their number of axes.
const SIZE_WEIGHTS: [(&str, usize); 10] = [
    ("biosignals.patching.conv_patching.weight", 3),
    ("biosignals.channel_id_embed.weight", 2),
    ("biosignals.shared_channel_rope.freqs", 1),
    ("biosignals.decoder_pooler.query_tokens", 3),
    ("biosignals.proj_to_embed.weight", 2),
    ("biosignals.transformer_blocks.0.channel_mlp.gate_proj.w1.weight", 2),
    ("text.token_embedding.weight", 2),
    ("text.positional_embedding", 2),
    ("text.text_projection", 2),
    ("text.transformer.resblocks.0.ln_1.weight", 1),
];
/// The same for the caption decoder.
const CAPTION_SIZE_WEIGHTS: [(&str, usize); 3] = [
    ("channel_embeddings", 2),
    ("text_decoder.text_projection", 2),
    ("text_decoder.resblocks.0.mlp.c_fc.weight", 2),
];

/// Returns the configuration of the weights, and a notice for each assumption.
pub(super) fn infer(
    shapes: &TensorShapes<'_>,
    parts: CheckpointParts,
    given: Option<&ModelConfig>,
) -> Result<(ModelConfig, Vec<String>)> {
    let mut needed = SIZE_WEIGHTS.to_vec();
    if parts.captions {
        needed.extend(CAPTION_SIZE_WEIGHTS);
    }
    check_axes(shapes, &needed)?;
    let mut sizes = SizeInference {
        shapes,
        config: given.cloned().unwrap_or_else(|| Preset::Base.config()),
        is_given: given.is_some(),
        disagreements: Vec::new(),
        notices: Vec::new(),
    };
    sizes.signal_tower()?;
    sizes.text_tower()?;
    sizes.captions(parts)?;
    if sizes.disagreements.is_empty() {
        Ok((sizes.config, sizes.notices))
    } else {
        Err(Error::ConfigMismatch { fields: sizes.disagreements })
    }
}

fn check_axes(shapes: &TensorShapes<'_>, needed: &[(&str, usize)]) -> Result<()> {
    let missing: Vec<String> = needed
        .iter()
        .filter(|(name, _)| !shapes.contains_key(name))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(Error::WeightMismatch { missing, surplus: Vec::new(), wrong: Vec::new() });
    }
    for (name, axes) in needed {
        let shape = shapes[name];
        if shape.len() != *axes || shape.contains(&0) {
            let problem = format!("`{name}` has shape {shape:?}; expected {axes} non-empty axes");
            return Err(Error::UnknownSizes { problem });
        }
    }
    Ok(())
}

struct SizeInference<'a> {
    shapes: &'a TensorShapes<'a>,
    config: ModelConfig,
    is_given: bool,
    disagreements: Vec<Disagreement>,
    notices: Vec<String>,
}

/// A field of the configuration.
type Field<T> = fn(&mut ModelConfig) -> &mut T;

impl SizeInference<'_> {
    fn signal_tower(&mut self) -> Result<()> {
        let size =
            |name: &str, axis: usize| self.shapes[format!("biosignals.{name}").as_str()][axis];
        let width = size("proj_to_embed.weight", 1);
        let hidden = size("transformer_blocks.0.channel_mlp.gate_proj.w1.weight", 0);
        let heads = heads("signal tower", width, self.head_dim())?;
        let found: [(&'static str, Field<usize>, usize); 9] = [
            ("embed_dim", |it| &mut it.embed_dim, size("proj_to_embed.weight", 0)),
            (
                "biosignals_cfg.input_channels",
                |it| &mut it.biosignals_cfg.input_channels,
                size("channel_id_embed.weight", 0),
            ),
            (
                "biosignals_cfg.patch_size",
                |it| &mut it.biosignals_cfg.patch_size,
                size("patching.conv_patching.weight", 2),
            ),
            (
                "biosignals_cfg.conv_embed_dim",
                |it| &mut it.biosignals_cfg.conv_embed_dim,
                size("patching.conv_patching.weight", 0),
            ),
            (
                "biosignals_cfg.num_temporal_layers",
                |it| &mut it.biosignals_cfg.num_temporal_layers,
                self.count("biosignals.transformer_blocks.0.temporal_attention_layers."),
            ),
            (
                "biosignals_cfg.transformer_layers",
                |it| &mut it.biosignals_cfg.transformer_layers,
                self.count("biosignals.transformer_blocks."),
            ),
            (
                "biosignals_cfg.transformer_width",
                |it| &mut it.biosignals_cfg.transformer_width,
                width,
            ),
            (
                "biosignals_cfg.transformer_heads",
                |it| &mut it.biosignals_cfg.transformer_heads,
                heads,
            ),
            (
                "biosignals_cfg.decoder_tokens",
                |it| &mut it.biosignals_cfg.decoder_tokens,
                size("decoder_pooler.query_tokens", 1),
            ),
        ];
        self.set_fields(&found);
        let ratio: Field<f64> = |it| &mut it.biosignals_cfg.mlp_ratio;
        self.set_ratio("biosignals_cfg.mlp_ratio", ratio, width, hidden);
        Ok(())
    }

    fn text_tower(&mut self) -> Result<()> {
        let [vocabulary, width] =
            [0, 1].map(|axis| self.shapes["text.token_embedding.weight"][axis]);
        let positions = self.shapes["text.positional_embedding"][0];
        self.set_fields(&[
            ("text_cfg.vocab_size", |it| &mut it.text_cfg.vocab_size, vocabulary),
            ("text_cfg.width", |it| &mut it.text_cfg.width, width),
            // The class token has its own position.
            ("text_cfg.context_length", |it| &mut it.text_cfg.context_length, positions - 1),
            (
                "text_cfg.layers",
                |it| &mut it.text_cfg.layers,
                self.count("text.transformer.resblocks."),
            ),
        ]);
        if !self.is_given {
            self.config.text_cfg.heads = self.assumed_heads("text tower", width)?;
        }
        Ok(())
    }

    fn captions(&mut self, parts: CheckpointParts) -> Result<()> {
        if !parts.captions {
            if !self.is_given {
                let text = &self.config.text_cfg;
                self.config.multimodal_cfg.width = text.width;
                self.config.multimodal_cfg.heads = text.heads;
                self.config.multimodal_cfg.layers = text.layers;
                self.config.multimodal_cfg.context_length = text.context_length;
            }
            return Ok(());
        }
        let [width, vocabulary] =
            [0, 1].map(|axis| self.shapes["text_decoder.text_projection"][axis]);
        let hidden = self.shapes["text_decoder.resblocks.0.mlp.c_fc.weight"][0];
        let kinds = self.shapes["channel_embeddings"][0];
        self.set_fields(&[
            ("text_cfg.vocab_size", |it| &mut it.text_cfg.vocab_size, vocabulary),
            ("multimodal_cfg.width", |it| &mut it.multimodal_cfg.width, width),
            (
                "multimodal_cfg.layers",
                |it| &mut it.multimodal_cfg.layers,
                self.count("text_decoder.resblocks."),
            ),
        ]);
        let ratio: Field<f64> = |it| &mut it.multimodal_cfg.mlp_ratio;
        self.set_ratio("multimodal_cfg.mlp_ratio", ratio, width, hidden);
        if !self.is_given {
            self.config.multimodal_cfg.heads = self.assumed_heads("caption decoder", width)?;
            self.config.multimodal_cfg.context_length = self.config.text_cfg.context_length;
        }
        self.override_field(
            "num_caption_channels",
            |it| &mut it.num_caption_channels,
            kinds,
            "the weights have",
        );
        self.override_field(
            "prefix_len",
            |it| &mut it.prefix_len,
            PREFIX,
            "the published demo has",
        );
        Ok(())
    }

    /// Sets fields to the values of the weights, and records where the given configuration differs.
    fn set_fields(&mut self, found: &[(&'static str, Field<usize>, usize)]) {
        for (field, slot, found) in found {
            let slot = slot(&mut self.config);
            if self.is_given && slot != found {
                let (given, found) = (slot.to_string(), found.to_string());
                self.disagreements.push(Disagreement { field, given, found });
            }
            *slot = *found;
        }
    }

    /// Does the same for the ratio of a hidden width to the width of a token.
    fn set_ratio(&mut self, field: &'static str, slot: Field<f64>, width: usize, hidden: usize) {
        let slot = slot(&mut self.config);
        if (width as f64 * *slot) as usize == hidden {
            return;
        }
        let found = ratio(width, hidden);
        if self.is_given {
            let (given, found) = (slot.to_string(), found.to_string());
            self.disagreements.push(Disagreement { field, given, found });
        }
        *slot = found;
    }

    /// Sets a field in which the published configuration differs from the published weights.
    fn override_field(&mut self, field: &str, slot: Field<usize>, value: usize, origin: &str) {
        let slot = slot(&mut self.config);
        if self.is_given && *slot != value {
            self.notices.push(format!(
                "`{field}` is {slot} in the configuration; {origin} {value}, which is used"
            ));
        }
        *slot = value;
    }

    /// Returns the width of the signal tower's heads: the rotation has one frequency per pair of components.
    fn head_dim(&self) -> usize {
        2 * self.shapes["biosignals.shared_channel_rope.freqs"][0]
    }

    fn assumed_heads(&mut self, of: &str, width: usize) -> Result<usize> {
        let head_dim = self.head_dim();
        let heads = heads(of, width, head_dim)?;
        self.notices.push(format!(
            "the weights do not determine the heads of the {of}: assuming {heads} of width {head_dim}, as in the signal tower"
        ));
        Ok(heads)
    }

    /// Returns how many of `<prefix>0.`, `<prefix>1.`, … are prefixes of a name.
    fn count(&self, prefix: &str) -> usize {
        // Names are sorted, so the first name from `prefix` on decides.
        let has_prefix = |prefix: &str| {
            let mut from = self.shapes.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            from.next().is_some_and(|(name, _)| name.starts_with(prefix))
        };
        let mut n = 0;
        while has_prefix(&format!("{prefix}{n}.")) {
            n += 1;
        }
        n
    }
}

fn heads(of: &str, width: usize, head_dim: usize) -> Result<usize> {
    if width.is_multiple_of(head_dim) {
        return Ok(width / head_dim);
    }
    let problem =
        format!("the width {width} of the {of} is not a multiple of the head width {head_dim}");
    Err(Error::UnknownSizes { problem })
}

/// Returns a ratio whose product with `width` truncates to `hidden`.
fn ratio(width: usize, hidden: usize) -> f64 {
    let ratio = hidden as f64 / width as f64;
    if (width as f64 * ratio) as usize == hidden { ratio } else { ratio.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_reproduce_the_hidden_width() {
        for width in 1..400 {
            for hidden in 1..400 {
                assert_eq!((width as f64 * ratio(width, hidden)) as usize, hidden);
            }
        }
    }
}
