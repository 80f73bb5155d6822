//! The name of a column: what it is called, and the unit that it states.

use super::timestamp::{Timestamp, parse_timestamp};
use crate::error::quoted;

/// Seconds in each unit of time that a header may state.
const UNITS: [(&str, f64); 14] = [
    ("s", 1.0),
    ("sec", 1.0),
    ("secs", 1.0),
    ("second", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("msec", 1e-3),
    ("millisecond", 1e-3),
    ("milliseconds", 1e-3),
    ("min", 60.0),
    ("mins", 60.0),
    ("minute", 60.0),
    ("minutes", 60.0),
    ("hh:mm:ss", 1.0),
];

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::annotation) struct ColumnName {
    /// The name in lower case, with single blanks, without the unit.
    pub(in crate::annotation) base: String,
    /// The unit.
    pub(in crate::annotation) unit: TimeUnit,
}

/// The unit of the times in a column; seconds if the header states none.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::annotation) struct TimeUnit {
    /// Seconds in the unit.
    pub(in crate::annotation) seconds: f64,
    /// The unit as written, if it is not one of time.
    pub(in crate::annotation) unknown: Option<String>,
}

impl Default for TimeUnit {
    fn default() -> Self {
        Self { seconds: 1.0, unknown: None }
    }
}

impl TimeUnit {
    /// Converts a number to seconds.
    ///
    /// # Errors
    ///
    /// A sentence if the unit is not one of time.
    pub(in crate::annotation) fn in_seconds(&self, number: f64) -> Result<f64, String> {
        match &self.unknown {
            Some(unit) => Err(format!(
                "a time is in {}; expected seconds, milliseconds or minutes",
                quoted(unit)
            )),
            None => Ok(number * self.seconds),
        }
    }

    /// Parses a time; clock times have no unit.
    ///
    /// # Errors
    ///
    /// Those of [`parse_timestamp`] and [`in_seconds`](Self::in_seconds).
    pub(in crate::annotation) fn timestamp(&self, text: &str) -> Result<Timestamp, String> {
        match parse_timestamp(text)? {
            Timestamp::Elapsed(number) => self.in_seconds(number).map(Timestamp::Elapsed),
            clock @ Timestamp::Clock(_) => Ok(clock),
        }
    }
}

impl ColumnName {
    /// Reads `Duration (seconds)`, `duration[ms]`, `duration_s` and `Duration` alike.
    pub(in crate::annotation) fn of(written: &str) -> Self {
        let lower = written.trim_start_matches('\u{feff}').trim().to_lowercase();
        let lower = lower.replace('_', " ");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let seconds = |unit: &str| UNITS.iter().find(|(name, _)| *name == unit).map(|(_, s)| *s);
        if let Some((base, unit)) = lower
            .strip_suffix([')', ']'])
            .and_then(|inner| inner.rsplit_once(['(', '[']))
            .map(|(base, unit)| (base.trim(), unit.trim()))
        {
            let unit_s = seconds(unit);
            let unknown = unit_s.is_none().then(|| unit.to_owned());
            let unit = TimeUnit { seconds: unit_s.unwrap_or(1.0), unknown };
            return Self { base: words(base), unit };
        }
        let (base, unit_s) = match lower.rsplit_once(' ') {
            Some((base, unit)) => match seconds(unit) {
                Some(unit_s) => (base, unit_s),
                None => (lower.as_str(), 1.0),
            },
            None => (lower.as_str(), 1.0),
        };
        Self { base: words(base), unit: TimeUnit { seconds: unit_s, unknown: None } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_is_apart_from_the_name() {
        for (written, base, unit_s) in [
            ("Duration (seconds)", "duration", 1.0),
            ("duration[ms]", "duration", 1e-3),
            ("duration_s", "duration", 1.0),
            ("Start_Time", "start time", 1.0),
            ("Length (min)", "length", 60.0),
            ("\u{feff}onset", "onset", 1.0),
            ("Time [hh:mm:ss]", "time", 1.0),
        ] {
            let found = ColumnName::of(written);
            assert_eq!((found.base.as_str(), found.unit.seconds), (base, unit_s), "{written}");
            assert_eq!(found.unit.unknown, None, "{written}");
        }
        assert_eq!(ColumnName::of("Duration (epochs)").unit.unknown.as_deref(), Some("epochs"));
    }
}
