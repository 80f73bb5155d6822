//! What training makes small: the contrastive loss, and those of the captions and of the reconstruction.

mod caption;
mod contrastive;
mod joint;
mod reconstruction;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use caption::{CaptionGradient, CaptionTargets, caption_gradient, caption_loss};
pub use contrastive::{Contrastive, MAX_LOGIT_SCALE, contrastive};
pub use joint::{JointBatch, JointGradient, LossWeights, Losses, joint_gradient, joint_losses};
pub use reconstruction::reconstruction_loss;
pub use vocabulary::Vocabulary;
