//! The names and shapes of a model's state dict.

use std::collections::BTreeMap;

use burn::backend::Flex;
use burn::tensor::Device;

use super::model_conversion::file_shape;
use super::names::{self, SHARED_FREQUENCIES};
use crate::config::{ModelConfig, ModelParts};
use crate::model::SleepLm;
use crate::parameters;

/// Returns the shape of every tensor of a state dict by name, including aliases and buffers.
///
/// No tensor is allocated, so the shapes of the largest model can be listed on any machine.
pub fn layout(config: &ModelConfig, parts: &ModelParts) -> BTreeMap<String, Vec<usize>> {
    let model = SleepLm::<Flex>::zeros(config, parts, &Device::<Flex>::default());
    let mut layout: BTreeMap<_, _> = parameters::shapes(&model)
        .into_iter()
        .map(|(name, shape)| {
            let shape = file_shape(&name, &shape);
            (name, shape)
        })
        .collect();
    let shared = layout[SHARED_FREQUENCIES].clone();
    for block in 0..config.biosignals_cfg.transformer_layers {
        layout.insert(names::alias(block), shared.clone());
    }
    layout
}
