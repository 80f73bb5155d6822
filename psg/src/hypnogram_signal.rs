//! Reads a hypnogram that a recording holds as an ordinary signal (EDF specification, "Hypnogram").

use nocturne_edf::EdfReader;

use crate::annotation::{ScoredAnnotation, StageMap, stage_values};
use crate::error::Result;
use crate::montage::ResolvedMontage;
use crate::warning::{Warning, WarningCode};

/// Highest sampling rate of a hypnogram in hertz; faster signals are not one.
const MAX_RATE_HZ: f64 = 10.0;

/// Stages that a signal holds.
pub(crate) struct HypnogramSignal {
    /// The label of the signal.
    pub(crate) label: String,
    pub(crate) annotations: Vec<ScoredAnnotation>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads the first signal that is a hypnogram by its label and has the values of stages.
pub(crate) fn read(
    file: &EdfReader,
    montage: &ResolvedMontage,
    stage_map: &StageMap,
) -> Result<Option<HypnogramSignal>> {
    let header = file.header();
    let Some(signal_idx) = montage.hypnogram(header) else { return Ok(None) };
    let signal = &header.signals[signal_idx];
    let rate_hz = header.rate_hz(signal);
    let Some((gain, offset)) = signal.scaling().filter(|_| rate_hz > 0.0 && rate_hz <= MAX_RATE_HZ)
    else {
        return Ok(None);
    };
    let mut values: Vec<(f64, f64, f64)> = Vec::new();
    for run in file.runs() {
        let records = run.first_record..run.first_record + run.n_records;
        let mut n_samples = 0_u64;
        let mut is_first = true;
        file.read_digital(&[signal_idx], records, |_, samples| {
            for digital in samples {
                let value = gain * f64::from(*digital) + offset;
                // Scaling leaves a rounding error.
                let value = (value * 1e3).round() / 1e3;
                let onset_s = run.start_s + n_samples as f64 / rate_hz;
                match values.last_mut() {
                    Some((_, length_s, last)) if !is_first && *last == value => {
                        *length_s += 1.0 / rate_hz;
                    }
                    Some(_) | None => values.push((onset_s, 1.0 / rate_hz, value)),
                }
                is_first = false;
                n_samples += 1;
            }
        })?;
    }
    let label = signal.label.clone();
    let unusable = |why: String| {
        let message = format!("the signal `{label}` was not read as a hypnogram: {why}");
        let warnings = vec![Warning::new(WarningCode::Annotation, message)];
        HypnogramSignal { label: label.clone(), annotations: Vec::new(), warnings }
    };
    let is_stage = |value: f64| {
        stage_map.has_number(value) || value.fract() == 0.0 && (-1.0..=10.0).contains(&value)
    };
    if let Some((_, _, value)) = values.iter().find(|(_, _, value)| !is_stage(*value)) {
        return Ok(Some(unusable(format!("it has the value {value}, which is not a stage"))));
    }
    Ok(Some(match stage_values::stages(values, stage_map) {
        Ok((annotations, warnings)) => HypnogramSignal { label, annotations, warnings },
        Err(problem) => unusable(problem),
    }))
}
