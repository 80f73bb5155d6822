//! Integration tests of the trainer, in one binary: each binary links the training framework.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod captioner;
mod checkpoint;
mod generation;
mod model_reference;
mod onnx;
mod own_recordings;
mod parity;
mod precision;
mod probe;
mod program;
mod random_captions;
mod state_dict;
mod support;
mod trained_captioner;
