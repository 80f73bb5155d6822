//! The sizes of a model, told by the shapes of its weights.

use std::ops::Bound;

use super::{Parts, Shapes};
use crate::error::Disagreement;
use crate::{Error, ModelConfig, Preset, Result};

/// Condition tokens before a caption, as the published demo has them; its configuration says 1, the weights nothing.
const PREFIX: usize = 2;

/// Weights that tell sizes, with the number of their axes.
const TELLING: [(&str, usize); 10] = [
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
/// Those of the caption decoder.
const TELLING_CAPTIONS: [(&str, usize); 3] = [
    ("channel_embeddings", 2),
    ("text_decoder.text_projection", 2),
    ("text_decoder.resblocks.0.mlp.c_fc.weight", 2),
];

/// Returns the configuration of weights, and what had to be decided without them.
pub(super) fn infer(
    shapes: &Shapes<'_>,
    parts: Parts,
    given: Option<&ModelConfig>,
) -> Result<(ModelConfig, Vec<String>)> {
    let mut needed = TELLING.to_vec();
    if parts.captions {
        needed.extend(TELLING_CAPTIONS);
    }
    check_axes(shapes, &needed)?;
    let mut sizes = Sizes {
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
        Err(Error::Contradiction { fields: sizes.disagreements })
    }
}

fn check_axes(shapes: &Shapes<'_>, needed: &[(&str, usize)]) -> Result<()> {
    let missing: Vec<String> = needed
        .iter()
        .filter(|(name, _)| !shapes.contains_key(name))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(Error::Mismatch { missing, surplus: Vec::new(), wrong: Vec::new() });
    }
    for (name, axes) in needed {
        let shape = shapes[name];
        if shape.len() != *axes || shape.contains(&0) {
            let problem = format!("`{name}` has shape {shape:?}; expected {axes} axes, none empty");
            return Err(Error::Sizes { problem });
        }
    }
    Ok(())
}

struct Sizes<'a> {
    shapes: &'a Shapes<'a>,
    config: ModelConfig,
    is_given: bool,
    disagreements: Vec<Disagreement>,
    notices: Vec<String>,
}

/// A field of the configuration.
type Field<T> = fn(&mut ModelConfig) -> &mut T;

impl Sizes<'_> {
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
        self.settle(&found);
        let ratio: Field<f64> = |it| &mut it.biosignals_cfg.mlp_ratio;
        self.settle_ratio("biosignals_cfg.mlp_ratio", ratio, width, hidden);
        Ok(())
    }

    fn text_tower(&mut self) -> Result<()> {
        let [vocabulary, width] =
            [0, 1].map(|axis| self.shapes["text.token_embedding.weight"][axis]);
        let positions = self.shapes["text.positional_embedding"][0];
        self.settle(&[
            ("text_cfg.vocab_size", |it| &mut it.text_cfg.vocab_size, vocabulary),
            ("text_cfg.width", |it| &mut it.text_cfg.width, width),
            // The class token has a position of its own.
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

    fn captions(&mut self, parts: Parts) -> Result<()> {
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
        self.settle(&[
            ("text_cfg.vocab_size", |it| &mut it.text_cfg.vocab_size, vocabulary),
            ("multimodal_cfg.width", |it| &mut it.multimodal_cfg.width, width),
            (
                "multimodal_cfg.layers",
                |it| &mut it.multimodal_cfg.layers,
                self.count("text_decoder.resblocks."),
            ),
        ]);
        let ratio: Field<f64> = |it| &mut it.multimodal_cfg.mlp_ratio;
        self.settle_ratio("multimodal_cfg.mlp_ratio", ratio, width, hidden);
        if !self.is_given {
            self.config.multimodal_cfg.heads = self.assumed_heads("caption decoder", width)?;
            self.config.multimodal_cfg.context_length = self.config.text_cfg.context_length;
        }
        self.overrule(
            "num_caption_channels",
            |it| &mut it.num_caption_channels,
            kinds,
            "the weights have",
        );
        self.overrule("prefix_len", |it| &mut it.prefix_len, PREFIX, "the published demo has");
        Ok(())
    }

    /// Takes what the weights tell, and notes where the given configuration tells another.
    fn settle(&mut self, found: &[(&'static str, Field<usize>, usize)]) {
        for (field, slot, found) in found {
            let slot = slot(&mut self.config);
            if self.is_given && slot != found {
                let (given, found) = (slot.to_string(), found.to_string());
                self.disagreements.push(Disagreement { field, given, found });
            }
            *slot = *found;
        }
    }

    /// Does the same for the width of a hidden layer over that of a token.
    fn settle_ratio(&mut self, field: &'static str, slot: Field<f64>, width: usize, hidden: usize) {
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

    /// Sets a field in which the published configuration is not that of the published weights.
    fn overrule(&mut self, field: &str, slot: Field<usize>, value: usize, who: &str) {
        let slot = slot(&mut self.config);
        if self.is_given && *slot != value {
            self.notices.push(format!(
                "`{field}` is {slot} in the configuration; {who} {value}, which is taken"
            ));
        }
        *slot = value;
    }

    /// Returns the width of the signal tower's heads: its rotation has a frequency for each pair of numbers.
    fn head_dim(&self) -> usize {
        2 * self.shapes["biosignals.shared_channel_rope.freqs"][0]
    }

    fn assumed_heads(&mut self, of: &str, width: usize) -> Result<usize> {
        let head_dim = self.head_dim();
        let heads = heads(of, width, head_dim)?;
        self.notices.push(format!(
            "the weights do not tell the heads of the {of}: {heads} are assumed, of width {head_dim} as in the signal tower"
        ));
        Ok(heads)
    }

    /// Returns how many of `begin0.`, `begin1.`, … some name begins with.
    fn count(&self, begin: &str) -> usize {
        // Names are in order, so that the first one from `begin` on tells.
        let is_there = |begin: &str| {
            let mut from = self.shapes.range::<str, _>((Bound::Included(begin), Bound::Unbounded));
            from.next().is_some_and(|(name, _)| name.starts_with(begin))
        };
        let mut n = 0;
        while is_there(&format!("{begin}{n}.")) {
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
        format!("the width {width} of the {of} is no multiple of {head_dim}, the width of a head");
    Err(Error::Sizes { problem })
}

/// Returns a ratio that leads back to `hidden` when the product with `width` is rounded towards zero.
fn ratio(width: usize, hidden: usize) -> f64 {
    let ratio = hidden as f64 / width as f64;
    if (width as f64 * ratio) as usize == hidden { ratio } else { ratio.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_lead_back_to_the_hidden_width() {
        for width in 1..400 {
            for hidden in 1..400 {
                assert_eq!((width as f64 * ratio(width, hidden)) as usize, hidden);
            }
        }
    }
}
