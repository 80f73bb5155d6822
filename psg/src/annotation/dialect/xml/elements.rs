//! Parses elements that several dialects have.

use crate::annotation::text::parse_error::redacted;
use crate::annotation::text::timestamp::{parse_duration, parse_seconds};

/// Parses the seconds in an element.
pub(super) fn seconds(element: &str, text: &str) -> Result<f64, String> {
    parse_seconds(text).map_err(|_| not_seconds(element, text))
}

/// Parses the seconds in an element, which are not negative; `None` if it is empty.
pub(super) fn optional_duration(element: &str, text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_duration(text).map(Some).map_err(|_| not_seconds(element, text))
}

fn not_seconds(element: &str, text: &str) -> String {
    format!("`{element}` is {}; expected a number of seconds", redacted(text))
}

/// Parses the length of an epoch, which some files leave empty.
pub(super) fn epoch_length(text: &str) -> Result<Option<f64>, String> {
    let length_s = optional_duration("EpochLength", text)?;
    if length_s.is_some_and(|length_s| !(1.0..=3600.0).contains(&length_s)) {
        return Err(format!("`EpochLength` is {}; expected 1 to 3600 s", redacted(text)));
    }
    Ok(length_s)
}
