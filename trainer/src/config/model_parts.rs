//! The optional parts of a model.

use super::SignalConfig;

/// The parts of a model in addition to its two towers.
///
/// The towers are enough for search. Captions need a decoder, and the reconstruction head is used only in training. The
/// published configuration has no field for either; [`Weights::parts`](crate::weights::Weights::parts) derives them
/// from the names of the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelParts {
    /// Whether there is a caption decoder, with the embeddings of its conditions.
    pub captions: bool,
    /// The reconstruction head, if there is one.
    pub reconstruction: Option<ReconstructionConfig>,
}

/// The head that reconstructs the signals from the memory of the signal tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconstructionConfig {
    /// Transformer encoder layers on the memory tokens.
    pub layers: usize,
    /// Hidden width of an encoder layer.
    pub feed_forward: usize,
    /// Width between the mean memory token and the samples.
    pub hidden: usize,
}

impl ModelParts {
    /// Returns the two towers without other parts.
    pub const fn towers() -> Self {
        Self { captions: false, reconstruction: None }
    }

    /// Returns all parts of SleepLM.
    pub const fn all(signal: &SignalConfig) -> Self {
        Self { captions: true, reconstruction: Some(ReconstructionConfig::published(signal)) }
    }
}

impl ReconstructionConfig {
    /// Returns the head that the published code builds on a signal tower.
    pub const fn published(signal: &SignalConfig) -> Self {
        let width = signal.transformer_width;
        Self { layers: 2, feed_forward: 2 * width, hidden: width / 2 }
    }
}
