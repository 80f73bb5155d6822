//! Counts what is odd in the rows of a list, so that it is told once and not at every row.

use super::time::duration;
use crate::warning::{Warning, WarningCode};

/// What was met in the rows of a list that is read all the same.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    negative_durations: usize,
    repeated_headers: usize,
}

impl Oddities {
    /// Reads a duration in seconds; a negative one is no length, and is counted.
    ///
    /// # Errors
    ///
    /// A sentence where it is no number of seconds.
    pub(super) fn duration(&mut self, text: &str) -> Result<Option<f64>, String> {
        let magnitude = text.strip_prefix('-').unwrap_or(text);
        let length_s = duration(magnitude)?;
        if magnitude == text || length_s == 0.0 {
            return Ok(Some(length_s));
        }
        self.negative_durations += 1;
        Ok(None)
    }

    /// Takes note of a header in the middle of a list.
    pub(super) fn repeated_header(&mut self) {
        self.repeated_headers += 1;
    }

    /// Returns what was met, as warnings.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let negative = (self.negative_durations > 0).then(|| {
            format!(
                "{} durations are negative; their annotations were read without a length",
                self.negative_durations
            )
        });
        let repeated = (self.repeated_headers > 0).then(|| {
            format!(
                "the header is repeated {} times; the repetitions were left out",
                self.repeated_headers
            )
        });
        let messages = negative.into_iter().chain(repeated);
        messages.map(|text| Warning::new(WarningCode::Annotation, text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_durations_are_counted_and_are_no_length() {
        let mut oddities = Oddities::default();
        assert_eq!(oddities.duration("2.5"), Ok(Some(2.5)));
        assert_eq!(oddities.duration("-0"), Ok(Some(0.0)));
        assert!(oddities.warnings().is_empty());
        assert_eq!(oddities.duration("-2.5"), Ok(None));
        let refused = "`x` is no number of seconds below 10000000";
        assert_eq!(oddities.duration("x"), Err(refused.to_owned()));
        assert!(oddities.duration("--2").is_err());
        let messages: Vec<String> = oddities.warnings().into_iter().map(|w| w.message).collect();
        assert_eq!(
            messages,
            ["1 durations are negative; their annotations were read without a length"]
        );
    }
}
