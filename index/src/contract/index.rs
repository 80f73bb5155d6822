//! The contract of every index that finds epochs.

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochRef, EventSet, Stage};

use super::SearchAnswer;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::recording::EmbeddingSpace;

/// Finds the epochs nearest to a query.
///
/// Hits are ordered by descending score; equal scores by recording id, then by epoch number.
/// An exact index returns the true nearest. An approximate one may miss some, but never returns an epoch that the filter
/// excludes, a wrong score, or fewer than `k` hits if there are as many.
pub trait VectorIndex: Send + Sync {
    /// Returns the embedding space that queries must be in.
    fn space(&self) -> &EmbeddingSpace;

    /// Returns the number of epochs.
    fn n_epochs(&self) -> usize;

    /// Returns the nearest epochs, and how they were found.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] if the query has another dimension than the collection's embeddings,
    /// [`Error::UnknownRecording`] if the filter names a recording that does not exist,
    /// [`Error::Damaged`] if the filter names one that is damaged, [`Error::Filter`] and [`Error::Format`].
    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer>;

    /// Returns the nearest epochs.
    ///
    /// # Errors
    ///
    /// Those of [`find`](Self::find).
    fn search(&self, query: &Embedding, request: &SearchRequest) -> Result<Vec<Hit>> {
        Ok(self.find(query, request)?.hits)
    }
}

/// The number of epochs to find, and which may be found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchRequest {
    /// Maximum number of hits.
    pub k: usize,
    /// Which epochs may be hits.
    pub filter: Filter,
    /// Minimum cosine of a hit, inclusive.
    pub min_score: Option<f32>,
    /// Average share of the nearest epochs to find, from 0 to 1, to trade completeness for speed; `None` for all of them.
    /// An exact index ignores it.
    pub recall: Option<f32>,
}

impl SearchRequest {
    /// Returns a request for the `k` nearest of all epochs.
    pub fn nearest(k: usize) -> Self {
        Self { k, ..Self::default() }
    }

    /// Returns whether a score reaches the minimum.
    pub(crate) fn accepts(&self, score: f32) -> bool {
        self.min_score.is_none_or(|min_score| score >= min_score)
    }
}

/// An epoch found by a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The epoch.
    pub epoch: EpochRef,
    /// Cosine of the query and the epoch, in `[-1, 1]`.
    pub score: f32,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// The scored stage; `None` if the epoch was not scored.
    pub stage: Option<Stage>,
    /// Channels that carry a usable signal.
    pub mask: ChannelMask,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
}

/// A caption found by a search.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptionHit {
    /// The epoch that it describes.
    pub epoch: EpochRef,
    /// Cosine of the query and the caption, in `[-1, 1]`.
    pub score: f32,
    /// What it describes.
    pub kind: CaptionKind,
    /// Its text.
    pub text: String,
}

/// Refuses a query of another dimension than the collection's embeddings.
pub(crate) fn expect_dim(space: &EmbeddingSpace, query: &Embedding) -> Result<()> {
    let (expected, received) = (space.dim, query.dim());
    if expected == received { Ok(()) } else { Err(Error::Dimension { expected, received }) }
}
