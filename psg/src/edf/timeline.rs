//! Where the data records of a file lie in time.

use std::path::Path;

use crate::{Error, Result, Warning, WarningCode};

/// Records apart by less than this are taken as touching: half a sample of the encoder's input.
const TOLERANCE_S: f64 = 0.5 / crate::RATE_HZ;

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

/// Cuts the records at their gaps. `onsets_s` holds the onset of each record from the start of the recording.
///
/// # Errors
///
/// [`Error::Timeline`] where a record begins before the one before it ends.
pub(super) fn from_onsets(
    path: &Path,
    onsets_s: &[f64],
    record_duration_s: f64,
) -> Result<Vec<Segment>> {
    let mut segments: Vec<Segment> = Vec::new();
    // Each record is compared with the one before it, not with the begin of its run:
    // a recorder's slow drift against its own clock is no gap.
    let mut last_end_s = f64::NEG_INFINITY;
    for (record, onset_s) in onsets_s.iter().copied().enumerate() {
        let record = record as u64;
        if onset_s < last_end_s - TOLERANCE_S {
            let problem = format!(
                "begins at {onset_s} s, before the end of the record before it at {last_end_s} s"
            );
            return Err(Error::Timeline { path: path.to_owned(), record, problem });
        }
        match segments.last_mut() {
            Some(segment) if onset_s <= last_end_s + TOLERANCE_S => {
                segment.n_records += 1;
                segment.duration_s = segment.n_records as f64 * record_duration_s;
            }
            Some(_) | None => segments.push(Segment {
                first_record: record,
                n_records: 1,
                start_s: onset_s,
                duration_s: record_duration_s,
            }),
        }
        last_end_s = onset_s + record_duration_s;
    }
    Ok(segments)
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

    #[test]
    fn records_are_cut_at_gaps_only() {
        let segments =
            from_onsets(Path::new("a.edf"), &[0.0, 30.0, 60.001, 120.0, 150.0], 30.0).unwrap();
        let expected = [
            Segment { first_record: 0, n_records: 3, start_s: 0.0, duration_s: 90.0 },
            Segment { first_record: 3, n_records: 2, start_s: 120.0, duration_s: 60.0 },
        ];
        assert_eq!(segments, expected);
        assert_eq!(
            gap_warning(&segments).unwrap().message,
            "1 gap on the time line, 30.0 s in all; no epoch crosses one"
        );
    }

    #[test]
    fn overlapping_records_are_refused() {
        let error = from_onsets(Path::new("a.edf"), &[0.0, 29.0], 30.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a.edf`: data record 1 begins at 29 s, before the end of the record before it at 30 s"
        );
    }
}
