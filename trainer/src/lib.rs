//! Trains a SleepLM dual encoder and writes a model bundle.

pub mod bundle;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod error;
pub mod fewshot;
pub mod host_tensor;
pub mod import;
pub mod kernels;
pub mod model;
pub mod objective;
pub mod onnx;
pub mod optimizer;
pub mod parameters;
pub mod parity;
pub mod positive_pairs;
pub mod tokens;
pub mod training;
pub mod uncached_captioner;
pub mod weights;

pub use bundle::{BundleFacts, check_vocabulary, keep_weights, reduce_bundle, write_bundle};
pub use checkpoint::Checkpoint;
pub use config::{ModelConfig, ModelParts, Preset, ReconstructionConfig, SignalConfig, TextConfig};
pub use error::{Error, Result};
pub use host_tensor::HostTensor;
pub use import::Import;
pub use positive_pairs::PositivePairs;
pub use tokens::{TokenBatch, TokenSet};
pub use weights::Weights;
