//! Converts clock times to seconds from the start of a recording.

use jiff::civil::{Date, DateTime, Time};

use super::timestamp::{ClockTime, DAY_S, MAX_SECONDS, Timestamp};
use crate::warning::{Warning, WarningCode};

/// Converts timestamps to seconds from the start of a recording.
#[derive(Debug, Default)]
pub(in crate::annotation) struct RecordingClock {
    start: Option<DateTime>,
    /// Whether the start is unknown and the first clock time of the file is used instead.
    is_start_assumed: bool,
    /// Whether a date was ignored because it is days away from the start.
    has_other_dates: bool,
    /// The previous time of an ordered list, in seconds from the start.
    previous_s: f64,
    /// Length of the recording in seconds, if known.
    length_s: Option<f64>,
}

impl RecordingClock {
    /// Creates a clock from the time of the recording's first sample, if it is known.
    pub(in crate::annotation) fn new(start: Option<DateTime>) -> Self {
        Self { start, ..Self::default() }
    }

    /// Sets the length of the recording in seconds.
    pub(in crate::annotation) fn of_length(self, length_s: Option<f64>) -> Self {
        Self { length_s, ..self }
    }

    /// Returns the length of the recording in seconds, if it is known.
    pub(in crate::annotation) fn length_s(&self) -> Option<f64> {
        self.length_s
    }

    /// Returns a time in seconds from the start of the recording.
    ///
    /// A clock time without a date is the first one after the start. A date that puts the time more than one day before
    /// the start, or two days or more after it, is ignored: archives replace the dates of recordings.
    pub(in crate::annotation) fn elapsed_s(&mut self, timestamp: &Timestamp) -> f64 {
        match timestamp {
            Timestamp::Elapsed(elapsed_s) => *elapsed_s,
            Timestamp::Clock(time) if self.counts_from_epoch(time) => time.since_midnight_s,
            Timestamp::Clock(time) => round_seconds(self.since_start(time)),
        }
    }

    /// Returns the next time of an ordered list in seconds from the start of the recording.
    ///
    /// A clock time without a date is the one nearest to the previous time, or to the start if it is the first. So a
    /// list may start before its recording, and last longer than a day.
    pub(in crate::annotation) fn next_s(&mut self, timestamp: &Timestamp) -> f64 {
        let elapsed_s = self.elapsed_s(timestamp);
        let has_day = match timestamp {
            Timestamp::Elapsed(_) => true,
            Timestamp::Clock(time) => !time.dates.is_empty(),
        };
        let days = if has_day { 0.0 } else { ((self.previous_s - elapsed_s) / DAY_S).round() };
        let nearest_s = round_seconds(elapsed_s + days * DAY_S);
        self.previous_s = if nearest_s.abs() <= MAX_SECONDS { nearest_s } else { elapsed_s };
        self.previous_s
    }

    /// Returns whether a time counts from 1970-01-01 00:00, the zero of programs that do not know when a recording started.
    fn counts_from_epoch(&self, time: &ClockTime) -> bool {
        let zero = Date::constant(1970, 1, 1);
        let starts_then =
            self.start.is_some_and(|start| !self.is_start_assumed && start.date() == zero);
        time.dates.contains(&zero) && !starts_then
    }

    /// Returns the seconds from the start to a clock time; takes the first one as the start if that is unknown.
    fn since_start(&mut self, time: &ClockTime) -> f64 {
        let Some(start) = self.start else {
            let date = time.dates.first().copied().unwrap_or_else(|| Date::constant(2000, 1, 1));
            self.start = Some(date_time(date, time.since_midnight_s));
            self.is_start_assumed = true;
            return 0.0;
        };
        let midnight = start.date().to_datetime(Time::midnight());
        let start_since_midnight_s = midnight.duration_until(start).as_secs_f64();
        let same_day_s = time.since_midnight_s - start_since_midnight_s;
        let by_date = time.dates.iter().map(|date| {
            let days =
                start.date().until(*date).map_or(f64::INFINITY, |span| f64::from(span.get_days()));
            same_day_s + days * DAY_S
        });
        let mut plausible = by_date.filter(|elapsed_s| (-DAY_S..2.0 * DAY_S).contains(elapsed_s));
        if let Some(elapsed_s) = plausible.next() {
            return elapsed_s;
        }
        self.has_other_dates |= !time.dates.is_empty();
        // Clock times have whole seconds: a start between two seconds may be up to a second after its own event.
        if same_day_s > -1.0 { same_day_s } else { same_day_s + DAY_S }
    }

    /// Returns warnings about the assumptions that were made.
    pub(in crate::annotation) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(start) = self.start.filter(|_| self.is_start_assumed) {
            let message = format!(
                "the file has clock times, but the start of the recording is unknown; onsets count from the first, {}",
                start.time().strftime("%H:%M:%S")
            );
            warnings.push(Warning::new(WarningCode::StartTime, message));
        }
        if self.has_other_dates {
            let message = "the dates of the annotations are days off the start of the recording; only their times of \
                           day were used";
            warnings.push(Warning::new(WarningCode::StartTime, message));
        }
        warnings
    }
}

/// Returns the time that is some seconds after the midnight at the start of a date.
fn date_time(date: Date, since_midnight_s: f64) -> DateTime {
    let since_midnight = jiff::SignedDuration::from_nanos((since_midnight_s * 1e9).round() as i64);
    let midnight = date.to_datetime(Time::midnight());
    midnight.checked_add(since_midnight).unwrap_or(midnight)
}

/// Rounds to 100 ns, the finest resolution in files, to remove the error of floating-point arithmetic.
pub(in crate::annotation) fn round_seconds(seconds: f64) -> f64 {
    (seconds * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use super::super::timestamp::parse_timestamp;
    use super::*;
    use jiff::civil::datetime;

    fn elapsed_s(text: &str) -> f64 {
        let start = datetime(2016, 1, 15, 22, 28, 15, 500_000_000);
        RecordingClock::new(Some(start)).elapsed_s(&parse_timestamp(text).unwrap())
    }

    #[test]
    fn two_minutes_are_read_in_every_notation() {
        for text in [
            "120",
            "+120.0",
            "0+00:02:00",
            "22:30:15.5",
            "22.30.15.5",
            "10:30:15.5pm",
            "10:30:15.5 PM",
            "15/01/2016 22:30:15.5",
            "01/15/2016 10:30:15.5 PM",
            "15-01-16-22:30:15.5",
            "2016-01-15T22:30:15.5",
            "15.01.2016 22:30:15,5",
        ] {
            assert_eq!(elapsed_s(text), 120.0, "{text}");
        }
    }

    #[test]
    fn clock_times_after_midnight_are_on_the_next_day() {
        assert_eq!(elapsed_s("00:28:15.5"), 7200.0);
        assert_eq!(elapsed_s("16/01/2016 00:28:15.5"), 7200.0);
        assert_eq!(elapsed_s("22:28:15"), -0.5);
    }

    #[test]
    fn dates_that_are_days_off_are_ignored() {
        let mut clock = RecordingClock::new(Some(datetime(1985, 1, 1, 22, 0, 0, 0)));
        assert_eq!(clock.elapsed_s(&parse_timestamp("25/07/2018 23:00:00").unwrap()), 3600.0);
        let expected = "the dates of the annotations are days off the start of the recording; only their times of day \
                        were used";
        assert_eq!(clock.warnings()[0].message, expected);
    }

    #[test]
    fn ordered_lists_may_start_early_and_last_for_days() {
        let mut clock = RecordingClock::new(Some(datetime(2016, 1, 15, 22, 0, 0, 0)));
        let mut next = |text| clock.next_s(&parse_timestamp(text).unwrap());
        let texts = ["21:00:00", "22:00:00", "09:00:00", "20:00:00", "07:00:00"];
        assert_eq!(texts.map(&mut next), [-3600.0, 0.0, 39_600.0, 79_200.0, 118_800.0]);
        assert_eq!(next("16/01/2016 22:00:00"), 86_400.0);
    }

    #[test]
    fn ordered_lists_stay_within_the_limit() {
        let mut clock = RecordingClock::new(Some(datetime(2016, 1, 15, 0, 0, 0, 0)));
        for hour in (0..2000).map(|i| i * 11 % 24) {
            let elapsed_s = clock.next_s(&parse_timestamp(&format!("{hour:02}:00:00")).unwrap());
            assert!(elapsed_s.abs() <= MAX_SECONDS, "{elapsed_s}");
        }
    }

    #[test]
    fn times_count_from_the_first_if_the_start_is_unknown() {
        let mut clock = RecordingClock::new(None);
        assert_eq!(clock.elapsed_s(&parse_timestamp("23:59:30").unwrap()), 0.0);
        assert_eq!(clock.elapsed_s(&parse_timestamp("00:00:30").unwrap()), 60.0);
        let expected = "the file has clock times, but the start of the recording is unknown; onsets count from the \
                        first, 23:59:30";
        assert_eq!(clock.warnings()[0].message, expected);
    }
}
