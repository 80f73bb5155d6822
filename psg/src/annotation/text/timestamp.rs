//! Parses the times of annotations: elapsed seconds, clock times and dates.

use jiff::civil::Date;

use super::parse_error::redacted;

/// Largest time and duration that is accepted, in seconds: about four months.
pub(in crate::annotation) const MAX_SECONDS: f64 = 1e7;

/// Seconds in a day.
pub(in crate::annotation) const DAY_S: f64 = 86_400.0;

/// Seconds in half a day.
const HALF_DAY_S: f64 = DAY_S / 2.0;

/// A time as written in a file.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::annotation) enum Timestamp {
    /// Seconds from the start of the recording.
    Elapsed(f64),
    /// A clock time.
    Clock(ClockTime),
}

/// A time of day, with its date if the file gives one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::annotation) struct ClockTime {
    /// The dates that the text may mean: day first, then month first.
    pub(in crate::annotation) dates: Vec<Date>,
    /// Seconds since midnight.
    pub(in crate::annotation) since_midnight_s: f64,
}

impl ClockTime {
    fn without_date(since_midnight_s: f64) -> Self {
        Self { dates: Vec::new(), since_midnight_s }
    }
}

/// Parses a time.
///
/// - seconds: `120.5`;
/// - elapsed time: `0+00:02:00.5`;
/// - clock time: `22:30:15.5`, `10:30:15 PM`;
/// - clock time with a date: `15/01/2016 22:30:00`, `2016-01-15T22:30:00`, and Luna's `15-01-2016-22:30:00`.
///
/// # Errors
///
/// A sentence if it is none of these.
pub(in crate::annotation) fn parse_timestamp(text: &str) -> Result<Timestamp, String> {
    let invalid =
        || format!("{} is not a valid time; expected seconds or hh:mm:ss", redacted(text));
    if let Some(elapsed) = text.strip_prefix("0+") {
        return parse_hours(elapsed).map(Timestamp::Elapsed).ok_or_else(invalid);
    }
    if !text.contains(':') {
        // Luna accepts `22.30.15` as a clock time, as EDF headers write it.
        let is_dotted = text.splitn(3, '.').count() == 3;
        let time = is_dotted.then(|| parse_time_of_day(&text.replacen('.', ":", 2))).flatten();
        return match time {
            Some(time_s) => Ok(Timestamp::Clock(ClockTime::without_date(time_s))),
            None => parse_seconds(text).map(Timestamp::Elapsed),
        };
    }
    let (date, time) = match text.rfind(['T', ' ', '-']).filter(|at| !is_am_or_pm(&text[*at..])) {
        Some(at) => (Some(text[..at].trim_end()), &text[at + 1..]),
        None => split_before_am_or_pm(text),
    };
    let dates = match date {
        Some(date) => parse_dates(date).ok_or_else(invalid)?,
        None => Vec::new(),
    };
    let since_midnight_s = parse_time_of_day(time).ok_or_else(invalid)?;
    Ok(Timestamp::Clock(ClockTime { dates, since_midnight_s }))
}

/// Parses a number of seconds.
pub(in crate::annotation) fn parse_seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.abs() <= MAX_SECONDS);
    number
        .ok_or_else(|| format!("{} is not a number of seconds up to {MAX_SECONDS}", redacted(text)))
}

/// Parses a number of seconds that is not negative.
pub(in crate::annotation) fn parse_duration(text: &str) -> Result<f64, String> {
    let duration_s = parse_seconds(text)?;
    if duration_s < 0.0 {
        return Err(format!("duration {} is negative", redacted(text)));
    }
    Ok(duration_s)
}

fn is_am_or_pm(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "am" | "pm")
}

/// Splits the date from a time that ends in `AM` or `PM` after a blank.
fn split_before_am_or_pm(text: &str) -> (Option<&str>, &str) {
    let time_end = text.rfind(' ').unwrap_or(0);
    match text[..time_end].rfind(['T', ' ', '-']) {
        Some(at) => (Some(text[..at].trim_end()), &text[at + 1..]),
        None => (None, text),
    }
}

/// Parses `hh:mm[:ss[.fff]]` with any number of hours, to seconds.
fn parse_hours(text: &str) -> Option<f64> {
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
    // 60 is a leap second.
    let is_time = parts.next().is_none() && minutes < 60 && (0.0..61.0).contains(&seconds);
    let elapsed_s = f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds;
    (is_time && elapsed_s <= MAX_SECONDS).then_some(elapsed_s)
}

fn parse_time_of_day(text: &str) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    // From 1:00 to 12:59; 12 AM is midnight and 12 PM noon.
    let half_day = |suffix| {
        let time = lower.strip_suffix(suffix)?;
        let is_valid = |time_s: &f64| (3600.0..46_800.0).contains(time_s);
        Some(parse_hours(time.trim_end()).filter(is_valid).map(|time_s| time_s % HALF_DAY_S))
    };
    let since_midnight_s = match (half_day("am"), half_day("pm")) {
        (Some(time_s), _) => time_s?,
        (None, Some(time_s)) => time_s? + HALF_DAY_S,
        (None, None) => parse_hours(&lower)?,
    };
    (since_midnight_s < DAY_S + 1.0).then_some(since_midnight_s)
}

/// Returns the dates that three numbers may mean.
fn parse_dates(text: &str) -> Option<Vec<Date>> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<i16>().ok().filter(|_| !text.starts_with('+'));
    let (a, b, c) = (number(first)?, number(second)?, number(third)?);
    let date = |year: i16, month: i16, day: i16| {
        // Two-digit years as in the EDF+ specification.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_times_are_refused() {
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
            assert!(parse_timestamp(text).is_err(), "{text}: {:?}", parse_timestamp(text));
        }
    }

    #[test]
    fn midnight_and_noon_are_12_am_and_12_pm() {
        let clock = |time_s| Ok(Timestamp::Clock(ClockTime::without_date(time_s)));
        assert_eq!(parse_timestamp("12:00:00 AM"), clock(0.0));
        assert_eq!(parse_timestamp("12:30:00pm"), clock(45_000.0));
    }

    #[test]
    fn messages_say_what_was_expected() {
        let time = "`1:x` is not a valid time; expected seconds or hh:mm:ss";
        assert_eq!(parse_timestamp("1:x"), Err(time.to_owned()));
        assert_eq!(parse_duration("-1"), Err("duration `-1` is negative".to_owned()));
    }
}
