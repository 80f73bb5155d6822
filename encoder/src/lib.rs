//! Maps epochs and texts to unit vectors of one shared space, and epochs to captions, with a SleepLM dual encoder in ONNX
//! Runtime.
//!
//! # Overview
//!
//! A model [`Bundle`] is a folder with two ONNX graphs (the signal tower and the text tower), the tokenizer's vocabulary,
//! and optionally a caption decoder.
//! [`Runtime::load`] loads the ONNX Runtime library; [`SignalEncoder`], [`TextEncoder`] and [`Captioner`] each open one
//! graph of a bundle and check its inputs and outputs.
//!
//! ```no_run
//! use nocturne_encoder::{BatchOptions, Bundle, Device, PromptSet, Runtime, TextEncoder};
//!
//! # fn main() -> nocturne_encoder::Result<()> {
//! let runtime = Runtime::load(None)?;
//! let bundle = Bundle::open("models/nocturne-tiny".as_ref())?;
//! let mut encoder = TextEncoder::open(runtime, &bundle, Device::Auto, BatchOptions::default())?;
//! let slow_waves = encoder.encode("deep sleep with slow waves")?.embedding;
//! let stages = PromptSet::stages().encode(&mut encoder)?;
//! println!("{:.2}", stages[3].margin(&slow_waves)); // N3
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! Each module uses only modules above it in this list.
//!
//! | module | contents |
//! |---|---|
//! | [`Error`] | the errors of this crate |
//! | [`Embedding`], [`AttentionMap`], [`Memory`] | outputs of the towers |
//! | [`metrics`] | accuracy, rank and calibration metrics with bootstrap intervals |
//! | [`head`] | classifiers learned from a few labelled epochs |
//! | [`tokenizer`] | CLIP's tokenizer with its text cleaning |
//! | [`bundle`] | the model bundle, its manifest and fingerprint |
//! | [`runtime`], [`graph`] | the ONNX Runtime library; graphs without a contract, for comparisons |
//! | [`SignalEncoder`], [`TextEncoder`] | the two towers |
//! | [`Localisation`] | where in an epoch a query matches |
//! | [`caption`] | the caption decoder and its decoding strategies |
//! | [`PromptSet`], [`Concept`] | zero-shot labels, and concepts learned from labelled epochs |

mod attention;
pub mod bundle;
pub mod caption;
mod concept;
mod embedding;
mod error;
pub mod graph;
pub mod head;
mod localisation;
mod memory;
pub mod metrics;
mod prompts;
pub mod runtime;
mod session;
mod signal;
mod text;
pub mod tokenizer;
mod tower;

pub use attention::{AttentionMap, AttentionSpan};
pub use bundle::Bundle;
pub use caption::{Caption, Captioner};
pub use concept::{Concept, ConceptTarget, ConceptValidation};
pub use embedding::Embedding;
pub use error::{Cause, Error, Result};
pub use localisation::{ChannelChange, Localisation, MatchSpan, ReferenceEpoch};
pub use memory::Memory;
pub use prompts::{Label, LabelDirections, PromptSet};
pub use runtime::{Device, Provider, Runtime};
pub use signal::{EpochReading, SignalEncoder};
pub use text::{EncodedText, TextEncoder};
pub use tokenizer::{Tokenizer, Tokens};
pub use tower::BatchOptions;
