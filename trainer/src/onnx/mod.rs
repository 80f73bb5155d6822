//! Both towers and the caption decoder as ONNX graphs, made of named weights and nothing else.
//!
//! Written for opset 17 and IR version 8, which every ONNX Runtime from 1.12 on reads.
//! Batch and text length are dynamic axes.

mod algebra;
mod builder;
mod caption_cache;
mod caption_decoder;
mod int8;
mod layers;
mod operations;
mod precision;
pub mod probe;
mod proto;
mod reconstruction_head;
mod signal_attention;
mod signal_patches;
mod signal_pool;
mod signal_tower;
mod sixteen_bit;
mod text_tower;
mod token_table;

pub use builder::{GraphOptions, Model};
pub use caption_decoder::caption_decoder;
pub use precision::Precision;
pub use reconstruction_head::reconstruction_head;
pub use signal_tower::signal_tower;
pub use text_tower::text_tower;
