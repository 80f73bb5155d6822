//! The timeline: when each data record starts, and where the gaps are.

use crate::error::TimelineProblem;
use crate::warning::EdfWarning;

/// Data records at most this far apart, in seconds, are contiguous: 1/128 s, half a sample at 64 Hz.
///
/// Recorders round the onsets that they write.
pub const GAP_TOLERANCE_S: f64 = 1.0 / 128.0;

/// Maximum number of runs: each takes memory.
const MAX_RUNS: usize = 100_000;

/// Largest clock drift in seconds that causes no warning.
const MAX_DRIFT_S: f64 = 1.0;

/// A run of contiguous data records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordRun {
    /// The first data record, counted from 0.
    pub first_record: u64,
    /// Number of data records.
    pub n_records: u64,
    /// Start in seconds from the start of the recording.
    pub start_s: f64,
    /// Duration in seconds.
    pub duration_s: f64,
}

impl RecordRun {
    /// Returns the end in seconds from the start of the recording, exclusive.
    pub fn end_s(&self) -> f64 {
        self.start_s + self.duration_s
    }

    /// Returns one run of all data records, or none if there are no data records.
    pub(crate) fn continuous(n_records: u64, record_duration_s: f64) -> Vec<Self> {
        let duration_s = n_records as f64 * record_duration_s;
        let run = Self { first_record: 0, n_records, start_s: 0.0, duration_s };
        if n_records == 0 { Vec::new() } else { vec![run] }
    }
}

/// The result of checking the onsets of all data records.
#[derive(Debug, PartialEq)]
pub(crate) enum Timeline {
    /// Every data record has a consistent onset.
    Consistent(Vec<RecordRun>),
    /// Some data records have no onset.
    Incomplete {
        /// The first data record without an onset.
        first_record: u64,
        /// Number of data records without an onset.
        n_records: u64,
    },
    /// The onset of a data record contradicts those before it.
    Contradictory {
        /// The data record.
        record: u64,
        /// What is wrong with its onset.
        problem: TimelineProblem,
    },
}

/// Joins data records to runs, one after the other; memory is proportional to the number of gaps.
#[derive(Debug)]
pub(crate) struct TimelineBuilder {
    record_duration_s: f64,
    runs: Vec<RecordRun>,
    next_record: u64,
    /// End of the previous data record in seconds from the start of the recording.
    previous_end_s: f64,
    /// Sum of the small distances between contiguous data records, in seconds.
    drift_s: f64,
    /// The first data record without an onset, and how many there are.
    missing: Option<(u64, u64)>,
    /// Seconds from the header's start time to the first sample.
    origin_s: f64,
    /// The first contradiction, with its data record.
    problem: Option<(u64, TimelineProblem)>,
}

impl TimelineBuilder {
    /// Creates a builder for data records of this duration in seconds; 0 if they contain only annotations.
    pub(crate) fn new(record_duration_s: f64) -> Self {
        Self {
            record_duration_s,
            runs: Vec::new(),
            next_record: 0,
            previous_end_s: f64::NEG_INFINITY,
            drift_s: 0.0,
            missing: None,
            origin_s: 0.0,
            problem: None,
        }
    }

    /// Adds the onset of the next data record in seconds from the header's start time, if it has one.
    ///
    /// The header's start time has whole seconds; the onset of the first data record may add a fraction to it.
    pub(crate) fn push(&mut self, onset_s: Option<f64>) {
        let record = self.next_record;
        self.next_record += 1;
        let Some(onset_s) = onset_s else {
            self.missing.get_or_insert((record, 0)).1 += 1;
            return;
        };
        if record == 0 && (0.0..1.0).contains(&onset_s) {
            self.origin_s = onset_s;
        }
        // Data records without a duration take no time and cannot overlap.
        if self.record_duration_s > 0.0 && self.problem.is_none() {
            let result = self.place(record, onset_s - self.origin_s);
            self.problem = result.err().map(|problem| (record, problem));
        }
    }

    /// Adds a data record to the current run, or starts a new run after a gap.
    fn place(&mut self, record: u64, onset_s: f64) -> Result<(), TimelineProblem> {
        let previous_end_s = self.previous_end_s;
        if onset_s < previous_end_s - GAP_TOLERANCE_S {
            return Err(TimelineProblem::Overlap { onset_s, previous_end_s });
        }
        if onset_s < -GAP_TOLERANCE_S {
            return Err(TimelineProblem::BeforeStart { onset_s });
        }
        // Compared with the previous data record, not with the start of the run: slow drift of the recorder's clock
        // is not a gap.
        let is_contiguous = onset_s <= previous_end_s + GAP_TOLERANCE_S;
        match self.runs.last_mut() {
            Some(run) if is_contiguous => {
                self.drift_s += onset_s - previous_end_s;
                run.n_records += 1;
                run.duration_s = run.n_records as f64 * self.record_duration_s;
            }
            Some(_) | None => {
                if self.runs.len() == MAX_RUNS {
                    return Err(TimelineProblem::TooManyGaps { limit: MAX_RUNS });
                }
                self.runs.push(RecordRun {
                    first_record: record,
                    n_records: 1,
                    start_s: onset_s,
                    duration_s: self.record_duration_s,
                });
            }
        }
        self.previous_end_s = onset_s + self.record_duration_s;
        Ok(())
    }

    /// Returns the seconds from the header's start time to the first sample, below 1.
    pub(crate) fn origin_s(&self) -> f64 {
        self.origin_s
    }

    /// Returns a warning if the onsets of contiguous data records drift away from the duration of their samples.
    pub(crate) fn drift_warning(&self) -> Option<EdfWarning> {
        let drift_s = self.drift_s;
        (drift_s.abs() > MAX_DRIFT_S).then_some(EdfWarning::ClockDrift { drift_s })
    }

    /// Returns the timeline. Missing onsets are reported before contradictions.
    pub(crate) fn finish(self) -> Timeline {
        match (self.missing, self.problem) {
            (Some((first_record, n_records)), _) => {
                Timeline::Incomplete { first_record, n_records }
            }
            (None, Some((record, problem))) => Timeline::Contradictory { record, problem },
            (None, None) => Timeline::Consistent(self.runs),
        }
    }
}

/// Returns a warning with the number and the length of the gaps, if there are any.
pub(crate) fn gap_warning(runs: &[RecordRun]) -> Option<EdfWarning> {
    let total_s = runs.windows(2).map(|pair| pair[1].start_s - pair[0].end_s()).sum();
    let n_gaps = runs.len().saturating_sub(1);
    (n_gaps > 0).then_some(EdfWarning::Gaps { n_gaps, total_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(onsets_s: impl IntoIterator<Item = Option<f64>>) -> Timeline {
        let mut builder = TimelineBuilder::new(30.0);
        onsets_s.into_iter().for_each(|onset_s| builder.push(onset_s));
        builder.finish()
    }

    #[test]
    fn runs_end_at_gaps_only() {
        let runs = vec![
            RecordRun { first_record: 0, n_records: 3, start_s: 0.0, duration_s: 90.0 },
            RecordRun { first_record: 3, n_records: 2, start_s: 120.0, duration_s: 60.0 },
        ];
        assert_eq!(gap_warning(&runs), Some(EdfWarning::Gaps { n_gaps: 1, total_s: 30.0 }));
        assert_eq!(gap_warning(&runs[..1]), None);
        let onsets_s = [0.0, 30.0, 60.001, 120.0, 150.0].map(Some);
        assert_eq!(timeline(onsets_s), Timeline::Consistent(runs));
    }

    #[test]
    fn clock_drift_of_more_than_a_second_is_reported() {
        let warning = |drift_s: f64| {
            let mut builder = TimelineBuilder::new(30.0);
            let onset_s = |record| f64::from(record) * (30.0 + drift_s);
            (0..1000).for_each(|record| builder.push(Some(onset_s(record))));
            builder.drift_warning().map(|warning| warning.to_string())
        };
        assert_eq!(warning(0.0005), None);
        let message =
            "the recording is 5.0 s longer by the onsets of its data records than by its samples";
        assert_eq!(warning(0.005).unwrap(), message);
        assert_eq!(warning(-0.005).unwrap(), message.replace("longer", "shorter"));
    }

    #[test]
    fn overlapping_records_are_contradictory() {
        let problem = TimelineProblem::Overlap { onset_s: 29.0, previous_end_s: 30.0 };
        let expected = Timeline::Contradictory { record: 1, problem };
        assert_eq!(timeline([Some(0.0), Some(29.0)]), expected);
    }

    #[test]
    fn record_before_the_start_is_contradictory() {
        let problem = TimelineProblem::BeforeStart { onset_s: -60.0 };
        let expected = Timeline::Contradictory { record: 0, problem };
        assert_eq!(timeline([Some(-60.0), Some(-30.0)]), expected);
    }

    #[test]
    fn number_of_gaps_is_limited() {
        let onsets_s = (0..=MAX_RUNS).map(|record| Some(60.0 * record as f64));
        let problem = TimelineProblem::TooManyGaps { limit: 100_000 };
        let expected = Timeline::Contradictory { record: 100_000, problem };
        assert_eq!(timeline(onsets_s), expected);
    }

    #[test]
    fn records_without_an_onset_are_counted() {
        let expected = Timeline::Incomplete { first_record: 1, n_records: 2 };
        assert_eq!(timeline([Some(0.0), None, None]), expected);
    }

    #[test]
    fn first_onset_below_a_second_is_the_fraction_of_the_start() {
        let mut builder = TimelineBuilder::new(30.0);
        builder.push(Some(0.25));
        assert_eq!(builder.origin_s(), 0.25);
    }
}
