//! The opened models of a bundle. Each session of ONNX Runtime is owned by one thread with a bounded queue.

pub(crate) mod caption_thread;
pub(crate) mod epoch_signal;
pub(crate) mod opened_bundle;
pub(crate) mod text_thread;
