//! Parses the start date and time of a recording.

use jiff::civil::{Date, Time};

/// Names of the months in the recording field (EDF+ specification, section 2.1.3).
pub(crate) const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// What the recording field of EDF+ starts with.
pub(crate) const START_DATE_PREFIX: &str = "Startdate ";

/// Parses a start date: the four-digit year of `Startdate dd-MMM-yyyy` in the recording field, or else `dd.mm.yy`.
///
/// Two-digit years are 1985 to 2084 (EDF+ specification, section 2.1.3.1).
pub(super) fn date(field: &str, recording: &str) -> Option<Date> {
    edf_plus_date(recording).or_else(|| {
        let [day, month, year] = numbers(field)?;
        let year = if year >= 85 { 1900 + year } else { 2000 + year };
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    })
}

fn edf_plus_date(recording: &str) -> Option<Date> {
    let date = recording.strip_prefix(START_DATE_PREFIX)?.split(' ').next()?;
    let mut parts = date.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    Date::new(year.parse().ok()?, month as i8, day.parse().ok()?).ok()
}

/// Parses a time of day, `hh.mm.ss`.
pub(super) fn time(field: &str) -> Option<Time> {
    let [hour, minute, second] = numbers(field)?;
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0)
        .ok()
}

/// Parses three numbers of at most two digits with any separator between them.
fn numbers(field: &str) -> Option<[i16; 3]> {
    let mut parts = field.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().filter(|part| (1..=2).contains(&part.len()))?.parse().ok();
    let numbers = [next()?, next()?, next()?];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digit_years_are_1985_to_2084() {
        assert_eq!(date("24.04.89", ""), Some(Date::constant(1989, 4, 24)));
        assert_eq!(date("06.02.18", ""), Some(Date::constant(2018, 2, 6)));
        assert_eq!(date("01.01.84", ""), Some(Date::constant(2084, 1, 1)));
    }

    #[test]
    fn recording_field_overrides_the_start_date() {
        assert_eq!(
            date("24.04.yy", "Startdate 24-APR-2089 X X X"),
            Some(Date::constant(2089, 4, 24))
        );
        assert_eq!(date("01.01.00", "Startdate X X X X"), Some(Date::constant(2000, 1, 1)));
        assert_eq!(date("24.04.89", "Startdate 24-APR-89"), Some(Date::constant(1989, 4, 24)));
        assert_eq!(date("01.02.03", "Startdate 31-FEB-2003"), Some(Date::constant(2003, 2, 1)));
    }

    #[test]
    fn dates_and_times_may_have_any_separator() {
        assert_eq!(date("02-08-51", ""), Some(Date::constant(2051, 8, 2)));
        assert_eq!(date("2/8/51", ""), Some(Date::constant(2051, 8, 2)));
        assert_eq!(time("23:59:59"), Some(Time::constant(23, 59, 59, 0)));
    }

    #[test]
    fn impossible_dates_and_times_are_none() {
        for field in ["00.00.00", "31.02.99", "", "1.1", "aa.bb.cc", "01.01.2001"] {
            assert_eq!(date(field, ""), None, "{field}");
        }
        assert_eq!(time("24.00.00"), None);
    }
}
