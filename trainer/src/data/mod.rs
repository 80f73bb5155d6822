//! Training data: epochs on disk, and batches of them with captions.
//!
//! 1. [`prepare`] converts each recording into a shard: scaled samples and all facts about them.
//! 2. [`TrainingSet`] opens a folder of shards and reads epochs one by one.
//! 3. [`BatchMaker`] draws balanced batches, hides channels and generates captions.
//!
//! A batch depends only on the seed and its number: a resumed run sees the same batches as an uninterrupted one.

mod augment;
mod batch_loader;
mod batch_maker;
mod caption_mix;
mod prepare;
mod recorder_change;
mod sampler;
mod seed;
mod shard;
mod shard_writer;
mod split;
#[cfg(test)]
mod tests;
mod training_set;

pub use augment::Augmentation;
pub use batch_loader::BatchLoader;
pub use batch_maker::{Batch, BatchMaker, BatchMakerOptions, EPOCH_LEN};
pub use caption_mix::{CONDITION_SLOTS, CaptionMix};
pub use prepare::{PrepareOutcome, RecordingInput, prepare};
pub(crate) use seed::derive_seed;
pub use shard::{EpochEntry, Shard};
pub use shard_writer::{ShardWriter, TrainingEpoch};
pub use split::{Split, SplitSide};
pub use training_set::{SetInfo, TrainingSet};
