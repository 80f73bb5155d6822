//! Exports both towers and the caption decoder as ONNX graphs, built from named weights only.
//!
//! Written for opset 17 and IR version 8, which ONNX Runtime supports since 1.12. Batch and text length are dynamic
//! axes.

mod caption_decoder;
mod graph_builder;
mod int8;
mod key_value_cache;
mod layers;
mod messages;
mod operations;
mod precision;
pub mod probe;
mod reconstruction_head;
mod signal_attention;
mod signal_patches;
mod signal_pool;
mod signal_tower;
mod sixteen_bit;
mod text_tower;
mod token_table;
mod weight_algebra;

pub use caption_decoder::caption_decoder;
pub use graph_builder::{GraphOptions, OnnxModel};
pub use precision::GraphPrecision;
pub use reconstruction_head::reconstruction_head;
pub use signal_tower::signal_tower;
pub use text_tower::text_tower;
