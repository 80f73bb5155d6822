//! Named configurations.

use std::fmt;
use std::str::FromStr;

use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;

use super::{DecoderConfig, ModelConfig, SignalConfig, TextConfig};

/// A named configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Trains on two CPU cores in an hour or two, with patches of half a second; the bundle in the repository has this
    /// size.
    Tiny,
    /// For one GPU and a day.
    Small,
    /// The published SleepLM-Base, with the demo's two condition tokens and five caption kinds.
    Base,
}

/// The fields in which the presets differ.
struct PresetSizes {
    embed_dim: usize,
    width: usize,
    heads: usize,
    patch_size: usize,
    conv_embed_dim: usize,
    signal_layers: usize,
    mlp_ratio: f64,
    decoder_tokens: usize,
    text_layers: usize,
    text_heads: usize,
    dropout: f64,
}

impl Preset {
    /// Every preset, from small to large.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Small, Self::Base];

    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Base => "base",
        }
    }

    /// Returns the configuration.
    pub fn config(self) -> ModelConfig {
        build(&match self {
            Self::Tiny => PresetSizes {
                embed_dim: 64,
                width: 64,
                heads: 2,
                patch_size: 32,
                conv_embed_dim: 32,
                signal_layers: 2,
                mlp_ratio: 3.0,
                decoder_tokens: 8,
                text_layers: 2,
                text_heads: 2,
                dropout: 0.0,
            },
            Self::Small => PresetSizes {
                embed_dim: 256,
                width: 256,
                heads: 4,
                patch_size: 16,
                conv_embed_dim: 128,
                signal_layers: 3,
                mlp_ratio: 3.0,
                decoder_tokens: 16,
                text_layers: 4,
                text_heads: 4,
                dropout: 0.1,
            },
            Self::Base => PresetSizes {
                embed_dim: 512,
                width: 768,
                heads: 12,
                patch_size: 16,
                conv_embed_dim: 256,
                signal_layers: 3,
                mlp_ratio: 3.0,
                decoder_tokens: 32,
                text_layers: 12,
                text_heads: 12,
                dropout: 0.1,
            },
        })
    }
}

fn build(sizes: &PresetSizes) -> ModelConfig {
    ModelConfig {
        embed_dim: sizes.embed_dim,
        multimodal_cfg: DecoderConfig {
            width: sizes.width,
            context_length: 256,
            mlp_ratio: 4.0,
            layers: sizes.text_layers,
            heads: sizes.text_heads,
        },
        biosignals_cfg: SignalConfig {
            architecture: "pure_transformer".to_owned(),
            input_channels: Channel::COUNT,
            signal_length: EPOCH_SAMPLES,
            sampling_rate: nocturne_psg::RATE_HZ as usize,
            patch_size: sizes.patch_size,
            conv_embed_dim: sizes.conv_embed_dim,
            num_temporal_layers: 1,
            activation: "swiglu".to_owned(),
            norm_type: "rmsnorm".to_owned(),
            mlp_bias: false,
            share_channel_rope: true,
            transformer_layers: sizes.signal_layers,
            transformer_width: sizes.width,
            transformer_heads: sizes.heads,
            mlp_ratio: sizes.mlp_ratio,
            pool_type: "attn".to_owned(),
            dropout: sizes.dropout,
            decoder_tokens: sizes.decoder_tokens,
        },
        text_cfg: TextConfig {
            context_length: 256,
            vocab_size: 49_408,
            layers: sizes.text_layers,
            heads: sizes.text_heads,
            width: sizes.width,
            embed_cls: true,
            output_tokens: true,
        },
        custom_text: true,
        prefix_len: 2,
        num_caption_channels: 5,
        decoder_type: "cross_attention".to_owned(),
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == text)
            .ok_or_else(|| format!("`{text}` is not a preset; expected `tiny`, `small` or `base`"))
    }
}
