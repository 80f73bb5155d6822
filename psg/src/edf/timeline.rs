//! Where the data records of a file lie in time.

use crate::{Warning, WarningCode};

/// Records apart by less than this are taken as touching: half a sample of the encoder's input.
const TOLERANCE_S: f64 = 0.5 / crate::RATE_HZ;

/// Stretches between gaps that a file may have; each costs memory.
const MOST_SEGMENTS: usize = 100_000;

/// Seconds by which a recorder's clock may leave its samples before it is told.
const MOST_DRIFT_S: f64 = 1.0;

/// A run of records without a gap between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// The first record of the run.
    pub first_record: u64,
    /// Records in the run.
    pub n_records: u64,
    /// Begin of the run in seconds from the start of the recording.
    pub start_s: f64,
    /// Length of the run in seconds.
    pub duration_s: f64,
}

impl Segment {
    /// Returns the end in seconds from the start of the recording, excluded.
    pub fn end_s(&self) -> f64 {
        self.start_s + self.duration_s
    }
}

/// Returns one segment that holds every record, or none where there are no records.
pub(super) fn continuous(n_records: u64, record_duration_s: f64) -> Vec<Segment> {
    let duration_s = n_records as f64 * record_duration_s;
    if n_records == 0 {
        Vec::new()
    } else {
        vec![Segment { first_record: 0, n_records, start_s: 0.0, duration_s }]
    }
}

/// Cuts the records at their gaps, one after the other: memory follows the gaps, not the records.
#[derive(Debug)]
pub(super) struct TimeLine {
    record_duration_s: f64,
    segments: Vec<Segment>,
    next_record: u64,
    /// End of the last record, as seconds from the start of the recording.
    last_end_s: f64,
    /// Seconds that touching records lie apart, in all.
    drift_s: f64,
    missing: Option<Missing>,
    /// Seconds from the header's start time to the start of the recording.
    origin_s: f64,
    problem: Option<(u64, String)>,
}

/// The records whose place in time is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Missing {
    pub(super) first_record: u64,
    pub(super) n_records: u64,
}

/// The time line of all records.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Every record has its place.
    Known(Vec<Segment>),
    /// Some records have no time-keeping annotation.
    Missing(Missing),
    /// A record contradicts what is before it.
    Contradiction { record: u64, problem: String },
}

impl TimeLine {
    pub(super) fn new(record_duration_s: f64) -> Self {
        Self {
            record_duration_s,
            segments: Vec::new(),
            next_record: 0,
            last_end_s: f64::NEG_INFINITY,
            drift_s: 0.0,
            missing: None,
            origin_s: 0.0,
            problem: None,
        }
    }

    /// Takes the onset of the next record in seconds from the header's start time.
    ///
    /// A first record that begins within the first second tells the fraction of the start time.
    pub(super) fn push(&mut self, onset_s: Option<f64>) {
        let record = self.next_record;
        self.next_record += 1;
        let Some(onset_s) = onset_s else {
            let missing =
                self.missing.get_or_insert(Missing { first_record: record, n_records: 0 });
            missing.n_records += 1;
            return;
        };
        if record == 0 && (0.0..1.0).contains(&onset_s) {
            self.origin_s = onset_s;
        }
        // Records without a duration hold annotations alone and take no time.
        if self.record_duration_s > 0.0 && self.problem.is_none() {
            self.place(record, onset_s - self.origin_s);
        }
    }

    /// Returns the seconds by which the first sample lies after the header's start time, below 1.
    pub(super) fn origin_s(&self) -> f64 {
        self.origin_s
    }

    /// Returns a warning where the times of the records leave what their samples last, little by little.
    pub(super) fn drift_warning(&self) -> Option<Warning> {
        (self.drift_s.abs() > MOST_DRIFT_S).then(|| {
            let way = if self.drift_s > 0.0 { "more" } else { "less" };
            let message = format!(
                "by the times of its data records the recording lasts {:.1} s {way} than by its samples; epochs \
                 follow the samples, so annotations lie beside them by up to as much",
                self.drift_s.abs()
            );
            Warning::new(WarningCode::ClockDrift, message)
        })
    }

    pub(super) fn finish(self) -> Outcome {
        match (self.missing, self.problem) {
            (Some(missing), _) => Outcome::Missing(missing),
            (None, Some((record, problem))) => Outcome::Contradiction { record, problem },
            (None, None) => Outcome::Known(self.segments),
        }
    }

    fn place(&mut self, record: u64, onset_s: f64) {
        let problem = if onset_s < self.last_end_s - TOLERANCE_S {
            Some(format!(
                "begins at {onset_s} s, before the end of the record before it at {} s",
                self.last_end_s
            ))
        } else if onset_s < -TOLERANCE_S {
            Some(format!("begins at {onset_s} s, before the start of the recording"))
        } else {
            None
        };
        if let Some(problem) = problem {
            self.problem = Some((record, problem));
            return;
        }
        // Each record is compared with the one before it, not with the begin of its run:
        // a recorder's slow drift against its own clock is no gap.
        let is_full = self.segments.len() == MOST_SEGMENTS;
        match self.segments.last_mut() {
            Some(segment) if onset_s <= self.last_end_s + TOLERANCE_S => {
                self.drift_s += onset_s - self.last_end_s;
                segment.n_records += 1;
                segment.duration_s = segment.n_records as f64 * self.record_duration_s;
            }
            Some(_) if is_full => {
                let problem = format!("follows on gap {MOST_SEGMENTS}; expected fewer gaps");
                self.problem = Some((record, problem));
            }
            Some(_) | None => self.segments.push(Segment {
                first_record: record,
                n_records: 1,
                start_s: onset_s,
                duration_s: self.record_duration_s,
            }),
        }
        self.last_end_s = onset_s + self.record_duration_s;
    }
}

/// Returns a warning that says how many gaps there are and how long they last, if there are any.
pub(super) fn gap_warning(segments: &[Segment]) -> Option<Warning> {
    let gaps_s = segments.windows(2).map(|pair| pair[1].start_s - pair[0].end_s());
    let n = segments.len().saturating_sub(1);
    (n > 0).then(|| {
        let gaps = if n == 1 { "1 gap".to_owned() } else { format!("{n} gaps") };
        let message = format!(
            "{gaps} on the time line, {:.1} s in all; no epoch crosses one",
            gaps_s.sum::<f64>()
        );
        Warning::new(WarningCode::Gap, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(onsets_s: impl IntoIterator<Item = Option<f64>>) -> Outcome {
        let mut line = TimeLine::new(30.0);
        onsets_s.into_iter().for_each(|onset_s| line.push(onset_s));
        line.finish()
    }

    fn contradiction(onsets_s: impl IntoIterator<Item = f64>) -> (u64, String) {
        match placed(onsets_s.into_iter().map(Some)) {
            Outcome::Contradiction { record, problem } => (record, problem),
            other @ (Outcome::Known(_) | Outcome::Missing(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_are_cut_at_gaps_only() {
        let segments = vec![
            Segment { first_record: 0, n_records: 3, start_s: 0.0, duration_s: 90.0 },
            Segment { first_record: 3, n_records: 2, start_s: 120.0, duration_s: 60.0 },
        ];
        assert_eq!(
            gap_warning(&segments).unwrap().message,
            "1 gap on the time line, 30.0 s in all; no epoch crosses one"
        );
        let onsets_s = [0.0, 30.0, 60.001, 120.0, 150.0].map(Some);
        assert_eq!(placed(onsets_s), Outcome::Known(segments));
    }

    #[test]
    fn a_clock_that_leaves_the_samples_is_told() {
        let warning = |apart_s: f64| {
            let mut line = TimeLine::new(30.0);
            (0..1000).for_each(|record| line.push(Some(f64::from(record) * (30.0 + apart_s))));
            line.drift_warning().map(|warning| warning.message)
        };
        assert_eq!(warning(0.0005), None);
        assert!(warning(0.005).unwrap().contains("lasts 5.0 s more than by its samples"));
        assert!(warning(-0.005).unwrap().contains("lasts 5.0 s less than by its samples"));
    }

    #[test]
    fn overlapping_records_contradict_each_other() {
        let problem = "begins at 29 s, before the end of the record before it at 30 s".to_owned();
        assert_eq!(contradiction([0.0, 29.0]), (1, problem));
    }

    #[test]
    fn no_record_begins_before_the_recording() {
        let problem = "begins at -60 s, before the start of the recording".to_owned();
        assert_eq!(contradiction([-60.0, -30.0]), (0, problem));
    }

    #[test]
    fn gaps_after_every_record_are_not_kept_without_end() {
        let onsets_s = (0..=MOST_SEGMENTS).map(|record| 60.0 * record as f64);
        let problem = "follows on gap 100000; expected fewer gaps".to_owned();
        assert_eq!(contradiction(onsets_s), (100_000, problem));
    }

    #[test]
    fn records_without_a_time_are_counted() {
        let missing = Missing { first_record: 1, n_records: 2 };
        assert_eq!(placed([Some(0.0), None, None]), Outcome::Missing(missing));
    }

    #[test]
    fn first_onset_within_a_second_is_the_fraction_of_the_start() {
        let mut line = TimeLine::new(30.0);
        line.push(Some(0.25));
        assert_eq!(line.origin_s(), 0.25);
    }
}
