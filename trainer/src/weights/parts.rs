//! What the names and shapes of weights tell of the model that they are of.

use super::Weights;
use crate::SignalConfig;
use crate::config::{Parts, ReconstructionConfig};

/// How the names of the caption decoder's weights begin.
const CAPTIONER: [&str; 3] = ["text_decoder.", "channel_embeddings", "padding_embedding"];

impl Weights {
    /// Takes the caption decoder out, if there is one; everything else stays as it is.
    #[must_use]
    pub fn without_captioner(mut self) -> Self {
        self.tensors.retain(|name, _| !CAPTIONER.iter().any(|begin| name.starts_with(begin)));
        self
    }

    /// Returns which parts the weights are of, beside the two towers.
    ///
    /// The sizes of the reconstruction head are no fields of the published configuration:
    /// they are read off the shapes, and where a tensor is missing they are the published ones,
    /// so that it is missed by name when the model is built.
    pub fn parts(&self, signal: &SignalConfig) -> Parts {
        let has = |begin: &str| self.iter().any(|(name, _)| name.starts_with(begin));
        Parts {
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
    use crate::Preset;

    #[test]
    fn captioner_is_taken_out_and_nothing_else() {
        let config = Preset::Tiny.config();
        let signal = &config.biosignals_cfg;
        let whole = Weights::initial_parts(&config, &Parts::all(signal), 3);
        let rest = whole.clone().without_captioner();
        assert_eq!(rest.parts(signal), Parts { captions: false, ..whole.parts(signal) });
        assert!(rest.iter().all(|(name, tensor)| whole.get(name) == Some(tensor)));
        assert_eq!(rest.count("text_decoder."), 0);
        assert!(whole.count("text_decoder.") > 0);
    }
}
