//! Training data: epochs on disk, and batches of them with captions.
//!
//! 1. [`prepare`] turns recordings into shards, one for each recording: scaled samples and everything known of them.
//! 2. [`TrainingSet`] opens a folder of shards and reads epochs one by one.
//! 3. [`BatchMaker`] draws balanced batches, hides channels, and has captions made.
//!
//! A batch depends on the seed and its number alone: a run that is resumed sees the batches that it would have seen.

mod augment;
mod batch;
mod caption_mix;
mod loader;
mod prepare;
mod retake;
mod sampler;
mod seed;
mod set;
mod shard;
mod shard_writer;
mod split;
#[cfg(test)]
mod tests;

pub use augment::Augmentation;
pub use batch::{Batch, BatchMaker, BatchOptions, EPOCH_LEN};
pub use caption_mix::{CONDITION_SLOTS, CaptionMix};
pub use loader::Loader;
pub use prepare::{Prepared, Source, prepare};
pub(crate) use seed::derive;
pub use set::{SetInfo, TrainingSet};
pub use shard::{EpochEntry, Shard};
pub use shard_writer::{ShardWriter, TrainingEpoch};
pub use split::{Side, Split};
