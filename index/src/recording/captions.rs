//! The captions of a recording, and a caption that was found.

use std::ops::Range;

use nocturne_psg::EpochRef;
use nocturne_psg::caption::CaptionKind;

use crate::recording::Vectors;

/// The captions of a recording, in the order of their epochs.
#[derive(Debug, Clone)]
pub struct Captions {
    /// Row of the epoch.
    pub(crate) rows: Vec<u32>,
    pub(crate) kinds: Vec<CaptionKind>,
    /// Where each text ends in `text`.
    pub(crate) ends: Vec<u32>,
    pub(crate) text: String,
    pub(crate) vectors: Vectors,
}

impl Captions {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the row of the epoch that a caption describes.
    ///
    /// # Panics
    ///
    /// Panics where there is no such caption, as the other accessors do.
    pub fn row(&self, caption: usize) -> usize {
        self.rows[caption] as usize
    }

    /// Returns what a caption speaks of.
    pub fn kind(&self, caption: usize) -> CaptionKind {
        self.kinds[caption]
    }

    /// Returns the words of a caption.
    pub fn text(&self, caption: usize) -> &str {
        let start = caption.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[caption] as usize]
    }

    /// Returns the embeddings of the captions.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// Returns the captions of the epoch in a row.
    pub fn of_row(&self, row: usize) -> Range<usize> {
        let first = self.rows.partition_point(|of| (*of as usize) < row);
        let end = self.rows.partition_point(|of| *of as usize <= row);
        first..end
    }
}

/// A caption near to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptionHit {
    /// The epoch that it describes.
    pub epoch: EpochRef,
    /// Cosine of query and caption, in `[-1, 1]`.
    pub score: f32,
    /// What it speaks of.
    pub kind: CaptionKind,
    /// Its words.
    pub text: String,
}
