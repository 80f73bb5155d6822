//! Notices data records that repeat an earlier one to the bit, as a recorder or a converter that stumbled leaves them.

use std::collections::HashSet;

use crate::dsp::with_vectors;
use crate::{Warning, WarningCode};

/// Samples of a record, over all signals, that must differ from the sample before them: a record that hardly moves may
/// well be like another. Two records of a living signal with so many steps are never the same.
const FEWEST_STEPS: usize = 256;
/// Where more records than this share are repeats the signals are periodic, and made by a machine on purpose.
const MOST_SHARE: f64 = 0.5;

/// Lanes of a digest, which the compiler keeps in vector registers.
const LANES: usize = 16;

/// What a signal holds in one data record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Digest {
    hash: u64,
    n_steps: usize,
}

/// Digests a signal record by record as its digital samples come.
#[derive(Debug)]
pub(super) struct RecordWatch {
    samples_per_record: usize,
    /// The samples of the record that has begun.
    record: Vec<i32>,
    digests: Vec<Digest>,
}

impl RecordWatch {
    /// Watches a signal with so many samples in each record.
    pub(super) fn new(samples_per_record: usize) -> Self {
        Self { samples_per_record, record: Vec::new(), digests: Vec::new() }
    }

    /// Takes the next samples.
    pub(super) fn push(&mut self, mut samples: &[i32]) {
        if !self.record.is_empty() {
            let n = samples.len().min(self.samples_per_record - self.record.len());
            let (now, later) = samples.split_at(n);
            self.record.extend_from_slice(now);
            samples = later;
            if self.record.len() == self.samples_per_record {
                self.digests.push(Digest::of(&self.record));
                self.record.clear();
            }
        }
        let records = samples.chunks_exact(self.samples_per_record.max(1));
        self.record.extend_from_slice(records.remainder());
        self.digests.extend(records.map(Digest::of));
    }
}

impl Digest {
    fn of(samples: &[i32]) -> Self {
        let (rows, rest) = samples.as_chunks::<LANES>();
        let (lanes, n_steps) = with_vectors(|| {
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
        Self { hash, n_steps }
    }
}

const fn mixed(lane: u32, sample: i32) -> u32 {
    // The rotation brings what the product has spread to the upper bits down again.
    (lane ^ sample as u32).wrapping_mul(0x0100_0193).rotate_left(13)
}

const fn join(hash: u64, other: u64) -> u64 {
    ((hash ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(29)
}

/// Gathers the digests of all signals of a recording, run after run.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    n_records: u64,
    seen: HashSet<u64>,
    n_found: u64,
    first_found: Option<u64>,
}

impl Repeats {
    /// Takes the signals of a run, all that feed the montage.
    pub(super) fn add_run(&mut self, first_record: u64, watches: &[RecordWatch]) {
        let n = watches.iter().map(|watch| watch.digests.len()).min().unwrap_or(0);
        self.n_records += n as u64;
        for i in 0..n {
            let digests = watches.iter().map(|watch| watch.digests[i]);
            let (hash, n_steps) = digests.fold((0, 0), |(hash, n_steps), digest| {
                (join(hash, digest.hash), n_steps + digest.n_steps)
            });
            let is_repeat = n_steps >= FEWEST_STEPS && !self.seen.insert(hash);
            if is_repeat {
                self.n_found += 1;
                self.first_found.get_or_insert(first_record + i as u64);
            }
        }
    }

    /// Returns a warning where there were repeats.
    pub(super) fn warning(&self) -> Option<Warning> {
        let record = self.first_found?;
        if self.n_found as f64 > MOST_SHARE * self.n_records as f64 {
            return None;
        }
        let message = format!(
            "{} of {} data records repeat an earlier one to the bit, the first of them data record {record}; the \
             recording may be longer than the night was, and its times wrong from there on",
            self.n_found, self.n_records
        );
        Some(Warning::new(WarningCode::RepeatedRecords, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of 300 samples, numbered by what they hold.
    fn check(contents: &[i32], expected: Option<&str>) {
        let sample = |content: i32, i: i32| content * 1000 + i * i % 301;
        let samples: Vec<i32> =
            contents.iter().flat_map(|content| (0..300).map(|i| sample(*content, i))).collect();
        let mut watches = [RecordWatch::new(300), RecordWatch::new(2)];
        samples.chunks(250).for_each(|piece| watches[0].push(piece));
        watches[1].push(&vec![7; 2 * contents.len()]);
        let mut repeats = Repeats::default();
        repeats.add_run(10, &watches);
        let found = repeats.warning().map(|warning| warning.message);
        assert_eq!(found.as_deref(), expected, "{contents:?}");
    }

    #[test]
    fn repeated_records_are_told() {
        check(&[1, 2, 3, 4, 5], None);
        check(
            &[1, 2, 3, 3, 4],
            Some(
                "1 of 5 data records repeat an earlier one to the bit, the first of them data record 13; the recording may be longer than the night was, and its times wrong from there on",
            ),
        );
        check(
            &[1, 2, 3, 1, 2],
            Some(
                "2 of 5 data records repeat an earlier one to the bit, the first of them data record 13; the recording may be longer than the night was, and its times wrong from there on",
            ),
        );
    }

    #[test]
    fn periodic_and_still_signals_are_no_repeats() {
        check(&[1, 1, 1, 1, 1], None);
        let mut watch = RecordWatch::new(300);
        watch.push(&[5; 900]);
        let mut repeats = Repeats::default();
        repeats.add_run(0, &[watch]);
        assert_eq!(repeats.warning(), None);
    }
}
