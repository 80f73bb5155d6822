//! Trains a SleepLM dual encoder and writes a model bundle.

mod bundle;
pub mod calibration;
pub mod captioner;
pub mod checkpoint;
pub mod config;
pub mod data;
mod durable;
mod error;
pub mod fewshot;
pub mod import;
pub mod kernels;
pub mod model;
pub mod objective;
pub mod onnx;
pub mod optimizer;
pub mod parameters;
pub mod parity;
mod positives;
mod reduce;
mod token_set;
mod trainable;
pub mod training;
pub mod weights;

pub use bundle::{BundleFacts, check_vocabulary, write_bundle};
pub use checkpoint::Checkpoint;
pub use config::{ModelConfig, Parts, Preset, ReconstructionConfig, SignalConfig, TextConfig};
pub use error::{Disagreement, Error, Result, WrongShape};
pub use import::Import;
pub use model::TokenBatch;
pub use positives::Positives;
pub use reduce::reduce_bundle;
pub use token_set::TokenSet;
pub use trainable::keep_weights;
pub use weights::{HostTensor, Weights};
