//! The stages of a night with the context of the night.

pub mod decode;
pub mod transitions;

pub use decode::{StageLikelihood, decode};
pub use transitions::{N_STAGES, PerStage, StageTransitions};
