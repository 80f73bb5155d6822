//! The questions: each module answers one kind from a [`PinnedSpace`](crate::live::live_collection::PinnedSpace).

pub(crate) mod captions;
pub mod compare;
pub(crate) mod epochs;
pub(crate) mod epochs_by_tracks;
pub(crate) mod explain;
pub(crate) mod free_words;
pub(crate) mod generate;
pub(crate) mod label_verdict;
pub(crate) mod labels;
pub(crate) mod learned_concept;
pub(crate) mod limits;
pub(crate) mod nights;
pub(crate) mod rank_nights;
pub(crate) mod recordings;
pub(crate) mod skip_reason;
pub(crate) mod threshold;
