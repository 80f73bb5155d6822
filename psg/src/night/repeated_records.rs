//! Detects data records that repeat an earlier one exactly, as faulty recorders or converters write them.

use std::collections::HashSet;

use crate::dsp::with_vectors;
use crate::warning::{Warning, WarningCode};

/// Minimum number of changes between successive samples of a record, over all signals.
///
/// Nearly constant records may be equal by coincidence; records of physiological signals with this many changes are not.
const MIN_CHANGES: usize = 256;
/// Maximum share of repeated records for a warning; above it the signals are periodic test signals.
const MAX_SHARE: f64 = 0.5;

/// Number of lanes of a digest, which the compiler keeps in vector registers.
const LANES: usize = 16;

/// Digest of a signal in one data record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RecordDigest {
    hash: u64,
    n_changes: usize,
}

/// Computes the digests of a signal record by record as its digital samples arrive.
#[derive(Debug)]
pub(super) struct RecordDigester {
    samples_per_record: usize,
    /// Samples of the current record.
    record: Vec<i32>,
    digests: Vec<RecordDigest>,
}

impl RecordDigester {
    /// Starts with a signal of `samples_per_record`.
    pub(super) fn new(samples_per_record: usize) -> Self {
        Self { samples_per_record, record: Vec::new(), digests: Vec::new() }
    }

    /// Processes the next samples.
    pub(super) fn push(&mut self, mut samples: &[i32]) {
        if !self.record.is_empty() {
            let n = samples.len().min(self.samples_per_record - self.record.len());
            let (now, later) = samples.split_at(n);
            self.record.extend_from_slice(now);
            samples = later;
            if self.record.len() == self.samples_per_record {
                self.digests.push(RecordDigest::of(&self.record));
                self.record.clear();
            }
        }
        let records = samples.chunks_exact(self.samples_per_record.max(1));
        self.record.extend_from_slice(records.remainder());
        self.digests.extend(records.map(RecordDigest::of));
    }
}

impl RecordDigest {
    fn of(samples: &[i32]) -> Self {
        let (rows, rest) = samples.as_chunks::<LANES>();
        let (lanes, n_changes) = with_vectors(|| {
            let mut lanes = [0x811c_9dc5u32; LANES];
            for row in rows {
                for (lane, sample) in lanes.iter_mut().zip(row) {
                    *lane = mixed(*lane, *sample);
                }
            }
            for (lane, sample) in lanes.iter_mut().zip(rest) {
                *lane = mixed(*lane, *sample);
            }
            let pairs = samples.iter().zip(samples.iter().skip(1));
            (lanes, pairs.filter(|(one, next)| one != next).count())
        });
        let hash = lanes.iter().fold(samples.len() as u64, |hash, lane| join(hash, (*lane).into()));
        Self { hash, n_changes }
    }
}

const fn mixed(lane: u32, sample: i32) -> u32 {
    // The product mixes into the upper bits; the rotation moves them down.
    (lane ^ sample as u32).wrapping_mul(0x0100_0193).rotate_left(13)
}

const fn join(hash: u64, other: u64) -> u64 {
    ((hash ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(29)
}

/// Counts repeated records over the runs of a recording.
#[derive(Debug, Default)]
pub(super) struct RepeatedRecords {
    n_records: u64,
    seen: HashSet<u64>,
    n_found: u64,
    first_found: Option<u64>,
}

impl RepeatedRecords {
    /// Adds the digests of all signals that feed the montage in a run.
    pub(super) fn add_run(&mut self, first_record: u64, signals: &[RecordDigester]) {
        let n = signals.iter().map(|signal| signal.digests.len()).min().unwrap_or(0);
        self.n_records += n as u64;
        for i in 0..n {
            let digests = signals.iter().map(|signal| signal.digests[i]);
            let (hash, n_changes) = digests.fold((0, 0), |(hash, n_changes), digest| {
                (join(hash, digest.hash), n_changes + digest.n_changes)
            });
            let is_repeat = n_changes >= MIN_CHANGES && !self.seen.insert(hash);
            if is_repeat {
                self.n_found += 1;
                self.first_found.get_or_insert(first_record + i as u64);
            }
        }
    }

    /// Returns a warning if there are repeated records.
    pub(super) fn warning(&self) -> Option<Warning> {
        let record = self.first_found?;
        if self.n_found as f64 > MAX_SHARE * self.n_records as f64 {
            return None;
        }
        let message = format!(
            "{} of {} data records repeat an earlier one exactly, first data record {record}; the recording may be \
             longer than the night, with wrong times from there on",
            self.n_found, self.n_records
        );
        Some(Warning::new(WarningCode::RepeatedRecords, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the warning for records of 300 samples with the given contents.
    fn check(contents: &[i32], expected: Option<&str>) {
        let sample = |content: i32, i: i32| content * 1000 + i * i % 301;
        let samples: Vec<i32> =
            contents.iter().flat_map(|content| (0..300).map(|i| sample(*content, i))).collect();
        let mut signals = [RecordDigester::new(300), RecordDigester::new(2)];
        samples.chunks(250).for_each(|piece| signals[0].push(piece));
        signals[1].push(&vec![7; 2 * contents.len()]);
        let mut repeats = RepeatedRecords::default();
        repeats.add_run(10, &signals);
        let found = repeats.warning().map(|warning| warning.message);
        assert_eq!(found.as_deref(), expected, "{contents:?}");
    }

    #[test]
    fn repeated_records_give_a_warning() {
        check(&[1, 2, 3, 4, 5], None);
        check(
            &[1, 2, 3, 3, 4],
            Some(
                "1 of 5 data records repeat an earlier one exactly, first data record 13; the recording may be longer than the night, with wrong times from there on",
            ),
        );
        check(
            &[1, 2, 3, 1, 2],
            Some(
                "2 of 5 data records repeat an earlier one exactly, first data record 13; the recording may be longer than the night, with wrong times from there on",
            ),
        );
    }

    #[test]
    fn periodic_and_constant_signals_give_no_warning() {
        check(&[1, 1, 1, 1, 1], None);
        let mut signal = RecordDigester::new(300);
        signal.push(&[5; 900]);
        let mut repeats = RepeatedRecords::default();
        repeats.add_run(0, &[signal]);
        assert_eq!(repeats.warning(), None);
    }
}
