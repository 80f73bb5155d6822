//! The columns of a recording: what is stored about its epochs beside their vectors.

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, Stage};

/// One value per epoch in each column, by ascending epoch number. A *row* is a position in the columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpochColumns {
    /// Numbers of the epochs, ascending; a gap in the recording skips numbers.
    pub numbers: Vec<EpochNumber>,
    /// Onsets in seconds from the start of the recording.
    pub onsets_s: Vec<f64>,
    /// Scored stages; `None` for an epoch that was not scored.
    pub stages: Vec<Option<Stage>>,
    /// Kinds of scored event that belong to each epoch.
    pub event_sets: Vec<EventSet>,
    /// Channels that carry a usable signal.
    pub masks: Vec<ChannelMask>,
    /// Channels that are missing, flat or clipped.
    pub qualities: Vec<Quality>,
}

/// What is stored about one epoch beside its vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRow {
    /// Number of the epoch.
    pub number: EpochNumber,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// The scored stage; `None` if the epoch was not scored.
    pub stage: Option<Stage>,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
    /// Channels that carry a usable signal.
    pub mask: ChannelMask,
    /// Channels that are missing, flat or clipped.
    pub quality: Quality,
}

impl EpochColumns {
    /// Returns the number of epochs.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns whether there are no epochs.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns all values of a row.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn row(&self, row: usize) -> EpochRow {
        EpochRow {
            number: self.numbers[row],
            onset_s: self.onsets_s[row],
            stage: self.stages[row],
            events: self.event_sets[row],
            mask: self.masks[row],
            quality: self.qualities[row],
        }
    }

    /// Returns the row of an epoch, or `None` if the recording has no epoch of that number.
    pub fn row_of(&self, number: EpochNumber) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }
}
