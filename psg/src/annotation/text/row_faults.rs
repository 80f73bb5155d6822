//! Counts faults in the rows of a table, to report each kind once.

use super::timestamp::parse_duration;
use crate::error::counted;
use crate::warning::{Warning, WarningCode};

/// Faults of a table that is read nevertheless.
#[derive(Debug, Default)]
pub(in crate::annotation) struct RowFaults {
    negative_durations: usize,
    repeated_headers: usize,
}

impl RowFaults {
    /// Parses a duration in seconds; a negative one is counted and unknown.
    ///
    /// # Errors
    ///
    /// A sentence if it is not a number of seconds.
    pub(in crate::annotation) fn duration(&mut self, text: &str) -> Result<Option<f64>, String> {
        let magnitude = text.strip_prefix('-').unwrap_or(text);
        let duration_s = parse_duration(magnitude)?;
        if magnitude == text || duration_s == 0.0 {
            return Ok(Some(duration_s));
        }
        self.negative_durations += 1;
        Ok(None)
    }

    /// Parses a duration if there is one, see [`duration`](Self::duration).
    pub(in crate::annotation) fn optional_duration(
        &mut self,
        text: Option<&str>,
    ) -> Result<Option<f64>, String> {
        text.map_or(Ok(None), |text| self.duration(text))
    }

    /// Counts a header among the rows.
    pub(in crate::annotation) fn count_repeated_header(&mut self) {
        self.repeated_headers += 1;
    }

    /// Returns a warning for each kind of fault.
    pub(in crate::annotation) fn warnings(&self) -> Vec<Warning> {
        let negative = (self.negative_durations > 0).then(|| {
            format!("{}; read as unknown", counted(self.negative_durations, "negative duration"))
        });
        let repeated = (self.repeated_headers > 0)
            .then(|| format!("{}; ignored", counted(self.repeated_headers, "repeated header")));
        let messages = negative.into_iter().chain(repeated);
        messages.map(|text| Warning::new(WarningCode::Annotation, text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_durations_are_counted_and_unknown() {
        let mut faults = RowFaults::default();
        assert_eq!(faults.duration("2.5"), Ok(Some(2.5)));
        assert_eq!(faults.duration("-0"), Ok(Some(0.0)));
        assert!(faults.warnings().is_empty());
        assert_eq!(faults.duration("-2.5"), Ok(None));
        let refused = "`x` is not a number of seconds up to 10000000";
        assert_eq!(faults.duration("x"), Err(refused.to_owned()));
        assert!(faults.duration("--2").is_err());
        let messages: Vec<String> = faults.warnings().into_iter().map(|w| w.message).collect();
        assert_eq!(messages, ["1 negative duration; read as unknown"]);
    }
}
