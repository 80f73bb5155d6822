//! Which weights of a model learn.

use super::lora::is_adapted;

/// Which weights of a model learn, of those that are not frozen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Learning {
    /// Every one.
    #[default]
    All,
    /// The last step of both towers into the space where they meet, and the scale of the similarity.
    Projections,
    /// In the towers the adapters beside their linear maps alone, and all of the other parts.
    Adapters,
}

/// Begins of the names of the last step into the common space: the pool that reads the memory tokens, the projections,
/// the norm in front of that of the text tower, and the scale.
const PROJECTIONS: [&str; 5] = [
    "biosignals.attn_pool.",
    "biosignals.proj_to_embed.",
    "text.ln_final.",
    "text.text_projection",
    "logit_scale",
];

impl Learning {
    /// Returns whether the gradient of a weight of that name is wanted.
    ///
    /// That of a weight with an adapter is: the adapter's follows from it.
    pub fn wants(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Projections => PROJECTIONS.iter().any(|begin| name.starts_with(begin)),
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
    fn weights_are_wanted_by_their_names() {
        let check = |name, expected: [bool; 2]| {
            let found = [Learning::Projections, Learning::Adapters].map(|it| it.wants(name));
            assert_eq!(found, expected, "{name}");
            assert!(Learning::All.wants(name));
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
