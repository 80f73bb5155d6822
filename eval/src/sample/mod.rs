//! Collects the data for each section of an evaluation from a night while it is in memory.

pub(crate) mod caption_counts;
pub(crate) mod channel_subset;
pub(crate) mod event_seconds;
