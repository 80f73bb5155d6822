//! The captions of a recording.

use std::ops::Range;

use nocturne_psg::caption::CaptionKind;

use super::StoredVectors;

/// The captions of a recording, in the order of their epochs.
#[derive(Debug, Clone)]
pub struct Captions {
    /// Row of the epoch that each caption describes.
    pub(super) rows: Vec<u32>,
    pub(super) kinds: Vec<CaptionKind>,
    /// Where each text ends in `text`, in bytes.
    pub(super) ends: Vec<u32>,
    pub(super) text: String,
    pub(super) vectors: StoredVectors,
}

impl Captions {
    /// Returns the number of captions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no captions.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the row of the epoch that a caption describes.
    ///
    /// # Panics
    ///
    /// Panics if there is no such caption, as the other accessors do.
    pub fn row(&self, caption: usize) -> usize {
        self.rows[caption] as usize
    }

    /// Returns what a caption describes.
    pub fn kind(&self, caption: usize) -> CaptionKind {
        self.kinds[caption]
    }

    /// Returns the text of a caption.
    pub fn text(&self, caption: usize) -> &str {
        let start = caption.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[caption] as usize]
    }

    /// Returns the embeddings of the captions.
    pub fn vectors(&self) -> &StoredVectors {
        &self.vectors
    }

    /// Returns the captions of the epoch in a row.
    pub fn of_row(&self, row: usize) -> Range<usize> {
        let first = self.rows.partition_point(|of| (*of as usize) < row);
        let end = self.rows.partition_point(|of| *of as usize <= row);
        first..end
    }
}
