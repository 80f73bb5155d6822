//! PyTorch's `AdamW`, a learning-rate schedule, and gradient clipping.

mod adamw;
mod clip;
mod decay;
mod schedule;

pub use adamw::{AdamW, AdamWOptions};
pub use clip::clip_to_norm;
pub use decay::{DecayRule, is_decayed, is_decayed_in_open_clip};
pub use schedule::Schedule;
