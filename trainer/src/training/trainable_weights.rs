//! Selects the weights that learn.

use super::lora::is_adapted;

/// Selects the trained weights among those that are not frozen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrainableWeights {
    /// All of them.
    #[default]
    All,
    /// The output projections of both towers, and the logit scale.
    Projections,
    /// In the towers only the adapters of their linear maps; all weights of the other parts.
    Adapters,
}

/// Prefixes of the names of the output projections: the pool that reads the memory tokens, the projections, the norm
/// before that of the text tower, and the scale.
const PROJECTIONS: [&str; 5] = [
    "biosignals.attn_pool.",
    "biosignals.proj_to_embed.",
    "text.ln_final.",
    "text.text_projection",
    "logit_scale",
];

impl TrainableWeights {
    /// Returns whether the gradient of the weight with that name is needed.
    ///
    /// That of a weight with an adapter is, because the adapter's gradients follow from it.
    pub fn is_trained(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Projections => PROJECTIONS.iter().any(|prefix| name.starts_with(prefix)),
            Self::Adapters => {
                let in_tower = name.starts_with("biosignals.") || name.starts_with("text.");
                // The scale belongs to the embeddings of the towers.
                is_adapted(name) || !(in_tower || name == "logit_scale")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_selected_by_name() {
        let check = |name, expected: [bool; 2]| {
            let found = [TrainableWeights::Projections, TrainableWeights::Adapters]
                .map(|it| it.is_trained(name));
            assert_eq!(found, expected, "{name}");
            assert!(TrainableWeights::All.is_trained(name));
        };
        check("biosignals.attn_pool.in_proj_weight", [true, true]);
        check("biosignals.attn_pool.in_proj_bias", [true, false]);
        check("biosignals.proj_to_embed.weight", [true, true]);
        check("biosignals.transformer_blocks.0.channel_attention.q_proj.weight", [false, true]);
        check("biosignals.transformer_blocks.0.channel_norm.weight", [false, false]);
        check("text.text_projection", [true, true]);
        check("text.ln_final.weight", [true, false]);
        check("text.token_embedding.weight", [false, false]);
        check("logit_scale", [true, false]);
        check("text_decoder.text_projection", [false, true]);
        check("signal_decoder.to_signal.0.weight", [false, true]);
    }
}
