//! The names and shapes of the published state dict, without the reconstruction head.

use std::collections::BTreeMap;

use super::CheckpointParts;
use crate::config::ModelConfig;
use crate::weights;

/// Prefixes of the names of the caption decoder; a checkpoint has all of them or none.
pub(super) const CAPTION_PREFIXES: [&str; 3] =
    ["text_decoder.", "channel_embeddings", "padding_embedding"];
/// Prefix of the names of the reconstruction head, whose sizes are not in the configuration.
pub(super) const RECONSTRUCTION_PREFIX: &str = "signal_decoder.";

/// Returns the names and shapes of a model's weights, including aliases and buffers.
///
/// The reconstruction head is omitted: its sizes are not in the configuration.
pub fn layout(config: &ModelConfig, parts: CheckpointParts) -> BTreeMap<String, Vec<usize>> {
    let parts = crate::config::ModelParts { captions: parts.captions, reconstruction: None };
    weights::layout(config, &parts)
}
