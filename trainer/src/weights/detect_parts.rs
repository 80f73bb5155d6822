//! Detects the parts of a model from the names and shapes of its weights.

use super::Weights;
use crate::config::{ModelParts, ReconstructionConfig, SignalConfig};

/// Prefixes of the names of the caption decoder's weights.
const CAPTIONER: [&str; 3] = ["text_decoder.", "channel_embeddings", "padding_embedding"];

impl Weights {
    /// Removes the caption decoder, if there is one.
    #[must_use]
    pub fn without_captioner(mut self) -> Self {
        self.tensors.retain(|name, _| !CAPTIONER.iter().any(|prefix| name.starts_with(prefix)));
        self
    }

    /// Returns the parts that the weights have in addition to the two towers.
    ///
    /// The published configuration does not have the sizes of the reconstruction head, so they are read from the
    /// shapes. If a tensor is missing, the published size is used, and building the model reports the missing name.
    pub fn parts(&self, signal: &SignalConfig) -> ModelParts {
        let has = |prefix: &str| self.iter().any(|(name, _)| name.starts_with(prefix));
        ModelParts {
            captions: CAPTIONER.into_iter().any(has),
            reconstruction: has("signal_decoder.").then(|| self.reconstruction(signal)),
        }
    }

    fn reconstruction(&self, signal: &SignalConfig) -> ReconstructionConfig {
        let published = ReconstructionConfig::published(signal);
        let outputs = |name: &str| self.get(name).and_then(|tensor| tensor.shape.first()).copied();
        let linear =
            |layer: usize| format!("signal_decoder.transformer.layers.{layer}.linear1.weight");
        let layers =
            (0..self.tensors.len()).take_while(|layer| self.get(&linear(*layer)).is_some()).count();
        ReconstructionConfig {
            layers: if layers == 0 { published.layers } else { layers },
            feed_forward: outputs(&linear(0)).unwrap_or(published.feed_forward),
            hidden: outputs("signal_decoder.to_signal.0.weight").unwrap_or(published.hidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn only_the_captioner_is_removed() {
        let config = Preset::Tiny.config();
        let signal = &config.biosignals_cfg;
        let whole = Weights::initial_parts(&config, &ModelParts::all(signal), 3);
        let rest = whole.clone().without_captioner();
        assert_eq!(rest.parts(signal), ModelParts { captions: false, ..whole.parts(signal) });
        assert!(rest.iter().all(|(name, tensor)| whole.get(name) == Some(tensor)));
        assert_eq!(rest.count("text_decoder."), 0);
        assert!(whole.count("text_decoder.") > 0);
    }
}
