//! The names and shapes that the state dict of a model has.

use std::collections::BTreeMap;

use burn::backend::Flex;
use burn::tensor::Device;

use super::modules::file_shape;
use super::names::{self, SHARED_FREQUENCIES};
use crate::model::SleepLm;
use crate::{ModelConfig, Parts, parameters};

/// Returns the shape of every tensor of a state dict by its name, aliases and buffers among them.
///
/// No tensor is allocated, so that the largest model can be asked for its shapes anywhere.
pub fn layout(config: &ModelConfig, parts: &Parts) -> BTreeMap<String, Vec<usize>> {
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
