//! Model configurations: the published fields, presets, and validation.

mod model_parts;
mod preset;

use std::fmt::Display;
use std::path::Path;

use nocturne_psg::edf::durable;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use model_parts::{ModelParts, ReconstructionConfig};
pub use preset::Preset;

/// A model as described by the published JSON.
///
/// Names and nesting are those of the SleepLM configuration, so its file can be read as is. Unknown fields are
/// rejected: they might change the architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Length of an embedding.
    pub embed_dim: usize,
    /// The caption decoder.
    pub multimodal_cfg: DecoderConfig,
    /// The signal tower.
    pub biosignals_cfg: SignalConfig,
    /// The text tower.
    pub text_cfg: TextConfig,
    /// Always true; `OpenCLIP`'s name for a separate text tower.
    pub custom_text: bool,
    /// Condition tokens before a caption.
    pub prefix_len: usize,
    /// Number of caption kinds that a condition token can name.
    pub num_caption_channels: usize,
    /// Always `cross_attention`.
    pub decoder_type: String,
}

/// The caption decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// Width of a token.
    pub width: usize,
    /// Maximum length of a caption in tokens.
    pub context_length: usize,
    /// Ratio of the hidden width of an MLP to the width of a token.
    pub mlp_ratio: f64,
    /// Pairs of a self-attention and a cross-attention block.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
}

/// The signal tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalConfig {
    /// Always `pure_transformer`.
    pub architecture: String,
    /// Channels of an epoch.
    pub input_channels: usize,
    /// Samples of one channel in an epoch.
    pub signal_length: usize,
    /// Samples per second.
    pub sampling_rate: usize,
    /// Samples of one patch.
    pub patch_size: usize,
    /// Width of a patch before it is projected to a token.
    pub conv_embed_dim: usize,
    /// Temporal layers in each block.
    pub num_temporal_layers: usize,
    /// Always `swiglu`.
    pub activation: String,
    /// Always `rmsnorm`.
    pub norm_type: String,
    /// Always false.
    pub mlp_bias: bool,
    /// Always true: all blocks share one vector of channel frequencies.
    pub share_channel_rope: bool,
    /// Blocks of channel attention, MLP, temporal attention, MLP.
    pub transformer_layers: usize,
    /// Width of a token.
    pub transformer_width: usize,
    /// Attention heads.
    pub transformer_heads: usize,
    /// Ratio of the hidden width of an MLP to the width of a token.
    pub mlp_ratio: f64,
    /// Always `attn`.
    pub pool_type: String,
    /// Share of values that dropout zeroes in training.
    pub dropout: f64,
    /// Memory tokens for the caption decoder, which also feed the embedding.
    pub decoder_tokens: usize,
}

/// The text tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Maximum length of a text in tokens, with start and end.
    pub context_length: usize,
    /// Number of tokens in the vocabulary.
    pub vocab_size: usize,
    /// Residual blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a token.
    pub width: usize,
    /// Always true: a class token is appended.
    pub embed_cls: bool,
    /// Always true: token states are passed to the decoder.
    pub output_tokens: bool,
}

/// Ratio of the hidden width of a text block's MLP to the width of a token; not a published field.
pub const TEXT_MLP_RATIO: usize = 4;

impl ModelConfig {
    /// Reads the published JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`], and those of [`check`](Self::check).
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read"))?;
        let config: Self = serde_json::from_str(&text).map_err(Error::parse(path))?;
        config.check()?;
        Ok(config)
    }

    /// Writes the published JSON atomically.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).expect("keys are strings and numbers finite");
        durable::write(path, text.as_bytes()).map_err(Error::io(path, "write"))
    }

    /// Rejects a configuration that this crate cannot build.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first invalid field.
    pub fn check(&self) -> Result<()> {
        self.biosignals_cfg.check()?;
        self.text_cfg.check()?;
        expect(self.embed_dim > 0, "embed_dim", self.embed_dim, "at least 1")?;
        expect(
            self.decoder_type == "cross_attention",
            "decoder_type",
            &self.decoder_type,
            "`cross_attention`",
        )?;
        expect(self.custom_text, "custom_text", self.custom_text, "`true`")
    }

    /// Rejects a caption decoder that cannot be built on the two towers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first invalid field.
    pub fn check_captions(&self) -> Result<()> {
        let decoder = &self.multimodal_cfg;
        for (tower, width) in [
            ("text_cfg", self.text_cfg.width),
            ("biosignals_cfg", self.biosignals_cfg.transformer_width),
        ] {
            let expected = format!("the width of `{tower}`, {width}");
            expect(decoder.width == width, "multimodal_cfg.width", decoder.width, expected)?;
        }
        expect(
            decoder.heads > 0 && decoder.width.is_multiple_of(decoder.heads),
            "multimodal_cfg.heads",
            decoder.heads,
            format!("a divisor of `width`, {}", decoder.width),
        )?;
        expect(
            decoder.mlp_ratio.is_finite() && decoder.hidden() > 0,
            "multimodal_cfg.mlp_ratio",
            decoder.mlp_ratio,
            "a positive number",
        )?;
        for (field, value) in [
            ("multimodal_cfg.layers", decoder.layers),
            ("num_caption_channels", self.num_caption_channels),
        ] {
            expect(value > 0, field, value, "at least 1")?;
        }
        Ok(())
    }
}

impl ModelConfig {
    /// Rejects a caption decoder that does not have `kinds` caption kinds and `slots` condition tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], also those of [`check_captions`](Self::check_captions).
    pub fn check_captions_of(&self, kinds: usize, slots: usize) -> Result<()> {
        self.check_captions()?;
        expect(
            self.num_caption_channels == kinds,
            "num_caption_channels",
            self.num_caption_channels,
            format!("{kinds}, the number of caption kinds"),
        )?;
        expect(
            self.prefix_len == slots,
            "prefix_len",
            self.prefix_len,
            format!("{slots}, the maximum number of kinds of a caption"),
        )
    }
}

impl DecoderConfig {
    /// Returns the hidden width of an MLP, truncated as by Python's `int`.
    pub const fn hidden(&self) -> usize {
        (self.width as f64 * self.mlp_ratio) as usize
    }
}

impl SignalConfig {
    /// Returns the number of patches of one channel.
    pub const fn patches(&self) -> usize {
        self.signal_length / self.patch_size
    }

    /// Returns the width of one attention head.
    pub const fn head_dim(&self) -> usize {
        self.transformer_width / self.transformer_heads
    }

    /// Returns the hidden width of an MLP, truncated as by Python's `int`.
    pub const fn hidden(&self) -> usize {
        (self.transformer_width as f64 * self.mlp_ratio) as usize
    }

    fn check(&self) -> Result<()> {
        let words = [
            ("biosignals_cfg.architecture", &self.architecture, "pure_transformer"),
            ("biosignals_cfg.activation", &self.activation, "swiglu"),
            ("biosignals_cfg.norm_type", &self.norm_type, "rmsnorm"),
            ("biosignals_cfg.pool_type", &self.pool_type, "attn"),
        ];
        for (field, value, only) in words {
            expect(value == only, field, value, format!("`{only}`"))?;
        }
        let numbers = [
            (
                "biosignals_cfg.input_channels",
                self.input_channels,
                nocturne_psg::montage::Channel::COUNT,
            ),
            ("biosignals_cfg.signal_length", self.signal_length, nocturne_psg::EPOCH_SAMPLES),
            ("biosignals_cfg.sampling_rate", self.sampling_rate, nocturne_psg::RATE_HZ as usize),
        ];
        for (field, value, only) in numbers {
            expect(value == only, field, value, only)?;
        }
        expect(!self.mlp_bias, "biosignals_cfg.mlp_bias", self.mlp_bias, "`false`")?;
        expect(
            self.share_channel_rope,
            "biosignals_cfg.share_channel_rope",
            self.share_channel_rope,
            "`true`",
        )?;
        self.check_sizes()
    }

    fn check_sizes(&self) -> Result<()> {
        for (field, value) in [
            ("biosignals_cfg.conv_embed_dim", self.conv_embed_dim),
            ("biosignals_cfg.num_temporal_layers", self.num_temporal_layers),
            ("biosignals_cfg.transformer_layers", self.transformer_layers),
            ("biosignals_cfg.decoder_tokens", self.decoder_tokens),
        ] {
            expect(value > 0, field, value, "at least 1")?;
        }
        expect(
            self.patch_size > 0 && self.signal_length.is_multiple_of(self.patch_size),
            "biosignals_cfg.patch_size",
            self.patch_size,
            format!("a divisor of `signal_length`, {}", self.signal_length),
        )?;
        let (width, heads) = (self.transformer_width, self.transformer_heads);
        expect(
            heads > 0 && width > 0 && width.is_multiple_of(2 * heads),
            "biosignals_cfg.transformer_heads",
            heads,
            format!("a divisor of `transformer_width`, {width}, with an even quotient"),
        )?;
        expect(
            self.mlp_ratio.is_finite() && self.hidden() > 0,
            "biosignals_cfg.mlp_ratio",
            self.mlp_ratio,
            "a positive number",
        )?;
        expect(
            (0.0..1.0).contains(&self.dropout),
            "biosignals_cfg.dropout",
            self.dropout,
            "at least 0 and less than 1",
        )
    }
}

impl TextConfig {
    fn check(&self) -> Result<()> {
        for (field, value) in [
            ("text_cfg.vocab_size", self.vocab_size),
            ("text_cfg.layers", self.layers),
            ("text_cfg.width", self.width),
        ] {
            expect(value > 0, field, value, "at least 1")?;
        }
        expect(
            self.context_length >= 2,
            "text_cfg.context_length",
            self.context_length,
            "at least 2, for start and end",
        )?;
        expect(
            self.heads > 0 && self.width.is_multiple_of(self.heads),
            "text_cfg.heads",
            self.heads,
            format!("a divisor of `width`, {}", self.width),
        )?;
        expect(self.embed_cls, "text_cfg.embed_cls", self.embed_cls, "`true`")?;
        expect(self.output_tokens, "text_cfg.output_tokens", self.output_tokens, "`true`")
    }
}

fn expect(
    holds: bool,
    field: &'static str,
    value: impl Display,
    expected: impl Display,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Config { field, value: value.to_string(), expected: expected.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut ModelConfig), sentence: &str) {
        let mut config = Preset::Tiny.config();
        change(&mut config);
        assert_eq!(config.check().unwrap_err().to_string(), sentence);
    }

    #[test]
    fn rejects_configurations_that_it_cannot_build() {
        check(
            |config| "layernorm".clone_into(&mut config.biosignals_cfg.norm_type),
            "the configuration's `biosignals_cfg.norm_type` is `layernorm`; expected `rmsnorm`",
        );
        check(
            |config| config.biosignals_cfg.patch_size = 7,
            "the configuration's `biosignals_cfg.patch_size` is `7`; \
             expected a divisor of `signal_length`, 1920",
        );
        check(
            |config| config.text_cfg.heads = 3,
            "the configuration's `text_cfg.heads` is `3`; expected a divisor of `width`, 64",
        );
    }

    #[test]
    fn presets_are_valid_and_round_trip() {
        for preset in Preset::ALL {
            let config = preset.config();
            config.check().unwrap();
            config.check_captions_of(5, 2).unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        }
    }

    #[test]
    fn rejects_unknown_fields() {
        let mut value = serde_json::to_value(Preset::Tiny.config()).unwrap();
        value["biosignals_cfg"]["layer_scale"] = 0.1.into();
        let error = serde_json::from_value::<ModelConfig>(value).unwrap_err();
        assert!(error.to_string().contains("layer_scale"), "{error}");
    }
}
