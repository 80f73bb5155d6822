//! Bouts: runs of adjacent epochs of one state.

use crate::sleep::EPOCH_S;
use crate::statistics::epoch_stages::StagedEpoch;

/// Splits epochs into the longest runs that are adjacent in time and have equal keys, in order.
pub(super) fn bouts<K: PartialEq>(
    epochs: &[StagedEpoch],
    key: impl Fn(&StagedEpoch) -> K,
) -> impl Iterator<Item = &[StagedEpoch]> {
    epochs.chunk_by(move |a, b| a.is_followed_by(b) && key(a) == key(b))
}

/// Returns the minutes of a number of epochs.
pub(super) fn minutes(n_epochs: usize) -> f64 {
    n_epochs as f64 * EPOCH_S / 60.0
}
