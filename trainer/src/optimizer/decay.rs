//! Rules for which weights decay.

/// Returns whether a weight decays, from its name and number of axes.
pub type DecayRule = fn(&str, usize) -> bool;

/// Returns whether a weight decays.
///
/// Matrices do. Biases, norms, frequencies, the logit scale, embedding tables and learned vectors (tokens, positions,
/// channels, conditions, queries, the class token) do not.
pub fn is_decayed(name: &str, axes: usize) -> bool {
    let is_looked_up = [
        "token_embedding.weight",
        "positional_embedding",
        "channel_id_embed.weight",
        "channel_embeddings",
    ]
    .iter()
    .any(|end| name.ends_with(end));
    axes > 1 && !is_looked_up && !name.ends_with("query_tokens")
}

/// The rule of `OpenCLIP`: matrices decay, embedding tables included, unless their name contains a norm, a bias or the
/// scale.
pub fn is_decayed_in_open_clip(name: &str, axes: usize) -> bool {
    let is_kept = ["bn", "ln", "bias", "logit_scale"].iter().any(|part| name.contains(part));
    axes > 1 && !is_kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_matrices_decay() {
        let check = |name, axes, expected| assert_eq!(is_decayed(name, axes), expected, "{name}");
        check("biosignals.patching.conv_patching.weight", 3, true);
        check("text.transformer.resblocks.0.attn.in_proj_weight", 2, true);
        check("text.text_projection", 2, true);
        check("text.transformer.resblocks.0.attn.in_proj_bias", 1, false);
        check("biosignals.ln_final.weight", 1, false);
        check("biosignals.decoder_pooler.query_tokens", 3, false);
        check("text.token_embedding.weight", 2, false);
        check("text.positional_embedding", 2, false);
        check("biosignals.channel_id_embed.weight", 2, false);
        check("channel_embeddings", 2, false);
        check("logit_scale", 1, false);
    }
}
