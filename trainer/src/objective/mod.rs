//! The training objective: the contrastive, caption and reconstruction losses.

mod caption_loss;
mod caption_vocabulary;
mod contrastive_loss;
mod joint;
mod reconstruction_loss;
#[cfg(test)]
mod tests;

pub use caption_loss::{CaptionGradient, CaptionTargets, caption_gradient, caption_loss};
pub use caption_vocabulary::CaptionVocabulary;
pub use contrastive_loss::{ContrastiveLoss, MAX_LOGIT_SCALE, contrastive};
pub use joint::{JointBatch, JointGradient, LossWeights, Losses, joint_gradient, joint_losses};
pub use reconstruction_loss::reconstruction_loss;
