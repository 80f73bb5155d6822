//! Encodes the header of a continuous EDF+ file.

use super::NewRecording;
use crate::error::WriteProblem;
use crate::header::layout::{self, BLOCK, Column};
use crate::header::{MONTHS, START_DATE_PREFIX};

/// The text of a signal in one column of the header.
type SignalField = fn(&SignalText) -> &str;

/// A signal as text, field by field.
struct SignalText {
    label: String,
    unit: String,
    physical_min: String,
    physical_max: String,
    samples_per_record: String,
}

/// Returns the bytes of the header.
///
/// # Errors
///
/// [`WriteProblem::HeaderField`] for a text that does not fit its field.
pub(super) fn encode(
    recording: &NewRecording,
    annotation_bytes: usize,
) -> Result<Vec<u8>, WriteProblem> {
    let (date, time) = (recording.start.date(), recording.start.time());
    let (day, month, year) = (date.day(), date.month(), date.year());
    let month_name = MONTHS[month as usize - 1];
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let equipment = recording.equipment.as_deref().unwrap_or("X");
    let identification =
        format!("{START_DATE_PREFIX}{day:02}-{month_name}-{year:04} X X {equipment}");
    let signals = signal_texts(recording, annotation_bytes);
    let n_signals = signals.len();
    let fixed = [
        (layout::VERSION, "0".to_owned()),
        (layout::PATIENT, "X X X X".to_owned()),
        (layout::RECORDING, identification),
        (layout::START_DATE, format!("{day:02}.{month:02}.{:02}", year.rem_euclid(100))),
        (layout::START_TIME, format!("{hour:02}.{minute:02}.{second:02}")),
        (layout::HEADER_BYTES, (BLOCK * (n_signals + 1)).to_string()),
        (layout::RESERVED, "EDF+C".to_owned()),
        (layout::N_RECORDS, recording.n_records.to_string()),
        (layout::RECORD_DURATION, recording.record_duration_s.to_string()),
        (layout::N_SIGNALS, n_signals.to_string()),
    ];
    let columns: [(Column, SignalField); 10] = [
        (layout::LABEL, |signal| &signal.label),
        (layout::TRANSDUCER, |_| ""),
        (layout::UNIT, |signal| &signal.unit),
        (layout::PHYSICAL_MIN, |signal| &signal.physical_min),
        (layout::PHYSICAL_MAX, |signal| &signal.physical_max),
        (layout::DIGITAL_MIN, |_| "-32768"),
        (layout::DIGITAL_MAX, |_| "32767"),
        (layout::PREFILTERING, |_| ""),
        (layout::SAMPLES_PER_RECORD, |signal| &signal.samples_per_record),
        (layout::SIGNAL_RESERVED, |_| ""),
    ];
    let mut bytes = Vec::with_capacity(BLOCK * (n_signals + 1));
    for (field, text) in fixed {
        append(&mut bytes, &text, field.len())?;
    }
    for (column, text) in columns {
        signals.iter().try_for_each(|signal| append(&mut bytes, text(signal), column.width))?;
    }
    Ok(bytes)
}

/// Returns the signals of a recording, and the annotation signal.
fn signal_texts(recording: &NewRecording, annotation_bytes: usize) -> Vec<SignalText> {
    let annotations = SignalText {
        label: "EDF Annotations".to_owned(),
        unit: String::new(),
        physical_min: "-1".to_owned(),
        physical_max: "1".to_owned(),
        // A sample has two bytes.
        samples_per_record: (annotation_bytes / 2).to_string(),
    };
    let signals = recording.signals.iter().map(|signal| SignalText {
        label: signal.label.clone(),
        unit: signal.unit.clone(),
        physical_min: signal.physical_range.0.to_string(),
        physical_max: signal.physical_range.1.to_string(),
        samples_per_record: signal.samples_per_record.to_string(),
    });
    signals.chain([annotations]).collect()
}

/// Appends a text, padded with spaces.
fn append(bytes: &mut Vec<u8>, text: &str, width: usize) -> Result<(), WriteProblem> {
    if !text.is_ascii() || text.len() > width {
        return Err(WriteProblem::HeaderField { text: text.to_owned(), width });
    }
    bytes.extend_from_slice(format!("{text:<width$}").as_bytes());
    Ok(())
}
