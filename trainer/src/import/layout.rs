//! Every name of the published state dict with its shape, but for the reconstruction head.

use std::collections::BTreeMap;

use super::Parts;
use crate::{ModelConfig, weights};

/// Begins of the names that belong to captions; a checkpoint has all of them or none.
pub(super) const CAPTION_PARTS: [&str; 3] =
    ["text_decoder.", "channel_embeddings", "padding_embedding"];
/// Begin of the names of the reconstruction head, whose sizes no configuration tells.
pub(super) const RECONSTRUCTION: &str = "signal_decoder.";

/// Returns the names and shapes of a model's weights, aliases and buffers with them.
///
/// The reconstruction head is left out: no configuration tells its sizes.
pub fn layout(config: &ModelConfig, parts: Parts) -> BTreeMap<String, Vec<usize>> {
    let parts = crate::Parts { captions: parts.captions, reconstruction: None };
    weights::layout(config, &parts)
}
