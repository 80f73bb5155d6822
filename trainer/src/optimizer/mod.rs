//! `AdamW` as `PyTorch` does it, with its schedule and its clipping.

mod adamw;
mod clip;
mod decay;
mod schedule;

pub use adamw::{AdamW, AdamWOptions};
pub use clip::clip_to_norm;
pub use decay::is_decayed;
pub use schedule::Schedule;
