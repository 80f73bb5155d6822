//! What a model has beside its two towers.

use super::SignalConfig;

/// What a model has beside its two towers.
///
/// The towers alone search; captions need a decoder, and the reconstruction head is of use in training only.
/// The published configuration has no field for either: named weights tell, see [`Weights::parts`](crate::Weights::parts).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// Whether there is a caption decoder, with the vectors of its conditions.
    pub captions: bool,
    /// The reconstruction head, where there is one.
    pub reconstruction: Option<ReconstructionConfig>,
}

/// The head that draws the signals anew from the memory of the signal tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconstructionConfig {
    /// Encoder layers over the memory tokens.
    pub layers: usize,
    /// Width of the hidden layer of an encoder layer.
    pub feed_forward: usize,
    /// Width between the mean of the memory tokens and the samples.
    pub hidden: usize,
}

impl Parts {
    /// Returns the two towers and nothing else.
    pub const fn towers() -> Self {
        Self { captions: false, reconstruction: None }
    }

    /// Returns everything that `SleepLM` has.
    pub const fn all(signal: &SignalConfig) -> Self {
        Self { captions: true, reconstruction: Some(ReconstructionConfig::published(signal)) }
    }
}

impl ReconstructionConfig {
    /// Returns the head that the published code builds over a signal tower.
    pub const fn published(signal: &SignalConfig) -> Self {
        let width = signal.transformer_width;
        Self { layers: 2, feed_forward: 2 * width, hidden: width / 2 }
    }
}
