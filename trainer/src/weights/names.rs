//! Meaning of tensor names.

/// The learned frequencies along channels, one vector for all blocks.
pub(super) const SHARED_FREQUENCIES: &str = "biosignals.shared_channel_rope.freqs";

/// The only tensor without an axis.
pub(super) const LOGIT_SCALE: &str = "logit_scale";

/// Returns whether the tensor is in the state dict but not trained: fixed frequencies, and aliases of the shared ones.
pub fn is_buffer(name: &str) -> bool {
    name.ends_with(".rotary_emb.freqs")
}

/// Returns whether the tensor is an alias of the shared frequencies.
pub(super) fn is_alias(name: &str) -> bool {
    name.starts_with("biosignals.transformer_blocks.")
        && name.ends_with(".channel_attention.rotary_emb.freqs")
}

/// Returns the alias of the shared frequencies in a block.
pub(super) fn alias(block: usize) -> String {
    format!("biosignals.transformer_blocks.{block}.channel_attention.rotary_emb.freqs")
}
