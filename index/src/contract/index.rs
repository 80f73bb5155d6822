//! The contract of everything that finds epochs.

use nocturne_encoder::Embedding;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochRef, EventSet, Stage};

use crate::contract::Found;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::recording::Space;

/// Finds the epochs nearest to a query.
///
/// Hits come by descending score; equal scores by recording name, then by epoch number.
/// An exact index returns the best hits there are. An approximate one may miss some, but never
/// returns one that the filter refuses, a wrong score, or fewer than `k` where there are as many.
pub trait VectorIndex: Send + Sync {
    /// Returns which bundle's embeddings can be searched with.
    fn space(&self) -> &Space;

    /// Returns how many epochs there are.
    fn n_epochs(&self) -> usize;

    /// Returns the nearest epochs, and how they were found.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] where the query is of another length than the collection's embeddings,
    /// [`Error::UnknownRecording`] where the filter names a recording that is not there,
    /// [`Error::DamagedSegment`] where the filter names one that is damaged, and [`Error::Format`].
    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found>;

    /// Returns the nearest epochs.
    ///
    /// # Errors
    ///
    /// Those of [`find`](Self::find).
    fn search(&self, query: &Embedding, request: &SearchRequest) -> Result<Vec<Hit>> {
        Ok(self.find(query, request)?.hits)
    }
}

/// How many epochs are wanted, and which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchRequest {
    /// Most hits to return.
    pub k: usize,
    /// Which epochs may be returned.
    pub filter: Filter,
    /// Least cosine of a hit, included.
    pub min_score: Option<f32>,
    /// Share of the nearest that is to be found on average, from 0 to 1, where some may be missed for the sake of speed;
    /// an exact index misses none.
    pub recall: Option<f32>,
}

impl SearchRequest {
    /// Asks for the `k` nearest of all epochs.
    pub fn nearest(k: usize) -> Self {
        Self { k, ..Self::default() }
    }

    /// Returns whether a score is good enough.
    pub(crate) fn accepts(&self, score: f32) -> bool {
        self.min_score.is_none_or(|least| score >= least)
    }
}

/// An epoch near to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The epoch.
    pub epoch: EpochRef,
    /// Cosine of query and epoch, in `[-1, 1]`.
    pub score: f32,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// The scored stage, where there is one.
    pub stage: Option<Stage>,
    /// Channels that carried something.
    pub mask: ChannelMask,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
}

/// Refuses a query of another length than the collection's embeddings.
pub(crate) fn expect_dim(space: &Space, query: &Embedding) -> Result<()> {
    let (expected, received) = (space.dim, query.dim());
    if expected == received { Ok(()) } else { Err(Error::Dimension { expected, received }) }
}
