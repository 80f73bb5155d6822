//! Reads the times of annotations: elapsed seconds, clock times and dates.

use jiff::civil::{Date, DateTime, Time};

use super::problem::shown;
use crate::warning::{Warning, WarningCode};

/// The latest time, in seconds from the start, that is taken for one: about four months.
const LATEST_S: f64 = 1e7;

/// Seconds in a day.
const DAY_S: f64 = 86_400.0;

/// A point in time as a file writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Moment {
    /// Seconds from the start of the recording.
    Elapsed(f64),
    /// What a clock showed.
    Clock(ClockTime),
}

/// A time of day, with its date where the file gives one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClockTime {
    /// The dates that the text can mean: day first, then month first.
    dates: Vec<Date>,
    /// Seconds since midnight.
    since_midnight_s: f64,
}

/// Reads seconds (`120.5`), elapsed times (`0+00:02:00.5`), clock times (`22:30:15.5`, `10:30:15 PM`) and clock times
/// after a date (`15/01/2016 22:30:00`, `2016-01-15T22:30:00`, and Luna's `15-01-2016-22:30:00`).
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let refused = || format!("{} is no time; expected seconds or hh:mm:ss", shown(text));
    if let Some(elapsed) = text.strip_prefix("0+") {
        return clock_seconds(elapsed).map(Moment::Elapsed).ok_or_else(refused);
    }
    if !text.contains(':') {
        // Luna takes `22.30.15` for a clock time, as EDF headers write it.
        let dotted = text.splitn(3, '.').count() == 3;
        let clock = dotted.then(|| time_of_day(&text.replacen('.', ":", 2))).flatten();
        return match clock {
            Some(since_midnight_s) => {
                Ok(Moment::Clock(ClockTime { dates: Vec::new(), since_midnight_s }))
            }
            None => seconds(text).map(Moment::Elapsed),
        };
    }
    let (date, time) = match text.rfind(['T', ' ', '-']).filter(|at| !is_half_of_day(&text[*at..]))
    {
        Some(at) => (Some(text[..at].trim_end()), &text[at + 1..]),
        None => split_half_of_day(text),
    };
    let dates = match date {
        Some(date) => dates(date).ok_or_else(refused)?,
        None => Vec::new(),
    };
    let since_midnight_s = time_of_day(time).ok_or_else(refused)?;
    Ok(Moment::Clock(ClockTime { dates, since_midnight_s }))
}

/// Reads a number of seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.abs() <= LATEST_S);
    number.ok_or_else(|| format!("{} is no number of seconds below {LATEST_S}", shown(text)))
}

/// Reads a number of seconds that is not negative.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    let duration_s = seconds(text)?;
    if duration_s < 0.0 {
        return Err(format!("the duration {} is negative", shown(text)));
    }
    Ok(duration_s)
}

fn is_half_of_day(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "am" | "pm")
}

/// Splits the date from a time that ends in `AM` or `PM` after a blank.
fn split_half_of_day(text: &str) -> (Option<&str>, &str) {
    let time_end = text.rfind(' ').unwrap_or(0);
    match text[..time_end].rfind(['T', ' ', '-']) {
        Some(at) => (Some(text[..at].trim_end()), &text[at + 1..]),
        None => (None, text),
    }
}

/// Reads `hh:mm[:ss[.fff]]` of any number of hours.
fn clock_seconds(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let mut whole = || parts.next()?.parse::<u32>().ok();
    let (hours, minutes) = (whole()?, whole()?);
    let seconds = match parts.next() {
        Some(text) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            text.replace(',', ".").parse::<f64>().ok()?
        }
        Some(_) => return None,
        None => 0.0,
    };
    let is_time = parts.next().is_none() && minutes < 60 && (0.0..61.0).contains(&seconds);
    let elapsed_s = f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds;
    (is_time && elapsed_s <= LATEST_S).then_some(elapsed_s)
}

fn time_of_day(text: &str) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let half = |suffix| lower.strip_suffix(suffix).map(|time: &str| clock_seconds(time.trim_end()));
    let since_midnight_s = match (half("am"), half("pm")) {
        (Some(time_s), _) => time_s.filter(|s| (3600.0..46_800.0).contains(s))? % 43_200.0,
        (None, Some(time_s)) => {
            time_s.filter(|s| (3600.0..46_800.0).contains(s))? % 43_200.0 + 43_200.0
        }
        (None, None) => clock_seconds(&lower)?,
    };
    (since_midnight_s < DAY_S + 1.0).then_some(since_midnight_s)
}

/// Returns the dates that three numbers can mean.
fn dates(text: &str) -> Option<Vec<Date>> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<i16>().ok().filter(|_| !text.starts_with('+'));
    let (a, b, c) = (number(first)?, number(second)?, number(third)?);
    let date = |year: i16, month: i16, day: i16| {
        // Two digits are of the century that the EDF+ specification gives them.
        let year = match year {
            0..=84 => year + 2000,
            85..=99 => year + 1900,
            _ => year,
        };
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    let possible =
        if first.len() == 4 { vec![date(a, b, c)] } else { vec![date(c, b, a), date(c, a, b)] };
    Some(possible.into_iter().flatten().collect()).filter(|dates: &Vec<Date>| !dates.is_empty())
}

/// Turns clock times into seconds from the start of a recording.
#[derive(Debug, Default)]
pub(super) struct Clock {
    start: Option<DateTime>,
    /// The file's first clock time stands for the start of the recording, which nobody knows.
    assumed: bool,
    dates_disagree: bool,
    /// The time that a list in order gave last, in seconds from the start.
    last_s: f64,
}

impl Clock {
    /// Takes the wall-clock time of the recording's first sample, where it is known.
    pub(super) fn new(start: Option<DateTime>) -> Self {
        Self { start, ..Self::default() }
    }

    /// Returns a time in seconds from the start of the recording.
    ///
    /// A clock time without a date is taken as the first one after the start. A date that puts the time further than
    /// two days off is not believed: archives replace the dates of recordings.
    pub(super) fn elapsed_s(&mut self, moment: &Moment) -> f64 {
        match moment {
            Moment::Elapsed(elapsed_s) => *elapsed_s,
            Moment::Clock(time) => rounded(self.since_start(time)),
        }
    }

    /// Returns the next time of a list that is in order, in seconds from the start of the recording.
    ///
    /// Of a clock time without a date, the one nearest to the last is meant, the first being nearest to the start. So
    /// a list may begin before its recording, and last longer than a day.
    pub(super) fn next_s(&mut self, moment: &Moment) -> f64 {
        let elapsed_s = self.elapsed_s(moment);
        let has_day = match moment {
            Moment::Elapsed(_) => true,
            Moment::Clock(time) => !time.dates.is_empty(),
        };
        let days = if has_day { 0.0 } else { ((self.last_s - elapsed_s) / DAY_S).round() };
        let nearest_s = rounded(elapsed_s + days * DAY_S);
        self.last_s = if nearest_s.abs() <= LATEST_S { nearest_s } else { elapsed_s };
        self.last_s
    }

    fn since_start(&mut self, time: &ClockTime) -> f64 {
        let Some(start) = self.start else {
            let date = time.dates.first().copied().unwrap_or_else(|| Date::constant(2000, 1, 1));
            self.start = Some(after_midnight(date, time.since_midnight_s));
            self.assumed = true;
            return 0.0;
        };
        let from_midnight_s = seconds_between(start.date().to_datetime(Time::midnight()), start);
        let in_day_s = time.since_midnight_s - from_midnight_s;
        let by_date = time.dates.iter().map(|date| {
            let days =
                start.date().until(*date).map_or(f64::INFINITY, |span| f64::from(span.get_days()));
            in_day_s + days * DAY_S
        });
        let mut believed = by_date.filter(|elapsed_s| (-DAY_S..2.0 * DAY_S).contains(elapsed_s));
        if let Some(elapsed_s) = believed.next() {
            return elapsed_s;
        }
        self.dates_disagree |= !time.dates.is_empty();
        // A start between two seconds lies up to one second after the time that its event shows.
        if in_day_s > -1.0 { in_day_s } else { in_day_s + DAY_S }
    }

    /// Returns what had to be assumed.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(start) = self.start.filter(|_| self.assumed) {
            let message = format!(
                "the file gives clock times and no recording says when it starts; they count from the first, {}",
                start.time().strftime("%H:%M:%S")
            );
            warnings.push(Warning::new(WarningCode::StartTime, message));
        }
        if self.dates_disagree {
            let message = "the dates of the annotations are days off the start of the recording; \
                           only their times of day were used";
            warnings.push(Warning::new(WarningCode::StartTime, message));
        }
        warnings
    }
}

fn after_midnight(date: Date, seconds: f64) -> DateTime {
    let nanoseconds = jiff::SignedDuration::from_nanos((seconds * 1e9).round() as i64);
    let midnight = date.to_datetime(Time::midnight());
    midnight.checked_add(nanoseconds).unwrap_or(midnight)
}

fn seconds_between(from: DateTime, to: DateTime) -> f64 {
    from.duration_until(to).as_secs_f64()
}

/// Returns seconds without the noise of their arithmetic: files write at most seven decimals.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn elapsed_s(text: &str) -> f64 {
        let start = datetime(2016, 1, 15, 22, 28, 15, 500_000_000);
        Clock::new(Some(start)).elapsed_s(&moment(text).unwrap())
    }

    #[test]
    fn every_way_to_write_two_minutes_is_read() {
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
    fn clock_times_after_midnight_belong_to_the_next_day() {
        assert_eq!(elapsed_s("00:28:15.5"), 7200.0);
        assert_eq!(elapsed_s("16/01/2016 00:28:15.5"), 7200.0);
        assert_eq!(elapsed_s("22:28:15"), -0.5);
    }

    #[test]
    fn dates_that_are_days_off_are_not_believed() {
        let mut clock = Clock::new(Some(datetime(1985, 1, 1, 22, 0, 0, 0)));
        assert_eq!(clock.elapsed_s(&moment("25/07/2018 23:00:00").unwrap()), 3600.0);
        let expected = "the dates of the annotations are days off the start of the recording; \
                        only their times of day were used";
        assert_eq!(clock.warnings()[0].message, expected);
    }

    #[test]
    fn lists_in_order_begin_early_and_last_for_days() {
        let mut clock = Clock::new(Some(datetime(2016, 1, 15, 22, 0, 0, 0)));
        let mut next = |text| clock.next_s(&moment(text).unwrap());
        let found = [
            next("21:00:00"),
            next("22:00:00"),
            next("09:00:00"),
            next("20:00:00"),
            next("07:00:00"),
        ];
        assert_eq!(found, [-3600.0, 0.0, 39_600.0, 79_200.0, 118_800.0]);
        assert_eq!(next("16/01/2016 22:00:00"), 86_400.0);
    }

    #[test]
    fn lists_of_clock_times_end_before_the_latest_time() {
        let mut clock = Clock::new(Some(datetime(2016, 1, 15, 0, 0, 0, 0)));
        for hour in (0..2000).map(|i| i * 11 % 24) {
            let elapsed_s = clock.next_s(&moment(&format!("{hour:02}:00:00")).unwrap());
            assert!(elapsed_s.abs() <= LATEST_S, "{elapsed_s}");
        }
    }

    #[test]
    fn without_a_recording_times_count_from_the_first() {
        let mut clock = Clock::new(None);
        assert_eq!(clock.elapsed_s(&moment("23:59:30").unwrap()), 0.0);
        assert_eq!(clock.elapsed_s(&moment("00:00:30").unwrap()), 60.0);
        let expected = "the file gives clock times and no recording says when it starts; \
                        they count from the first, 23:59:30";
        assert_eq!(clock.warnings()[0].message, expected);
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "x",
            "nan",
            "inf",
            "1e300",
            "-1e9",
            "25:00:00",
            "10:61:00",
            "10:00:99",
            "1:2:3:4",
            "13:00:00 pm",
            "99/99/2016 10:00:00",
            "10:00:-5",
            "0+x",
            ":",
            "::",
            "é:00:00",
            "-:",
        ] {
            assert!(moment(text).is_err(), "{text}: {:?}", moment(text));
        }
    }
}
