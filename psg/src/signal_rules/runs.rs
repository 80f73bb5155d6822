//! Runs of epochs without a gap between them.

use std::ops::Range;

use crate::sleep::{EPOCH_S, Epoch};

/// Maximum distance in seconds between the end of an epoch and the onset of the next one in a run.
const TOLERANCE_S: f64 = 0.5;

/// Returns the ranges of epochs that follow each other without a gap.
pub(super) fn runs(epochs: &[Epoch]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (i, epoch) in epochs.iter().enumerate() {
        let follows = |run: &Range<usize>| {
            let end_s = epochs[run.end - 1].onset_s + EPOCH_S;
            (epoch.onset_s - end_s).abs() < TOLERANCE_S
        };
        match runs.last_mut() {
            Some(run) if follows(run) => run.end = i + 1,
            Some(_) | None => runs.push(i..i + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::{ChannelMask, EpochNumber, Quality};

    #[test]
    fn runs_end_at_gaps() {
        let epoch = |onset_s: f64| Epoch {
            number: EpochNumber(0),
            onset_s,
            mask: ChannelMask::ALL,
            quality: Quality::default(),
            stage: None,
            events: Vec::new(),
        };
        let found = |onsets_s: &[f64]| {
            let epochs: Vec<Epoch> = onsets_s.iter().map(|onset_s| epoch(*onset_s)).collect();
            runs(&epochs)
        };
        assert_eq!(found(&[0.0, 30.0, 60.0, 100.0, 130.0, 400.0]), [0..3, 3..5, 5..6]);
        assert!(found(&[]).is_empty());
    }
}
